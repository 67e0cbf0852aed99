//! The proof of an address or a number.

use aws_sdk_dynamodb::types::TransactWriteItem;

use crate::{
    App, Error,
    claim::{self, Name},
    dynamo::{Refused, Write, n, s, transact, yes},
    email, log,
    otp::Redeemed,
    page::lowered,
};

use super::{Id, find, record_key};

/// Proves an e-mail address with a code that was guessed right; a staged one becomes the present one. `staged` says which
/// it was when it was read. Gives the names of the fields that changed; [`Error::OtpInvalid`] when the code was used
/// meanwhile, or the address is no longer theirs.
pub async fn verify_email(
    app: &App,
    address: &str,
    staged: bool,
    code: &Redeemed,
) -> Result<Vec<&'static str>, Error> {
    let name = Name::Email(address.to_owned());
    let id = code.holder()?;
    let mut writes = vec![code.spend(app)?, claim::prove(app, &name, id, staged)?];
    let user = Write::to(&app.tables.users).value("yes", yes()).value("one", n(1));
    let mut fields = vec!["is_email_verified"];
    if staged {
        let account = find(app, id).await?.ok_or(Error::OtpInvalid)?;
        fields = log::changed([
            ("email", true),
            ("pending_email", true),
            ("is_email_verified", !account.user.is_email_verified),
        ]);
        let present = account.user.email;
        let next = account.user.pending_email.ok_or(Error::OtpInvalid)?;
        writes.push(
            user.when("#email = :present AND pending_email = :next")
                .name("email")
                .name("search")
                .value("present", s(&present))
                .value("next", s(&next))
                .value("searched", s(lowered(&next)))
                .update(
                    record_key(id),
                    "SET #email = :next, is_email_verified = :yes, #search.#email = :searched, \
                     version = version + :one REMOVE pending_email",
                )?,
        );
        if !present.is_empty() {
            writes.push(claim::free(app, &Name::Email(email::key(&present)), id)?);
        }
    } else {
        let set = "SET is_email_verified = :yes, version = version + :one";
        writes.push(user.when("attribute_exists(pk)").update(record_key(id), set)?);
    }
    match transact(app, writes).await {
        Ok(()) => Ok(fields),
        Err(Refused::Conditions) => Err(Error::OtpInvalid),
        Err(Refused::Error(error)) => Err(error),
    }
}

/// The writes that prove the phone number of a user.
pub(crate) fn prove_phone(app: &App, id: Id, number: &str) -> Result<[TransactWriteItem; 2], Error> {
    let user = Write::to(&app.tables.users)
        .when("phone_number = :number")
        .value("number", s(number))
        .value("yes", yes())
        .value("one", n(1))
        .update(record_key(id), "SET is_phone_verified = :yes, version = version + :one")?;
    Ok([claim::prove(app, &Name::Phone(number.to_owned()), id, false)?, user])
}
