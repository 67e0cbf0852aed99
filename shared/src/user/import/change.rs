//! Changes and deletions of imported users by a later import.

use serde_json::Value;

use super::{
    super::{
        Account, User,
        claim::{self, Name},
        delete,
        password::reset_addresses,
        record, staff,
    },
    Import,
};
use crate::{
    Error,
    audit::{self, Changed, Event},
    dynamo::{Db, Item, Write},
    email::Email,
    fields::changed,
    form::lenient::fingerprint,
    id::record_key,
    ids::Ids,
    imported::{CHANGED_HERE, Mark, NOT_IMPORTED, Outcome, What, find_sources, forget_pointer},
    otp,
    phone::Phone,
};

const LAST_STAFF: &str = "The last active staff user can be neither demoted, deactivated nor deleted.";

/// Makes an imported user, whom nobody has changed here since, what the other system now says. A new password, a deactivation and
/// a demotion end their sessions.
pub(super) async fn update(db: &Db, import: &Import, here: Item) -> Result<Outcome, Error> {
    let password = Mark::of(&here).map(|mark| mark.password);
    let account = Account::read(here)?;
    let (id, present) = (account.user.id, &account.user);
    let own = claim::names_of(present);
    let wanted: Vec<Name> = import.wanted().into_iter().filter(|name| !own.contains(name)).collect();
    let taken = claim::taken_names(db, &wanted).await?;
    let mut names = import.names(|name| taken.contains(name));
    // What another user has does not replace what they have.
    let keeps_email = import.email.is_some() && names.email.is_none();
    let keeps_phone = import.phone.is_some() && names.phone.is_none();
    if keeps_email {
        names.email = Email::parse(&present.email).ok();
    }
    if keeps_phone {
        names.phone = present.phone_number.as_deref().map(Phone::stored);
    }
    let mut user = User {
        date_joined: present.date_joined,
        last_login: present.last_login.max(import.last_login),
        ..import.user(id, &names)
    };
    if keeps_email {
        user.is_email_verified = present.is_email_verified;
    }
    if keeps_phone {
        user.is_phone_verified = present.is_phone_verified;
    }
    let mut next = account.clone();
    next.is_pending = import.is_pending;
    let is_new_password = Some(fingerprint(import.password.text())) != password;
    if is_new_password {
        next.password = import.password.clone();
    }
    let is_less = (present.is_active && !user.is_active) || (present.is_staff && !user.is_staff);
    next.epoch += u64::from(is_new_password || is_less);
    let mut fields = changed(present, &user)?;
    fields.extend(is_new_password.then(|| "password".to_owned()));
    next.version += u64::from(!fields.is_empty());
    next.user = user;

    let mut writes = moves(db, present, &next.user)?;
    if is_new_password {
        writes.extend(otp::withdraw_resets(db, reset_addresses(present)));
    }
    let unchanged = || {
        Write::update(&db.tables.users, record_key(id)).if_exists().if_as_loaded("version", &account.stored)
    };
    let write = next.change(db)?.unwrap_or_else(unchanged);
    let write =
        import.beside(next.version).into_iter().fold(write, |write, (name, value)| write.set(&name, value));
    writes.push(write);
    writes.extend(staff::count(db, present.is_active_staff(), next.user.is_active_staff()));
    if !db.transact(writes).await? {
        return refused(db, &account).await;
    }
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    audit::change(Event::Imported, None, Changed::User(id), &fields, "");
    let dropped = import.dropped.iter().cloned().chain(names.dropped).collect();
    Ok(Outcome::of(What::Updated, id).with(dropped))
}

/// The writes of the names that change, or are had otherwise.
fn moves(db: &Db, old: &User, new: &User) -> Result<Vec<Write>, Error> {
    let (had, has) = (claim::names_of(old), claim::names_of(new));
    let mut writes: Vec<Write> =
        had.iter().filter(|name| !has.contains(name)).map(|name| claim::free(db, name, old.id)).collect();
    for name in &has {
        let terms = Import::terms(new, name);
        if !had.contains(name) {
            writes.push(claim::take_free(db, name, new.id, &terms)?);
        } else if terms != Import::terms(old, name) {
            writes.push(claim::mark(db, name, new.id, &terms));
        }
    }
    Ok(writes)
}

/// Why a change was not made.
async fn refused(db: &Db, account: &Account) -> Result<Outcome, Error> {
    let id = account.user.id;
    let is_unchanged = record::find(db, id).await?.is_some_and(|now| now.version == account.version);
    let is_last = is_unchanged && account.user.is_active_staff() && staff::is_one(db).await?;
    Ok(Outcome::conflict(id, if is_last { LAST_STAFF } else { CHANGED_HERE }))
}

/// Deletes imported users whom nobody has changed here since, each given by its `id` in the import.
pub async fn delete_imported(db: &Db, ids: &Ids, records: Vec<Value>) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::new();
    for found in find_sources(db, ids, &db.tables.users, record_key, records).await? {
        outcomes.push(match found {
            Err(reason) => Outcome::refused(reason),
            Ok(None) => Outcome::absent(),
            Ok(Some(item)) => {
                let mark = Mark::of(&item);
                delete_one(db, Account::read(item)?, mark).await?
            }
        });
    }
    Ok(outcomes)
}

async fn delete_one(db: &Db, account: Account, mark: Option<Mark>) -> Result<Outcome, Error> {
    let id = account.user.id;
    let Some(mark) = mark else { return Ok(Outcome::conflict(id, NOT_IMPORTED)) };
    if mark.version != account.version {
        return Ok(Outcome::conflict(id, CHANGED_HERE));
    }
    let mut writes = delete::writes(db, &account);
    writes.extend(staff::count(db, account.user.is_active_staff(), false));
    writes.extend(forget_pointer(&db.tables.users, mark.source, id));
    if !db.transact(writes).await? {
        return refused(db, &account).await;
    }
    audit::change(Event::UserDeleted, None, Changed::User(id), &[], "");
    Ok(Outcome::of(What::Deleted, id))
}
