//! Reading and forging tokens.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Api;

/// The order of the curve P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The three parts of a token.
pub(crate) fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// What a token says.
pub(crate) fn claims(token: &str) -> Value {
    decoded(parts(token)[1])
}

/// What its header says.
pub(crate) fn header(token: &str) -> Value {
    decoded(parts(token)[0])
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A part of a token.
pub(crate) fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// A part of a token, of bytes.
pub(crate) fn encoded_bytes(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The same token with the other signature that ECDSA allows: (r, n - s) for (r, s).
pub(crate) fn respelled(token: &str) -> String {
    let [header, claims, signature] = parts(token);
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        signature[32 + at] = u8::try_from(difference + 256 * borrow).unwrap();
    }
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A key that can sign.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    pub(crate) kid: String,
}

impl Key {
    /// A new one, under the id `kid`.
    pub(crate) fn named(kid: &str) -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        Self { pair, kid: kid.to_owned() }
    }

    /// A new one that the stack believes: its public half is among the published ones.
    pub(crate) async fn believed(api: &Api) -> Self {
        let key = Self::named("a-key-of-the-tests-that-the-stack-believes-");
        let point = key.pair.public_key().as_ref();
        let text = |text: &str| json!({ "S": text });
        let item = json!({
            "pk": text("keys"), "sk": text(&format!("key#{}", key.kid)), "kid": text(&key.kid), "kty": text("EC"),
            "crv": text("P-256"), "use": text("sig"), "alg": text("ES256"), "x": text(&encoded_bytes(&point[1..33])),
            "y": text(&encoded_bytes(&point[33..65])), "expires": { "N": "4102444800" },
        });
        api.put_item("Tokens", &item).await;
        key
    }

    /// A token that says `claims`.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": self.kid });
        let signed = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encoded_bytes(signature.as_ref()))
    }
}
