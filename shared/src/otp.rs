//! One-time codes. A code is never stored: it is derived, as in HOTP (RFC 4226), from a key and the random nonce of its
//! record, once by the function that sends it and once by the function that checks it.

mod allowance;
mod limit;
mod redeem;

use std::fmt;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Error,
    client::Client,
    config::{self, Policy},
    dynamo::{Db, Item, Write, key, number, s, to_item},
    id::Id,
    phone::Phone,
    secret::Secrets,
    throttle, time,
};

pub use allowance::{Allowance, Limits};
pub use limit::{throttle_of, throttle_of_changes};
pub(crate) use limit::{throttle_of_claimants, throttle_of_stack};
pub use redeem::{Codes, GUESS_LENGTH, Redeemed, forget_guesses, guess, is_waiting};

/// What a code is for. A code for one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To prove that an e-mail address is its user's.
    VerifyEmail,
    /// To set a new password without the old one.
    ResetPassword,
    /// To log in without the password.
    LogIn,
    /// To prove that a phone number is its user's, or its employee's.
    VerifyPhone,
    /// To begin an account with a phone number.
    SignUp,
    /// No code: tells the present address that another is to replace it.
    NoticeEmailChange,
    /// No code: tells the address that another has replaced it.
    NoticeEmailChanged,
    /// No code: tells the address that a phone number was verified, with which one can get into the account. By SMS it tells a
    /// number that another one was verified in its place.
    NoticePhoneChanged,
    /// No code: tells the address that a verified phone number was removed or replaced.
    NoticePhoneRemoved,
    /// No code: tells the address that the password was changed, by its user or with a code.
    NoticePasswordChanged,
    /// No code: tells the address that the username was changed.
    NoticeUsernameChanged,
    /// No code: tells the address that its user is staff now.
    NoticeStaffRights,
    /// No code: tells the address that the account was deleted.
    NoticeUserDeleted,
}

impl Purpose {
    /// Whether a message of this purpose has no code.
    pub(crate) fn is_notice(self) -> bool {
        match self {
            Self::VerifyEmail | Self::ResetPassword | Self::LogIn | Self::VerifyPhone | Self::SignUp => false,
            Self::NoticeEmailChange
            | Self::NoticeEmailChanged
            | Self::NoticePhoneChanged
            | Self::NoticePhoneRemoved
            | Self::NoticePasswordChanged
            | Self::NoticeUsernameChanged
            | Self::NoticeStaffRights
            | Self::NoticeUserDeleted => true,
        }
    }
}

/// How a code goes out; the filters of the stream's readers choose by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A mail.
    Email,
    /// A text message.
    Sms,
    /// A decoy: nothing is sent and no guess is right, but answering took the same calls.
    None,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::LogIn => "log_in",
            Self::VerifyPhone => "verify_phone",
            Self::SignUp => "sign_up",
            Self::NoticeEmailChange => "notice_email_change",
            Self::NoticeEmailChanged => "notice_email_changed",
            Self::NoticePhoneChanged => "notice_phone_changed",
            Self::NoticePhoneRemoved => "notice_phone_removed",
            Self::NoticePasswordChanged => "notice_password_changed",
            Self::NoticeUsernameChanged => "notice_username_changed",
            Self::NoticeStaffRights => "notice_staff_rights",
            Self::NoticeUserDeleted => "notice_user_deleted",
        })
    }
}

/// A record of the Otps table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// What it is for.
    pub purpose: Purpose,
    /// How it goes out.
    pub channel: Channel,
    /// Where to, as it was typed.
    pub to: String,
    /// For whom, if for a user: the code proves nothing for anybody else who has the address by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
    /// Whether it was that user who asked for it, signed in. Otherwise a code for a phone number is for no user; one of
    /// the previous release names the user who had claimed the number, which verifies nothing.
    #[serde(default)]
    by_themselves: bool,
    /// The language of that user, a primary language subtag (BCP 47). Records of release 0.1.0 have none; then, and where there are no
    /// texts in it, the message is in the stack's language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The epoch in which that user was, for a code to log in: it is worth nothing in another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    /// What makes the code this one, in hexadecimal.
    pub nonce: String,
    /// Digits of the code.
    digits: u32,
    /// Guesses left to the network that asked for it; every other network's are counted by address. In records without a
    /// network (of release 0.1.0) they are everybody's.
    attempts_left: u64,
    /// The fingerprint of the network that asked for it; in a code that staff asked for, of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    /// The marks of further networks whose guesses count as the asker's: those in which the user is known, when staff asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    networks: Vec<String>,
    /// Seconds since 1970.
    pub expires: u64,
}

/// The key of the record of a purpose and an address in its unique form.
pub(crate) fn pk(purpose: Purpose, address: &str) -> String {
    format!("{purpose}#{address}")
}

