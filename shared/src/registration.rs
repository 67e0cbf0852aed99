//! Registration tokens: who has proven a phone number may make an account with it, once, within ten minutes.

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::TransactWriteItem;
use uuid::Uuid;

use crate::{
    App, Error, config,
    dynamo::{Refused, Write, key, n, number, s, text, transact},
    otp::Redeemed,
    phone::Phone,
    time,
};

/// A token as its holder has it: 32 hexadecimal digits, random. It is stored as its hash, and cannot be printed.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes any text; whether it is a token the table says.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The token, for its holder.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    fn pk(&self) -> String {
        format!("registration#{}", hex::encode(digest(&SHA256, self.0.as_bytes())))
    }

    /// The write that uses the token up: it fails when it was used.
    pub(crate) fn spend(&self, app: &App) -> Result<TransactWriteItem, Error> {
        Write::to(&app.tables.otps).when("attribute_exists(pk)").delete(key(self.pk()))
    }
}

/// Exchanges a code that was guessed right for a token.
pub async fn issue(app: &App, phone: &Phone, code: &Redeemed) -> Result<Token, Error> {
    let token = Token(Uuid::new_v4().simple().to_string());
    let mut record = key(token.pk());
    record.insert("phone".to_owned(), s(phone.e164()));
    let expires = time::seconds(time::now()) + config::number("OTP_LIFETIME_SECONDS")?;
    record.insert("expires".to_owned(), n(expires));
    match transact(app, vec![code.spend(app)?, Write::to(&app.tables.otps).put(record)?]).await {
        Ok(()) => Ok(token),
        Err(Refused::Conditions) => Err(Error::OtpInvalid),
        Err(Refused::Error(error)) => Err(error),
    }
}

/// The phone number that the token's holder has proven, as long as the token lives.
pub async fn phone(app: &App, token: &Token) -> Result<Option<Phone>, Error> {
    let get = app.dynamodb.get_item().table_name(&app.tables.otps).consistent_read(true);
    let found = get.set_key(Some(key(token.pk()))).send().await.map_err(Error::from_aws)?.item;
    let live = found.filter(|record| {
        number(record, "expires").is_some_and(|expires| expires > time::seconds(time::now()))
    });
    Ok(live.as_ref().and_then(|record| text(record, "phone")).map(Phone::stored))
}
