//! Users who come from another system.

use jiff::Timestamp;

use super::{
    Account, Id, User, Username,
    claim::{self, Holders, Name, PROVEN, Terms, USERNAME},
    find, names, staff,
};
use crate::{
    Error,
    dynamo::{Db, Retry},
    email::Email,
    error::FieldErrors,
    fields::Given,
    ids::NewId,
    password::Hash,
    phone::Phone,
    time,
};

/// How an address is had that the other system had not proven. It does not lapse: its user has not been sent a code yet.
const UNPROVEN: Terms = Terms { verified: false, ..PROVEN };

#[expect(clippy::struct_excessive_bools, reason = "they are the fields of the API")]
/// Who is to be imported.
pub struct Import {
    /// A `UUIDv7` of the time at which they joined. Whoever imports chooses it, and chooses the same when they try again.
    pub id: Id,
    /// Their username.
    pub username: Username,
    /// Their e-mail address, if they have one.
    pub email: Option<Email>,
    /// Their phone number, if they have one.
    pub phone: Option<Phone>,
    /// What is known of the fields that have no rule of their own.
    pub details: Given,
    /// Whether the other system had proven the e-mail address.
    pub is_email_verified: bool,
    /// Whether the other system had proven the phone number.
    pub is_phone_verified: bool,
    /// Whether they can log in.
    pub is_active: bool,
    /// Whether they are staff.
    pub is_staff: bool,
    /// When they last logged in there.
    pub last_login: Option<Timestamp>,
    /// The hash of their password.
    pub password: Hash,
}

impl Import {
    fn account(self) -> Account {
        let at = self.id.time().unwrap_or_else(time::now);
        let new = User::new(NewId { id: self.id, at }, &self.username);
        let mut user = User {
            is_email_verified: self.is_email_verified && self.email.is_some(),
            is_phone_verified: self.is_phone_verified && self.phone.is_some(),
            email: self.email.map(|email| email.typed().to_owned()).unwrap_or_default(),
            phone_number: self.phone.map(|phone| phone.e164().to_owned()),
            is_active: self.is_active,
            is_staff: self.is_staff,
            last_login: self.last_login,
            ..new
        };
        user.details.apply(&self.details);
        Account::new(user, self.password)
    }
}

/// Imports a user with their unique names: everything is written or nothing is. False, and nothing is changed, when the id is
/// there already. 400 when somebody else has one of the names: even one that has lapsed is not taken over, because the other
/// may have been imported, too.
pub async fn import(db: &Db, new: Import) -> Result<bool, Error> {
    let names = names(Some(&new.username), new.email.as_ref(), new.phone.as_ref());
    let account = new.account();
    let user = &account.user;
    let wanted: Vec<_> = names
        .iter()
        .map(|name| match name {
            Name::Username(_) => (name.clone(), USERNAME),
            Name::Email(_) if user.is_email_verified => (name.clone(), PROVEN),
            Name::Phone(_) if user.is_phone_verified => (name.clone(), PROVEN),
            Name::Email(_) | Name::Phone(_) => (name.clone(), UNPROVEN),
        })
        .collect();
    let mut retry = Retry::of("an import of a user");
    loop {
        let mut writes = vec![account.insert(db)?];
        // Nobody loses a name to it.
        let (taken, _) = claim::take(db, &wanted, user.id, &Holders::default(), None)?;
        writes.extend(taken);
        writes.extend(staff::count(db, false, user.is_active_staff()));
        if db.transact(writes).await? {
            return Ok(true);
        }
        // Most are new and need no reading. Of the others, the first refusal is no conflict.
        if find(db, user.id).await?.is_some() {
            return Ok(false);
        }
        refuse(&names, &claim::read_names(db, &names).await?, user.id)?;
        retry.again().await?;
    }
}

/// 400 for names that anybody else has. Who has them already is imported twice at the same time.
fn refuse(names: &[Name], holders: &Holders, user: Id) -> Result<(), Error> {
    let had = names.iter().filter(|name| holders.of(name).is_some_and(|holder| holder.user_id != user));
    let complaints: FieldErrors = had.map(|name| (name.field(), vec![name.taken().into()])).collect();
    if complaints.is_empty() { Ok(()) } else { Err(Error::Invalid(complaints)) }
}
