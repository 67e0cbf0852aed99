//! Changes of a user's own fields.

use std::fmt::Write as _;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::{Date, USERNAME, User, Username, find, names, record_key, reservation, taken, username_key};
use crate::{
    App, Error,
    claim::{self, Holders, Name, Terms},
    dynamo::{ATTEMPTS, Refused, Write, pause_before, to_item, transact, update_expression},
    email::{self, Email},
    otp::{Limits, Purpose, Record},
    phone::Phone,
    time,
};

/// What a user changes about themselves. `None` leaves a field as it is.
#[derive(Default)]
pub struct Changes {
    /// A new username.
    pub username: Option<Username>,
    /// A new e-mail address, staged until a code has proven it.
    pub email: Option<Email>,
    /// A new phone number, or none.
    pub phone: Option<Option<Phone>>,
    /// A new first name.
    pub first_name: Option<String>,
    /// A new last name.
    pub last_name: Option<String>,
    /// A new address.
    pub address: Option<String>,
    /// A new date of birth, or none.
    pub date_of_birth: Option<Option<Date>>,
}

impl Changes {
    /// The names that these changes would take.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        names(self.username.as_ref(), self.email.as_ref(), self.phone.as_ref().and_then(Option::as_ref))
    }

    /// Whether a name among these is not the user's already.
    #[must_use]
    pub fn takes_names(&self, user: &User) -> bool {
        let is_new_username =
            self.username.as_ref().is_some_and(|new| new.key() != username_key(&user.username));
        let new_phone = self.phone.as_ref().and_then(Option::as_ref).map(Phone::e164);
        is_new_username
            || self.stages_email(user)
            || (new_phone.is_some() && new_phone != user.phone_number.as_deref())
    }

    /// Whether a new address is to be staged, for which a code goes out.
    #[must_use]
    pub fn stages_email(&self, user: &User) -> bool {
        let pending = user.pending_email.as_deref().map(email::key);
        self.email
            .as_ref()
            .is_some_and(|new| new.key() != email::key(&user.email) && Some(new.key()) != pending)
    }
}

/// One field of a record in an update.
struct Field {
    name: &'static str,
    value: Option<AttributeValue>,
}

/// Changes a user; gives the user as they then are, and the names of the fields that changed.
///
/// Fields that are not named are left alone, so that two writers of different fields both succeed. A name moves in one
/// transaction with the record; when another request changes what was read, it is read again.
pub async fn update(
    app: &App,
    mut user: User,
    changes: &Changes,
    mut holders: Holders,
) -> Result<(User, Vec<&'static str>), Error> {
    let id = user.id;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            let code_to = changes.email.as_ref().map(Email::key);
            let names = changes.names();
            let (account, read) =
                futures_util::join!(find(app, id), claim::read(app, &names, code_to.as_deref()));
            user = account?.ok_or(Error::NotFound("User"))?.user;
            holders = read?;
        }
        let complaints = taken(&changes.names(), &holders, id);
        if !complaints.is_empty() {
            return Err(Error::Invalid(complaints));
        }
        let mut next = user.clone();
        let moves = apply(app, changes, &mut next, &holders)?;
        let fields = difference(&user, &next)?;
        if fields.is_empty() && moves.is_empty() {
            return Ok((user, Vec::new()));
        }
        let names = fields.iter().map(|field| field.name).collect();
        let mut writes = vec![update_record(app, &user, &fields)?];
        writes.extend(moves);
        match transact(app, writes).await {
            Ok(()) => return Ok((next, names)),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a change found no quiet moment".into()))
}

