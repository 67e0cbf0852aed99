//! Registration tokens: who has proven a phone number may make an account with it, once, within ten minutes.

use aws_lc_rs::digest::{SHA256, digest};
use uuid::Uuid;

use crate::{
    Error, config,
    dynamo::{BatchGet, Db, Write, key, n, number, s, text},
    otp::Redeemed,
    phone::Phone,
    time,
    user::claim::{self, Holders, Name},
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
    pub(crate) fn spend(&self, db: &Db) -> Write {
        Write::delete(&db.tables.otps, key(self.pk())).if_exists()
    }
}

/// Exchanges a code that was guessed right for a token.
pub async fn issue(db: &Db, phone: &Phone, code: &Redeemed) -> Result<Token, Error> {
    let token = Token(Uuid::new_v4().simple().to_string());
    let mut record = key(token.pk());
    record.insert("phone".to_owned(), s(phone.e164()));
    let expires = time::seconds(time::now()) + config::number("OTP_LIFETIME_SECONDS")?;
    record.insert("expires".to_owned(), n(expires));
    let writes = vec![code.spend(db), Write::put(&db.tables.otps, record)];
    if db.transact(writes).await? { Ok(token) } else { Err(Error::OtpInvalid) }
}

/// The phone number that the token's holder has proven, as long as the token lives; and, as [`claim::read`] gives it, who has
/// these names.
pub async fn read(
    db: &Db,
    token: Option<&Token>,
    names: &[Name],
    code_to: Option<&str>,
) -> Result<(Option<Phone>, Holders), Error> {
    let record = token.map(|token| key(token.pk()));
    let mut batch = BatchGet::default();
    if let Some(record) = &record {
        batch.want(&db.tables.otps, record.clone());
    }
    let (holders, mut found) = claim::read_beside(db, batch, names, code_to).await?;
    let live = record.and_then(|record| found.take(&db.tables.otps, &record)).filter(|record| {
        number(record, "expires").is_some_and(|expires| expires > time::seconds(time::now()))
    });
    Ok((live.as_ref().and_then(|record| text(record, "phone")).map(Phone::stored), holders))
}