/// Under what the code is stored and counted that a user asks for to verify their own number (in E.164 form). It is apart from the code that
/// anyone may ask for: a stranger neither replaces it nor uses up how often it may be sent.
#[must_use]
pub fn address_of_claimant(number: &str, user: Id) -> String {
    format!("{number}#{}", user.stored())
}

/// The number in such an address; any other address as it is.
fn number_of(address: &str) -> &str {
    address.split_once('#').map_or(address, |(number, _)| number)
}

/// The writes that delete the codes for a new password that were sent to these addresses, each in its unique form, if there are any:
/// they die with the password that they were to replace.
pub(crate) fn withdraw_resets(db: &Db, addresses: impl Iterator<Item = String>) -> Vec<Write> {
    let withdraw =
        |address: String| Write::delete(&db.tables.otps, key(pk(Purpose::ResetPassword, &address)));
    addresses.map(withdraw).collect()
}

/// How many digits a code has, by `OTP_LENGTH`: at most eight, because of nine some come more often than others, and under
/// `Policy=strict` at least six (NIST SP 800-63B, 3.1.3.2).
fn length() -> Result<u32, Error> {
    let fewest = if Policy::from_env()? == Policy::Strict { 6 } else { 4 };
    Ok(u32::try_from(config::number("OTP_LENGTH")?).unwrap_or(8).clamp(fewest, 8))
}

/// Whether a stored record is somebody's and has not expired.
pub(crate) fn is_live(item: &Item) -> bool {
    item.contains_key("user_id")
        && number(item, "expires").is_some_and(|expires| expires > time::seconds(time::now()))
}

impl Record {
    /// A new code to an e-mail address of `user`, asked for by `client`; without a user it is a decoy.
    pub fn by_email(purpose: Purpose, to: &str, user: Option<Id>, client: &Client) -> Result<Self, Error> {
        let channel = if user.is_some() { Channel::Email } else { Channel::None };
        Self::new(purpose, channel, to, user, length()?, client)
    }

    /// A new code for a new password to the phone number of `user`, asked for by `client`; without a user it is a decoy.
    pub fn recovery_by_sms(to: &Phone, user: Option<Id>, client: &Client) -> Result<Self, Error> {
        let channel = if user.is_some() { Channel::Sms } else { Channel::None };
        Self::new(Purpose::ResetPassword, channel, to.e164(), user, length()?, client)
    }

    /// A new code to log in, to the address or number of a user who is in this epoch, asked for by `client`; without a user it is a
    /// decoy.
    pub fn to_log_in(
        channel: Channel,
        to: &str,
        user: Option<(Id, u64)>,
        client: &Client,
    ) -> Result<Self, Error> {
        let channel = if user.is_some() { channel } else { Channel::None };
        let (user, epoch) = user.unzip();
        Ok(Self { epoch, ..Self::new(Purpose::LogIn, channel, to, user, length()?.max(6), client)? })
    }

    /// A new code to a phone number, whoever has it. The Django systems' own sample requests have four digits.
    pub fn by_sms(purpose: Purpose, to: &Phone, user: Option<Id>, client: &Client) -> Result<Self, Error> {
        let digits = match Policy::from_env()? {
            Policy::Strict => length()?,
            Policy::Seeds => 4,
        };
        Self::new(purpose, Channel::Sms, to.e164(), user, digits, client)
    }

    /// A message without a code to an address or number of a user.
    pub(crate) fn notice(purpose: Purpose, channel: Channel, to: &str, user: Id) -> Result<Self, Error> {
        let expires = time::seconds(time::now()) + config::number("OTP_LIFETIME_SECONDS")?;
        let (to, user_id) = (to.to_owned(), Some(user));
        Ok(Self { channel, to, user_id, expires, ..Self::decoy(purpose) })
    }

    /// Says that staff asked for it: its user enters it, in one of these networks or elsewhere.
    #[must_use]
    pub fn by_staff(self, networks: Vec<String>) -> Self {
        Self { network: Some("staff".to_owned()), networks, ..self }
    }

    /// Says which language its user has chosen; blank for none.
    #[must_use]
    pub fn in_language(self, language: &str) -> Self {
        Self { language: Some(language.to_owned()).filter(|language| !language.is_empty()), ..self }
    }

    /// Says that it was its user who asked for it.
    #[must_use]
    pub fn by_themselves(self, by_themselves: bool) -> Self {
        Self { by_themselves, ..self }
    }

