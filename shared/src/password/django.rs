//! Hashes that Django made, which hold until their owner logs in and gets one of ours:
//! <https://docs.djangoproject.com/en/5.2/topics/auth/passwords/#how-django-stores-passwords>

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Block, PasswordHash, Version};
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA1_OUTPUT_LEN, SHA256, SHA256_OUTPUT_LEN, digest},
    pbkdf2,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bcrypt::HashParts;
use zeroize::Zeroizing;

use crate::Error;

/// The most that a hash may cost: more than Django's defaults have ever cost, and within a function's memory and
/// time. Who has a hash that costs more could not log in.
const MOST_ITERATIONS: u32 = 2_000_000;
const MOST_MEMORY_KIB: u32 = 131_072;
const MOST_PASSES: u32 = 10;
const MOST_BCRYPT_COST: u32 = 14;
const MOST_SCRYPT_WORK: u64 = 1 << 22;

const MALFORMED: &str = "The password hash is malformed.";
const EXPENSIVE: &str = "The password hash costs more than a login may.";
const UNKNOWN: &str = "The password is not hashed by PBKDF2, Argon2, bcrypt or scrypt.";

const SCRYPT_OUTPUT_LEN: usize = 64;

/// What a user's field `password` holds.
pub(super) enum Encoded<'a> {
    /// No password is right.
    Unusable,
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: &'a str,
        hash: Vec<u8>,
    },
    Argon2 {
        argon2: Box<Argon2<'static>>,
        hash: Box<PasswordHash>,
    },
    /// Of the password or, because bcrypt takes 72 bytes, of the SHA-256 of it in hexadecimal digits.
    Bcrypt {
        of_digest: bool,
        hash: &'a str,
    },
    Scrypt {
        params: scrypt::Params,
        salt: &'a str,
        hash: Vec<u8>,
    },
}

impl<'a> Encoded<'a> {
    /// Reads a hash, or says why it is not taken.
    pub(super) fn read(text: &'a str) -> Result<Self, &'static str> {
        if text.is_empty() || text.starts_with('!') {
            return Ok(Self::Unusable);
        }
        let (algorithm, rest) = text.split_once('$').ok_or(UNKNOWN)?;
        match algorithm {
            "pbkdf2_sha256" => pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, SHA256_OUTPUT_LEN, rest),
            "pbkdf2_sha1" => pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, SHA1_OUTPUT_LEN, rest),
            // The rest is a PHC string without its first `$`.
            "argon2" => argon2(text.get(algorithm.len()..).ok_or(MALFORMED)?),
            "bcrypt_sha256" => bcrypt(true, rest),
            "bcrypt" => bcrypt(false, rest),
            "scrypt" => scrypt(rest),
            _ => Err(UNKNOWN),
        }
    }

    /// Whether it is the password's, found in constant time.
    pub(super) fn is_of(&self, password: &str) -> Result<bool, Error> {
        let password = password.as_bytes();
        match self {
            Self::Unusable => Ok(false),
            Self::Pbkdf2 { algorithm, iterations, salt, hash } => {
                Ok(pbkdf2::verify(*algorithm, *iterations, salt.as_bytes(), password, hash).is_ok())
            }
            Self::Argon2 { argon2, hash } => {
                let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
                let mut memory = Zeroizing::new(vec![Block::default(); argon2.params().block_count()]);
                let mut output = vec![0; expected.len()];
                argon2
                    .hash_password_into_with_memory(password, salt, &mut output, memory.as_mut_slice())
                    .map_err(failure)?;
                Ok(verify_slices_are_equal(&output, expected.as_bytes()).is_ok())
            }
            Self::Bcrypt { of_digest: false, hash } => bcrypt::verify(password, hash).map_err(failure),
            Self::Bcrypt { of_digest: true, hash } => {
                let digest = Zeroizing::new(hex::encode(digest(&SHA256, password)));
                bcrypt::verify(digest.as_bytes(), hash).map_err(failure)
            }
            Self::Scrypt { params, salt, hash } => {
                let mut output = [0; SCRYPT_OUTPUT_LEN];
                scrypt::scrypt(password, salt.as_bytes(), params, &mut output).map_err(failure)?;
                Ok(verify_slices_are_equal(&output, hash).is_ok())
            }
        }
    }
}

