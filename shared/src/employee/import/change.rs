//! Changes and deletions of imported employees by a later import.

use serde_json::Value;

use super::{
    super::{Record, delete, names::taken_names, record::record_key},
    Import,
};
use crate::{
    Error,
    audit::{self, Changed, Event},
    dynamo::{Db, Write},
    fields::changed,
    ids::Ids,
    imported::{CHANGED_HERE, Mark, NOT_IMPORTED, Outcome, What, find_sources, forget_pointer},
    time,
};

/// Makes an imported employee, whom nobody has changed here since, what the other system now says. Their owner stays.
pub(super) async fn update(db: &Db, import: &Import, record: &Record) -> Result<Outcome, Error> {
    let present = &record.employee;
    let (id, own) = (present.id, present.names());
    let wanted: Vec<_> = import.wanted().into_iter().filter(|name| !own.contains(name)).collect();
    let taken = taken_names(db, &wanted).await?;
    let names = import.names(|name| taken.contains(name));
    let mut next = record.clone();
    let mut new = import.record(id, present.owner, &names).employee;
    // What another employee has does not replace what they have.
    if import.phone.is_some() && names.phone.is_none() {
        new.phone_number.clone_from(&present.phone_number);
        new.is_phone_verified = present.is_phone_verified;
    }
    if import.email.is_some() && names.email.is_none() {
        new.email.clone_from(&present.email);
    }
    (new.created_at, new.updated_at) = (present.created_at, present.updated_at);
    let fields = changed(present, &new)?;
    if !fields.is_empty() {
        new.updated_at = time::now();
        next.version += 1;
    }
    next.employee = new;
    let unchanged = || {
        Write::update(&db.tables.employees, record_key(id))
            .if_exists()
            .if_as_loaded("version", &record.stored)
    };
    let write = next.change(db)?.unwrap_or_else(unchanged);
    let write =
        import.beside(next.version).into_iter().fold(write, |write, (name, value)| write.set(&name, value));
    let mut writes = vec![write];
    writes.extend(next.moves_from(db, record));
    if !db.transact(writes).await? {
        return Ok(Outcome::conflict(id, CHANGED_HERE));
    }
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    audit::change(Event::Imported, None, Changed::Employee(id), &fields, "");
    Ok(Outcome::of(What::Updated, id).with(import.dropped(&names)))
}

/// Deletes imported employees whom nobody has changed here since, each given by its `id` in the import.
pub async fn delete_imported(db: &Db, ids: &Ids, records: Vec<Value>) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::new();
    for found in find_sources(db, ids, &db.tables.employees, record_key, records).await? {
        outcomes.push(match found {
            Err(reason) => Outcome::refused(reason),
            Ok(None) => Outcome::absent(),
            Ok(Some(item)) => {
                let mark = Mark::of(&item);
                delete_one(db, &Record::read(item)?, mark).await?
            }
        });
    }
    Ok(outcomes)
}

async fn delete_one(db: &Db, record: &Record, mark: Option<Mark>) -> Result<Outcome, Error> {
    let id = record.employee.id;
    let Some(mark) = mark else { return Ok(Outcome::conflict(id, NOT_IMPORTED)) };
    if mark.version != record.version {
        return Ok(Outcome::conflict(id, CHANGED_HERE));
    }
    let mut writes = delete::writes(db, record);
    writes.extend(forget_pointer(&db.tables.employees, mark.source, id));
    if !db.transact(writes).await? {
        return Ok(Outcome::conflict(id, CHANGED_HERE));
    }
    audit::change(Event::EmployeeDeleted, None, Changed::Employee(id), &[], "");
    Ok(Outcome::of(What::Deleted, id))
}