    fn new(
        purpose: Purpose,
        channel: Channel,
        to: &str,
        user_id: Option<Id>,
        digits: u32,
        client: &Client,
    ) -> Result<Self, Error> {
        Ok(Self {
            purpose,
            channel,
            to: to.to_owned(),
            user_id,
            by_themselves: false,
            language: None,
            epoch: None,
            networks: Vec::new(),
            nonce: Uuid::new_v4().simple().to_string(),
            digits,
            attempts_left: config::number("MAX_OTP_ATTEMPTS")?,
            network: Some(throttle::fingerprint(&client.network())),
            expires: time::seconds(time::now()) + config::number("OTP_LIFETIME_SECONDS")?,
        })
    }

    fn decoy(purpose: Purpose) -> Self {
        Self {
            purpose,
            channel: Channel::None,
            to: String::new(),
            user_id: None,
            by_themselves: false,
            language: None,
            epoch: None,
            networks: Vec::new(),
            nonce: Uuid::new_v4().simple().to_string(),
            digits: 6,
            attempts_left: 0,
            network: None,
            expires: 0,
        }
    }

    /// The write that stores it under its purpose and `address`, in place of any other.
    ///
    /// With it goes the write of the address's [`Allowance`], which fails when another code was sent since the address and
    /// its holder were read: a code that somebody is waiting for is not lost, and one that an account left behind when it
    /// lost the address stands in nobody's way.
    pub(crate) fn write(&self, db: &Db, address: &str) -> Result<Write, Error> {
        Ok(Write::put(&db.tables.otps, self.item(address)?))
    }

    /// The write that stores a message without a code.
    pub(crate) fn write_notice(&self, db: &Db) -> Result<Write, Error> {
        Ok(Write::put(&db.tables.otps, self.item(&self.nonce)?))
    }

    fn item(&self, address: &str) -> Result<Item, Error> {
        let mut item = to_item(self)?;
        if let Some(user) = self.user_id {
            item.insert("user_id".to_owned(), s(user.stored()));
        }
        item.extend(key(pk(self.purpose, address)));
        Ok(item)
    }

    fn code(&self, key: &hmac::Key, address: &str) -> String {
        hotp(key, format!("{}#{address}#{}", self.purpose, self.nonce).as_bytes(), self.digits)
    }
}

/// A record that the stream brought, to be sent.
pub struct Pending {
    /// The record.
    pub record: Record,
    address: String,
}

impl Pending {
    /// Reads an image of a record, in the JSON of DynamoDB Streams.
    pub fn read(image: &Value) -> Result<Self, Error> {
        let unreadable = |error: String| Error::internal(format!("an image that cannot be read: {error}"));
        let item = serde_dynamo::Item::deserialize(image).map_err(|error| unreadable(error.to_string()))?;
        let pk = image.pointer("/pk/S").and_then(Value::as_str).unwrap_or_default();
        let (_purpose, address) = pk.split_once('#').ok_or_else(|| unreadable("no key".into()))?;
        let record = serde_dynamo::from_item(item).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { record, address: address.to_owned() })
    }

    /// Whether anybody is to get it.
    #[must_use]
    pub fn is_to_be_sent(&self) -> bool {
        self.record.channel != Channel::None
    }

    /// Whether its code can still be used.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.record.expires > time::seconds(time::now())
    }

    /// Its code.
    pub(crate) async fn code(&self, secrets: &Secrets) -> Result<String, Error> {
        Ok(self.record.code(&secrets.secret().await?.code_key()?, &self.address))
    }
}

/// RFC 4226, section 5.3, over SHA-256: so many decimal digits.
fn hotp(key: &hmac::Key, moving_factor: &[u8], digits: u32) -> String {
    let tag = hmac::sign(key, moving_factor);
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or(0) & 0x0f);
    let word = bytes.get(offset..offset + 4).unwrap_or(&[0; 4]);
    let number = word.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:0width$}", number % 10_u32.pow(digits), width = digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn code(purpose: Purpose, nonce: &str, address: &str) -> String {
        let record = Record { nonce: nonce.into(), purpose, ..Record::decoy(purpose) };
        record.code(&Secret::of("a secret of the tests").code_key().unwrap(), address)
    }

    #[test]
    fn a_code_is_bound_to_its_nonce_its_purpose_and_its_address() {
        let one = code(Purpose::VerifyEmail, "a", "ada@example.com");
        assert_eq!(one, code(Purpose::VerifyEmail, "a", "ada@example.com"));
        assert_ne!(one, code(Purpose::VerifyEmail, "b", "ada@example.com"));
        assert_ne!(one, code(Purpose::ResetPassword, "a", "ada@example.com"));
        assert_ne!(one, code(Purpose::VerifyEmail, "a", "bob@example.com"));
        assert!(one.len() == 6 && one.bytes().all(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn a_code_keeps_its_leading_zeros() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        assert!(
            (0..200_u32)
                .map(|i| hotp(&key, &i.to_be_bytes(), 4))
                .any(|code| code.starts_with('0') && code.len() == 4)
        );
    }
}