/// `<iterations>$<salt>$<hash in Base64>`
fn pbkdf2(algorithm: pbkdf2::Algorithm, length: usize, text: &str) -> Result<Encoded<'_>, &'static str> {
    let [iterations, salt, hash] = parts(text)?;
    let iterations: NonZeroU32 = iterations.parse().map_err(|_| MALFORMED)?;
    if iterations.get() > MOST_ITERATIONS {
        return Err(EXPENSIVE);
    }
    Ok(Encoded::Pbkdf2 { algorithm, iterations, salt, hash: decoded(hash, length)? })
}

/// A PHC string; without a version, one of Argon2 1.0.
fn argon2(phc: &str) -> Result<Encoded<'static>, &'static str> {
    let hash = PasswordHash::new(phc).map_err(|_| MALFORMED)?;
    let params = argon2::Params::try_from(&hash).map_err(|_| MALFORMED)?;
    let algorithm: Algorithm = hash.algorithm.as_str().parse().map_err(|_| MALFORMED)?;
    let version = hash.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(|_| MALFORMED)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(MALFORMED);
    }
    if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES {
        return Err(EXPENSIVE);
    }
    Ok(Encoded::Argon2 { argon2: Box::new(Argon2::new(algorithm, version, params)), hash: Box::new(hash) })
}

/// What bcrypt itself writes: `$2b$<cost>$<salt and hash>`
fn bcrypt(of_digest: bool, hash: &str) -> Result<Encoded<'_>, &'static str> {
    let read: HashParts = hash.parse().map_err(|_| MALFORMED)?;
    match read.get_cost() {
        4..=MOST_BCRYPT_COST => Ok(Encoded::Bcrypt { of_digest, hash }),
        cost if cost > MOST_BCRYPT_COST => Err(EXPENSIVE),
        _ => Err(MALFORMED),
    }
}

/// `<N>$<salt>$<r>$<p>$<hash in Base64>`
fn scrypt(text: &str) -> Result<Encoded<'_>, &'static str> {
    let [n, salt, r, p, hash] = parts(text)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| MALFORMED);
    let (n, r, p) = (number(n)?, number(r)?, number(p)?);
    if !n.is_power_of_two() {
        return Err(MALFORMED);
    }
    let blocks = u64::from(n).saturating_mul(r.into());
    // A block is 128 bytes.
    if blocks.saturating_mul(p.into()) > MOST_SCRYPT_WORK || blocks / 8 > MOST_MEMORY_KIB.into() {
        return Err(EXPENSIVE);
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| MALFORMED)?;
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| MALFORMED)?;
    Ok(Encoded::Scrypt { params, salt, hash: decoded(hash, SCRYPT_OUTPUT_LEN)? })
}

fn parts<const N: usize>(text: &str) -> Result<[&str; N], &'static str> {
    let parts: Vec<_> = text.split('$').collect();
    parts.try_into().map_err(|_| MALFORMED)
}

fn decoded(hash: &str, length: usize) -> Result<Vec<u8>, &'static str> {
    STANDARD.decode(hash).ok().filter(|hash| hash.len() == length).ok_or(MALFORMED)
}

