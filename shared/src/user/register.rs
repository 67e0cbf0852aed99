//! Registration.

use super::{
    Account, User, Username,
    claim::{self, Holders, Name, PROVEN, Terms, USERNAME},
    names::{taken_on, unproven},
};
use crate::{
    Error,
    client::Client,
    dynamo::{Db, Retry, Write},
    email::Email,
    fields::Given,
    ids::NewId,
    otp::{Limits, Purpose, Record},
    password::Hash,
    phone::Phone,
    registration::{self, Token},
    session, time,
};

/// Who is to be registered.
pub struct Registration {
    /// Their id.
    pub id: NewId,
    /// Their e-mail address; a code goes there.
    pub email: Option<Email>,
    /// What they said of the fields that have no rule of their own.
    pub details: Given,
    /// The hash of their password.
    pub password: Hash,
}

impl Registration {
    fn account(self, username: &Username, phone: Option<&Phone>) -> Account {
        let mut user = User {
            email: self.email.as_ref().map(|email| email.typed().to_owned()).unwrap_or_default(),
            phone_number: phone.map(|phone| phone.e164().to_owned()),
            ..User::new(self.id, username)
        };
        user.details.apply(&self.details);
        Account::new(user, self.password)
    }
}

/// Registers a user, with a code to their e-mail address: everything is written or nothing is.
///
/// `holders` is what was read of the names; when another request changes it before this one writes, it is read again.
pub async fn register(
    db: &Db,
    client: &Client,
    username: &Username,
    phone: Option<&Phone>,
    new: Registration,
    mut holders: Holders,
) -> Result<User, Error> {
    let email = new.email.clone();
    let account = new.account(username, phone);
    let unproven = unproven()?.in_language(account.user.language());
    let names = super::names(Some(username), email.as_ref(), phone).into_iter();
    let wanted: Vec<_> = names
        .map(|name| match (&name, &email) {
            (Name::Username(_), _) => (name, USERNAME),
            (Name::Email(_), Some(email)) => (name, unproven.clone().spelled(email.typed())),
            _ => (name, unproven.clone()),
        })
        .collect();
    let mut retry = Retry::of("a registration");
    loop {
        if try_register(db, client, &account, email.as_ref(), &wanted, &holders, Vec::new()).await? {
            return Ok(account.user);
        }
        retry.again().await?;
        let address = email.as_ref().map(Email::key);
        holders = claim::read_to_take(db, &names_in(&wanted), address.as_deref()).await?;
    }
}

/// Registers a user who has proven their phone number, which becomes their username, and begins a session for them:
/// everything is written and the token is used up, or nothing is.
///
/// `holders` says who has the e-mail address. The number is first taken to be free. When it is not, a user who has it unverified
/// loses it (under `Policy=strict`), and a user whose username it is loses that.
pub async fn register_by_phone(
    db: &Db,
    client: &Client,
    token: &Token,
    phone: &Phone,
    new: Registration,
    mut holders: Holders,
) -> Result<(User, session::New), Error> {
    let email = new.email.clone();
    let username = Username::parse(phone.e164()).map_err(Error::Internal)?;
    let mut account = new.account(&username, Some(phone));
    account.user.is_phone_verified = true;
    account.known_networks = account.networks_after(&client.network());
    let session = session::begin(&account, account.epoch, client)?;
    let unproven = unproven()?;
    let names = super::names(Some(&username), email.as_ref(), Some(phone)).into_iter();
    let wanted: Vec<_> = names
        .map(|name| match (&name, &email) {
            (Name::Email(_), Some(email)) => (name, unproven.clone().spelled(email.typed())),
            _ => (name, PROVEN),
        })
        .collect();
    let mut retry = Retry::of("a registration");
    loop {
        let also = vec![token.spend(db), session.write(db)?];
        if try_register(db, client, &account, email.as_ref(), &wanted, &holders, also).await? {
            return Ok((account.user, session));
        }
        retry.again().await?;
        let address = email.as_ref().map(Email::key);
        let names = names_in(&wanted);
        let (proven, again) = registration::read(db, Some(token), &names, address.as_deref()).await?;
        if proven.is_none() {
            return Err(Error::RegistrationTokenInvalid);
        }
        holders = again;
    }
}

fn names_in(wanted: &[(Name, Terms)]) -> Vec<Name> {
    wanted.iter().map(|(name, _)| name.clone()).collect()
}

/// False when something is no longer as it was read.
async fn try_register(
    db: &Db,
    client: &Client,
    account: &Account,
    email: Option<&Email>,
    wanted: &[(Name, Terms)],
    holders: &Holders,
    also: Vec<Write>,
) -> Result<bool, Error> {
    let id = account.user.id;
    // A username that is a number is taken only when the number is, and was not chosen by the user.
    let given = wanted.iter().filter(|(name, _)| !matches!(name.twin(), Some(Name::Phone(_))));
    let complaints = taken_on(given.map(|(name, terms)| (name, terms)), holders, id)?;
    if !complaints.is_empty() {
        return Err(Error::Invalid(complaints));
    }
    let mut writes = also;
    writes.extend(account.insert(db)?);
    if let Some(email) = email {
        writes.extend(send_code(db, client, email, &account.user, holders)?);
    }
    let (taken, losses) = claim::take(db, wanted, id, holders, None)?;
    writes.extend(taken);
    let is_registered = db.transact(writes).await?;
    if is_registered {
        losses.audit(Some(id), client.ip());
    }
    Ok(is_registered)
}

fn send_code(
    db: &Db,
    client: &Client,
    email: &Email,
    user: &User,
    holders: &Holders,
) -> Result<[Write; 2], Error> {
    let now = time::seconds(time::now());
    let allowance = holders.allowance.send_first(Purpose::VerifyEmail, now, Limits::from_env()?)?;
    let code = Record::by_email(Purpose::VerifyEmail, email.typed(), Some(user.id), client)?;
    let code = code.in_language(user.language());
    Ok([code.write(db, &email.key())?, allowance.write(db, &email.key())?])
}
