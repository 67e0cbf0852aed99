//! The proof of an address or a number.

use crate::{
    Error, audit,
    dynamo::{Db, Write, s, yes},
    email,
    id::record_key,
    otp::{Purpose, Redeemed},
    phone::Phone,
    unicode,
};

use super::{
    Account, User, Username,
    claim::{self, Holder, Holders, Losses, Name, PROVEN, USERNAME},
    find, notices,
    pending::{activated, if_settled},
    update::is_called,
    username_key,
};

/// Proves an e-mail address with a code that was guessed right; a staged one becomes the present one, and the one before, if it was
/// verified, hears of it. `holders` says which it was when it was read, and whose username it is. Gives the names of the fields that
/// changed; [`Error::OtpInvalid`] when the code was used in the meantime, or the address is no longer theirs.
///
/// An address that a user staged is verified with that user's token: `caller` is whose token came with the code. Otherwise somebody
/// whose stolen token is dead already could still take the account over.
///
/// A username that is the present address becomes the new one or, if another user has that username, a generated one.
pub async fn verify_email(
    db: &Db,
    address: &str,
    holders: &Holders,
    code: &Redeemed,
    caller: Option<Account>,
) -> Result<Vec<&'static str>, Error> {
    let name = Name::Email(address.to_owned());
    let holder = holders.of(&name).ok_or(Error::OtpInvalid)?;
    let (&Holder { staged, by_user, .. }, is_waiting) = (holder, holder.is_waiting());
    let id = code.holder()?;
    let mut writes = vec![code.spend(db), claim::prove(db, &name, id, staged)];
    let user =
        Write::update(&db.tables.users, record_key(id)).set("is_email_verified", yes()).increment_version();
    if !staged {
        return verify_present(db, address, code, writes, user).await;
    }
    let account = match caller {
        Some(account) if account.user.id == id => account,
        None if !by_user && is_waiting => find(db, id).await?.ok_or(Error::OtpInvalid)?,
        _ => return Err(Error::OtpInvalid),
    };
    let User { username, email: present, .. } = &account.user;
    let next = account.user.pending_email.as_ref().ok_or(Error::OtpInvalid)?;
    let is_username = !present.is_empty() && username_key(username) == email::key(present);
    let fields = audit::changed([
        ("username", is_username),
        ("email", true),
        ("pending_email", true),
        ("is_email_verified", !account.user.is_email_verified),
        ("is_active", account.is_pending),
    ]);
    let mut user = activated(user, &account)
        .if_equals("email", s(present))
        .if_equals("pending_email", s(next))
        // It may just be becoming the present address.
        .if_equals("username", s(username))
        .set("email", s(next))
        .set("search.email", s(unicode::folded(next)))
        .remove("pending_email");
    if is_username {
        let is_free = name.twin().is_some_and(|twin| holders.of(&twin).is_none());
        let new = Username::parse(next).ok().filter(|_| is_free).unwrap_or_else(Username::generated);
        writes.push(claim::free(db, &Name::Username(username_key(username)), id));
        writes.push(claim::take_free(db, &Name::Username(new.key()), id, &USERNAME)?);
        user = user.set("username", s(new.text())).set("search.username", s(unicode::folded(new.text())));
    }
    if !present.is_empty() {
        writes.push(claim::free(db, &Name::Email(email::key(present)), id));
        writes.extend(notices::tell(db, &account.user, Purpose::NoticeEmailChanged)?);
    }
    writes.push(user.if_exists());
    if db.transact(writes).await? { Ok(fields) } else { Err(Error::OtpInvalid) }
}

/// Verifies the present address by `writes` and a write of the user. The user is loaded only when that fails, as it does for a
/// pending user.
async fn verify_present(
    db: &Db,
    address: &str,
    code: &Redeemed,
    mut writes: Vec<Write>,
    user: Write,
) -> Result<Vec<&'static str>, Error> {
    let mut again = writes.clone();
    writes.push(if_settled(user.clone()).if_exists());
    if db.transact(writes).await? {
        return Ok(vec!["is_email_verified"]);
    }
    let account = find(db, code.holder()?).await?;
    let pending = account.filter(|account| account.is_pending && email::key(&account.user.email) == address);
    again.push(activated(user, &pending.ok_or(Error::OtpInvalid)?));
    if db.transact(again).await? {
        Ok(vec!["is_email_verified", "is_active"])
    } else {
        Err(Error::OtpInvalid)
    }
}