fn failure<E: std::fmt::Display>(error: E) -> Error {
    Error::internal(format!("a hash of Django's: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The password of each of these, which Django 5.2 has hashed (and argon2-cffi and bcrypt, where Django has changed since).
    const PASSWORD: &str = "password123";
    const HASHES: [&str; 11] = [
        "pbkdf2_sha256$1000000$oalFgeCDcBUsmD1TsN4Cd0$oRZgWCA3YvHcINQHj496+/U2RmkcTlPPq5pz1UJHGvI=",
        "pbkdf2_sha1$1000000$MzHo6epWAm3lTXcw7mZaEi$cLLYYCbAFFiBVVZB4DOlf/f64ZI=",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$NjFxbGhGdEdMVXlleEV2TWVGQ3l0eg$2U7+Wm4g8VKTewmhhDtOOb7HPLkIsnuqVlfDWP65YQA",
        "argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZkFCQ0RFRg$tmlj7hrj4V0RuNZnl1it5w",
        "argon2$argon2i$v=16$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZkFCQ0RFRg$vjo70d1BDkVs2YAnAxbzrw",
        "argon2$argon2i$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZkFCQ0RFRg$vjo70d1BDkVs2YAnAxbzrw",
        "argon2$argon2d$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZkFCQ0RFRg$LCbMJnurPOCOaGbCqKnjmQ",
        "bcrypt_sha256$$2b$12$6SKV4zA2piS8joZG5nA1OOf.W.XuorbA4M.yB2SYRb49DQKcVKW2G",
        "bcrypt$$2b$12$0CemIpOreQhQ1.PPBuuCZ.Tr8363cSgj5JPRpvNcv0c4THV9Mkj.2",
        "bcrypt$$2a$04$O73Un8XRQX0QQIl5BU97keKBPaH2dsXoNXIwB9S2VxeGE42ymKkjy",
        "scrypt$16384$h259Ss13qupTBSCsWg2rMI$8$5$MJQ9QbjpzIU5quAJ+foztWuj0dfaBI6mX2iLnRt2GTdzKKxJYLFHBFOASsrqLBn0rvTJiV/T61yrsjwslMyzkQ==",
    ];

    #[test]
    fn every_hash_is_of_its_password_and_of_no_other() {
        for hash in HASHES {
            let encoded = Encoded::read(hash).unwrap_or_else(|why| panic!("{hash}: {why}"));
            assert!(encoded.is_of(PASSWORD).unwrap(), "{hash}");
            assert!(!encoded.is_of("Password123").unwrap(), "{hash}");
        }
    }

    #[test]
    fn no_password_is_that_of_an_unusable_hash() {
        for hash in ["", "!", "!3FK25y5UCNuaTQpfRE3xN8pRuOE3NiJff1x95UqZ"] {
            let encoded = Encoded::read(hash).unwrap();
            assert!(!encoded.is_of("").unwrap() && !encoded.is_of(hash).unwrap());
        }
    }

    #[test]
    fn a_hash_that_costs_too_much_is_refused() {
        for hash in [
            "pbkdf2_sha256$4000000000$salt$oRZgWCA3YvHcINQHj496+/U2RmkcTlPPq5pz1UJHGvI=",
            "argon2$argon2id$v=19$m=4194304,t=2,p=8$NjFxbGhGdEdMVXlleEV2TWVGQ3l0eg$2U7+Wm4g8VKTewmhhDtOOb7HPLkIsnuqVlfDWP65YQA",
            "argon2$argon2id$v=19$m=102400,t=4000000,p=8$NjFxbGhGdEdMVXlleEV2TWVGQ3l0eg$2U7+Wm4g8VKTewmhhDtOOb7HPLkIsnuqVlfDWP65YQA",
            "bcrypt$$2b$31$0CemIpOreQhQ1.PPBuuCZ.Tr8363cSgj5JPRpvNcv0c4THV9Mkj.2",
            "scrypt$1073741824$salt$8$5$MJQ9QbjpzIU5quAJ+foztWuj0dfaBI6mX2iLnRt2GTdzKKxJYLFHBFOASsrqLBn0rvTJiV/T61yrsjwslMyzkQ==",
            "scrypt$16384$salt$4000000000$4000000000$MJQ9QbjpzIU5quAJ+foztWuj0dfaBI6mX2iLnRt2GTdzKKxJYLFHBFOASsrqLBn0rvTJiV/T61yrsjwslMyzkQ==",
        ] {
            assert_eq!(Encoded::read(hash).err(), Some(EXPENSIVE), "{hash}");
        }
    }

    #[test]
    fn what_is_no_hash_is_refused_with_the_reason() {
        for hash in [
            "password123",
            "plain$password123",
            "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
            "$argon2id$v=19",
        ] {
            assert_eq!(Encoded::read(hash).err(), Some(UNKNOWN), "{hash}");
        }
        for hash in [
            "pbkdf2_sha256$0$salt$oRZgWCA3YvHcINQHj496+/U2RmkcTlPPq5pz1UJHGvI=",
            "pbkdf2_sha256$1$salt",
            "argon2$argon2id$v=19$m=102400,t=2,p=8",
            "argon2$scrypt$ln=14",
            "bcrypt$$2b$99$0CemIpOreQhQ1.PPBuuCZ.Tr8363cSgj5JPRpvNcv0c4THV9Mkj",
            "bcrypt$$2b$01$0CemIpOreQhQ1.PPBuuCZ.Tr8363cSgj5JPRpvNcv0c4THV9Mkj.2",
            "scrypt$1000$salt$8$5$MJQ9QbjpzIU5quAJ+foztWuj0dfaBI6mX2iLnRt2GTdzKKxJYLFHBFOASsrqLBn0rvTJiV/T61yrsjwslMyzkQ==",
            "scrypt$0$salt$8$5$MJQ9",
        ] {
            assert_eq!(Encoded::read(hash).err(), Some(MALFORMED), "{hash}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(
            algorithm in "pbkdf2_sha256|argon2|bcrypt|bcrypt_sha256|scrypt|[a-z]{3}", rest in "[$a-zA-Z0-9=,+/.]{0,60}",
        ) {
            let _ = Encoded::read(&format!("{algorithm}${rest}"));
        }
    }
}
