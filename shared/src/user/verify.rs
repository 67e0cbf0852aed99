//! The proof of an address or a number.

use crate::dynamo::Write as TransactWriteItem;

use crate::{
    App, Error, audit,
    dynamo::{Refused, Write, n, s, transact, update_expression, yes},
    email,
    id::record_key,
    otp::Redeemed,
    page::lowered,
    phone::Phone,
};

use super::{
    Account, User, Username,
    claim::{self, Holders, Losses, Name, PROVEN, USERNAME},
    find, username_key,
};

/// Proves an e-mail address with a code that was guessed right; a staged one becomes the present one. `holders` says which
/// it was when it was read, and whose username it is. Gives the names of the fields that changed; [`Error::OtpInvalid`] when
/// the code was used in the meantime, or the address is no longer theirs.
///
/// A username that is the present address becomes the new one or, if another user has that username, a generated one.
pub async fn verify_email(
    app: &App,
    address: &str,
    holders: &Holders,
    code: &Redeemed,
) -> Result<Vec<&'static str>, Error> {
    let name = Name::Email(address.to_owned());
    let staged = holders.of(&name).ok_or(Error::OtpInvalid)?.staged;
    let id = code.holder()?;
    let mut writes = vec![code.spend(app), claim::prove(app, &name, id, staged)];
    let user = Write::to(&app.tables.users).value("yes", yes()).value("one", n(1));
    let mut fields = vec!["is_email_verified"];
    if staged {
        let account = find(app, id).await?.ok_or(Error::OtpInvalid)?;
        let User { username, email: present, .. } = &account.user;
        let next = account.user.pending_email.as_ref().ok_or(Error::OtpInvalid)?;
        let is_username = !present.is_empty() && username_key(username) == email::key(present);
        fields = audit::changed([
            ("username", is_username),
            ("email", true),
            ("pending_email", true),
            ("is_email_verified", !account.user.is_email_verified),
        ]);
        let mut set = vec![
            "#email = :next",
            "is_email_verified = :yes",
            "#search.#email = :searched",
            "version = version + :one",
        ];
        // The username, too: it may just be becoming the present address.
        let mut user = user
            .when("#email = :present AND pending_email = :next AND #username = :username")
            .name("email")
            .name("username")
            .name("search")
            .value("username", s(username))
            .value("present", s(present))
            .value("next", s(next))
            .value("searched", s(lowered(next)));
        if is_username {
            let is_free = name.twin().is_some_and(|twin| holders.of(&twin).is_none());
            let new = Username::parse(next).ok().filter(|_| is_free).unwrap_or_else(Username::generated);
            writes.push(claim::free(app, &Name::Username(username_key(username)), id));
            writes.push(claim::take_free(app, &Name::Username(new.key()), id, USERNAME)?);
            set.extend(["#username = :new", "#search.#username = :called"]);
            user = user.value("new", s(new.text())).value("called", s(lowered(new.text())));
        }
        writes.push(user.update(record_key(id), &update_expression(&set, &["pending_email"]))?);
        if !present.is_empty() {
            writes.push(claim::free(app, &Name::Email(email::key(present)), id));
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

/// The proof of a user's phone number.
pub(crate) struct PhoneProof {
    /// What is written for it.
    pub writes: Vec<TransactWriteItem>,
    /// What another user loses by it.
    pub losses: Losses,
    /// The fields of the user that change.
    pub fields: &'static [&'static str],
}

/// Verifies the phone number of a user who asked for its code with their token. `None` when it is not theirs: another user has
/// verified it, or it is no longer in their profile. A user who has claimed it since, without verifying it, loses it.
pub(crate) fn prove_phone(
    app: &App,
    account: &Account,
    phone: &Phone,
    holders: &Holders,
) -> Result<Option<PhoneProof>, Error> {
    let (id, number) = (account.user.id, phone.e164());
    let name = Name::Phone(number.to_owned());
    let holder = holders.of(&name);
    let user = Write::update(&app.tables.users, record_key(id))
        .increment_version()
        .set("is_phone_verified", yes())
        .remove("lost_phone_number");
    if holder.is_some_and(|holder| holder.user_id == id) {
        let user = user.if_equals("phone_number", s(number));
        let writes = vec![claim::prove(app, &name, id, false), user];
        return Ok(Some(PhoneProof { writes, losses: Losses::default(), fields: &["is_phone_verified"] }));
    }
    if !account.claims(phone) || holder.is_some_and(|holder| !holder.has_lapsed()) {
        return Ok(None);
    }
    let (mut writes, losses) = claim::take(app, &[(name, PROVEN)], id, holders, None)?;
    let user = user
        .if_absent("phone_number")
        .if_equals("lost_phone_number", s(number))
        .set("phone_number", s(number))
        .set("search.phone_number", s(number));
    writes.push(user);
    Ok(Some(PhoneProof { writes, losses, fields: &["phone_number", "is_phone_verified"] }))
}