/// Applies changes to the user; gives the writes besides the user's own record.
fn apply(
    app: &App,
    changes: &Changes,
    user: &mut User,
    holders: &Holders,
) -> Result<Vec<TransactWriteItem>, Error> {
    let id = user.id;
    let (mut wanted, mut writes) = (Vec::new(), Vec::new());
    if let Some(new) = &changes.username {
        let old = username_key(&user.username);
        if new.key() != old {
            wanted.push((Name::Username(new.key()), USERNAME));
            writes.push(claim::free(app, &Name::Username(old), id)?);
        }
        new.text().clone_into(&mut user.username);
    }
    if let Some(new) = &changes.phone {
        let new = new.as_ref().map(|phone| phone.e164().to_owned());
        if new != user.phone_number {
            if let Some(number) = &new {
                let terms = Terms { verified: false, staged: false, reserved_for: reservation()? };
                wanted.push((Name::Phone(number.clone()), terms));
            }
            if let Some(old) = user.phone_number.take() {
                writes.push(claim::free(app, &Name::Phone(old), id)?);
            }
            user.phone_number = new;
            user.is_phone_verified = false;
        }
    }
    if let Some(new) = &changes.email {
        let stages = changes.stages_email(user);
        writes.extend(change_email(app, new, stages, user)?);
        if stages {
            let terms = Terms { verified: false, staged: true, reserved_for: reservation()? };
            wanted.push((Name::Email(new.key()), terms));
            writes.extend(send_codes(app, new, user, holders)?);
        }
    }
    if let Some(new) = &changes.first_name {
        user.first_name.clone_from(new);
    }
    if let Some(new) = &changes.last_name {
        user.last_name.clone_from(new);
    }
    if let Some(new) = &changes.address {
        user.address.clone_from(new);
    }
    if let Some(new) = changes.date_of_birth {
        user.date_of_birth = new;
    }
    writes.extend(claim::take(app, &wanted, id, holders)?);
    Ok(writes)
}

/// Stages a new address in place of any that is staged; going back to the present address gives the staged one up.
fn change_email(
    app: &App,
    new: &Email,
    stages: bool,
    user: &mut User,
) -> Result<Option<TransactWriteItem>, Error> {
    let is_present = new.key() == email::key(&user.email);
    if is_present {
        new.typed().clone_into(&mut user.email);
    }
    let given_up = if is_present || stages { user.pending_email.take() } else { None };
    if stages {
        user.pending_email = Some(new.typed().to_owned());
    }
    given_up.map(|address| claim::free(app, &Name::Email(email::key(&address)), user.id)).transpose()
}

/// A code to the new address, and a notice to the present one.
fn send_codes(
    app: &App,
    new: &Email,
    user: &User,
    holders: &Holders,
) -> Result<Vec<TransactWriteItem>, Error> {
    let now = time::seconds(time::now());
    let allowance = holders.allowance.send(Purpose::VerifyEmail, now, Limits::from_env()?)?;
    let code = Record::new(Purpose::VerifyEmail, new.typed(), Some(user.id))?;
    let mut writes = vec![code.write(app, &new.key())?, allowance.write(app, &new.key())?];
    if !user.email.is_empty() {
        writes.push(Record::new(Purpose::NoticeEmailChange, &user.email, Some(user.id))?.write_notice(app)?);
    }
    Ok(writes)
}

/// The fields in which two states of a user differ.
fn difference(old: &User, new: &User) -> Result<Vec<Field>, Error> {
    const FIELDS: [&str; 10] = [
        "username",
        "email",
        "pending_email",
        "phone_number",
        "is_phone_verified",
        "first_name",
        "last_name",
        "address",
        "date_of_birth",
        "is_email_verified",
    ];
    let (old, new) = (to_item(old)?, to_item(new)?);
    Ok(FIELDS
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| Field { name, value: new.get(name).filter(|value| !value.is_null()).cloned() })
        .collect())
}

/// The write of a user's changed fields, on condition that the names among them are what they were.
fn update_record(app: &App, old: &User, fields: &[Field]) -> Result<TransactWriteItem, Error> {
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    let mut write = Write::to(&app.tables.users);
    let mut condition = "attribute_exists(pk)".to_owned();
    let stored = to_item(old)?;
    for Field { name, value } in fields {
        match value {
            Some(value) => {
                set.push(format!("{name} = :{name}"));
                write = write.value(name, value.clone());
            }
            None => remove.push(*name),
        }
        if matches!(*name, "username" | "email" | "pending_email" | "phone_number") {
            match stored.get(*name).filter(|value| !value.is_null()) {
                Some(value) => {
                    let _ = write!(condition, " AND {name} = :was_{name}");
                    write = write.value(&format!("was_{name}"), value.clone());
                }
                None => {
                    let _ = write!(condition, " AND attribute_not_exists({name})");
                }
            }
        }
    }
    let set: Vec<_> = set.iter().map(String::as_str).collect();
    let expression = update_expression(&set, &remove);
    write.when(&condition).update(record_key(old.id), &expression)
}
