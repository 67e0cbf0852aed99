//! The proof of an e-mail address.

use crate::{
    App, Error,
    claim::{self, Name},
    dynamo::{Refused, Write, s, transact, yes},
    email,
    otp::Redeemed,
};

use super::{find, record_key};

/// Proves an e-mail address with a code that was guessed right; a staged one becomes the present one. `staged` says which
/// it was when it was read. [`Error::OtpInvalid`] when the code was used meanwhile, or the address is no longer theirs.
pub async fn verify_email(app: &App, address: &str, staged: bool, code: &Redeemed) -> Result<(), Error> {
    let name = Name::Email(address.to_owned());
    let mut writes = vec![code.spend(app)?, claim::prove(app, &name, code.user_id, staged)?];
    let user = Write::to(&app.tables.users).value("yes", yes());
    if staged {
        let account = find(app, code.user_id).await?.ok_or(Error::OtpInvalid)?;
        let present = account.user.email;
        writes.push(
            user.when("email = :present AND attribute_exists(pending_email)")
                .value("present", s(&present))
                .update(
                record_key(code.user_id),
                "SET email = pending_email, is_email_verified = :yes REMOVE pending_email",
            )?,
        );
        if !present.is_empty() {
            writes.push(claim::free(app, &Name::Email(email::key(&present)), code.user_id)?);
        }
    } else {
        let update = user
            .when("attribute_exists(pk)")
            .update(record_key(code.user_id), "SET is_email_verified = :yes")?;
        writes.push(update);
    }
    match transact(app, writes).await {
        Ok(()) => Ok(()),
        Err(Refused::Conditions) => Err(Error::OtpInvalid),
        Err(Refused::Error(error)) => Err(error),
    }
}