/// The proof of a user's phone number.
pub(crate) struct PhoneProof {
    /// What is written for it.
    pub writes: Vec<Write>,
    /// What another user loses by it.
    pub losses: Losses,
    /// The fields of the user that change.
    pub fields: &'static [&'static str],
}

/// Verifies the phone number of a user who asked for its code with their token. `None` when it is not theirs: another user has
/// verified it, or it is no longer in their profile. A user who has claimed it since, without verifying it, loses it.
pub(crate) fn prove_phone(
    db: &Db,
    account: &Account,
    phone: &Phone,
    holders: &Holders,
) -> Result<Option<PhoneProof>, Error> {
    let (id, number) = (account.user.id, phone.e164());
    let name = Name::Phone(number.to_owned());
    if account.user.pending_phone_number.as_deref() == Some(number) {
        return replace_phone(db, account, name, holders);
    }
    let holder = holders.of(&name);
    let user = Write::update(&db.tables.users, record_key(id))
        .increment_version()
        .set("is_phone_verified", yes())
        .remove("lost_phone_number");
    if holder.is_some_and(|holder| holder.user_id == id) {
        let user = user.if_equals("phone_number", s(number));
        let mut writes = vec![claim::prove(db, &name, id, false), user];
        writes.extend(notices::tell_of_phone(db, &account.user)?);
        return Ok(Some(PhoneProof { writes, losses: Losses::default(), fields: &["is_phone_verified"] }));
    }
    if !account.claims(phone) || holder.is_some_and(|holder| !holder.has_lapsed()) {
        return Ok(None);
    }
    let terms = PROVEN.in_language(account.user.language());
    let (mut writes, losses) = claim::take(db, &[(name, terms)], id, holders, None)?;
    let user = user
        .if_absent("phone_number")
        .if_equals("lost_phone_number", s(number))
        .set("phone_number", s(number))
        .set("search.phone_number", s(number));
    writes.push(user);
    writes.extend(notices::tell_of_phone(db, &account.user)?);
    Ok(Some(PhoneProof { writes, losses, fields: &["phone_number", "is_phone_verified"] }))
}

/// Puts the pending number in the place of the present one. `None` when another user has verified it. A username that is the old number
/// goes with it.
fn replace_phone(
    db: &Db,
    account: &Account,
    name: Name,
    holders: &Holders,
) -> Result<Option<PhoneProof>, Error> {
    let user = &account.user;
    if holders.refuse(&name, user.id, &PROVEN)? {
        return Ok(None);
    }
    let mut next = account.clone();
    next.user.phone_number = next.user.pending_phone_number.take();
    next.user.is_phone_verified = true;
    next.version += 1;
    let mut wanted = vec![(name, PROVEN.in_language(user.language()))];
    let (mut writes, mut fields): (_, &[_]) = (Vec::new(), &["phone_number", "pending_phone_number"]);
    if let Some(old) = &user.phone_number {
        writes.push(claim::free(db, &Name::Phone(old.clone()), user.id));
        if is_called(user, old)? {
            let generated = Username::generated();
            generated.text().clone_into(&mut next.user.username);
            writes.push(claim::free(db, &Name::Username(username_key(&user.username)), user.id));
            wanted.push((Name::Username(generated.key()), USERNAME));
            fields = &["username", "phone_number", "pending_phone_number"];
        }
    }
    writes.extend(next.change(db)?);
    let (taken, losses) = claim::take(db, &wanted, user.id, holders, None)?;
    writes.extend(taken);
    writes.extend(notices::tell_of_phone(db, user)?);
    Ok(Some(PhoneProof { writes, losses, fields }))
}
