//! Notices: messages without a code that tell users what has changed in their accounts (OWASP ASVS 5.0, 6.3.7).
//!
//! A notice is written in the transaction that makes the change, so that there is no change without it, and sent by the stream. It
//! goes to the address as it was verified before the change: an address that somebody gave an account proves nothing.

use super::{User, username_key};
use crate::{
    Error,
    dynamo::{Db, Write},
    otp::{Channel, Purpose, Record},
};

/// The write that tells a user, at their verified e-mail address. `None` when they have none.
pub(super) fn tell(db: &Db, user: &User, what: Purpose) -> Result<Option<Write>, Error> {
    if !user.is_email_verified || user.email.is_empty() {
        return Ok(None);
    }
    let notice = Record::notice(what, Channel::Email, &user.email, user.id)?;
    notice.in_language(user.language()).write_notice(db).map(Some)
}

/// The same about a phone number that was verified now. Without such an address it tells the number that the new one replaces, by
/// SMS.
pub(super) fn tell_of_phone(db: &Db, user: &User) -> Result<Option<Write>, Error> {
    if let told @ Some(_) = tell(db, user, Purpose::NoticePhoneChanged)? {
        return Ok(told);
    }
    let Some(number) = user.phone_number.as_ref().filter(|_| user.is_phone_verified) else { return Ok(None) };
    let notice = Record::notice(Purpose::NoticePhoneChanged, Channel::Sms, number, user.id)?;
    notice.in_language(user.language()).write_notice(db).map(Some)
}

/// The writes that tell a user what a change of their profile means for getting into the account.
pub(super) fn of_change(db: &Db, before: &User, after: &User) -> Result<Vec<Write>, Error> {
    let is_same_number = before.phone_number == after.phone_number;
    let changed = [
        (Purpose::NoticeUsernameChanged, username_key(&before.username) != username_key(&after.username)),
        (Purpose::NoticePhoneRemoved, before.is_phone_verified && !is_same_number),
        (
            Purpose::NoticePhoneChanged,
            after.is_phone_verified && !(before.is_phone_verified && is_same_number),
        ),
        (Purpose::NoticeStaffRights, after.is_staff && !before.is_staff),
    ];
    let told = changed.into_iter().filter(|(_, is_changed)| *is_changed);
    told.filter_map(|(what, _)| tell(db, before, what).transpose()).collect()
}
