//! The import of many employees at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    super::{
        Id, Name, Record,
        names::taken_names,
        record::{counters, record_key},
    },
    INCIDENTAL, Import, Names, Owner, change,
};
use crate::{
    Error,
    audit::{self, Changed, Event},
    dynamo::{Db, Item, Retry, Write},
    id,
    ids::{Ids, Numbered},
    imported::{
        Arrival, Group, Mode, Outcome, Place, Standing, Tally, What, find, ids_of, new_ids, of_present,
        pointer, write_groups,
    },
    phone::PhoneRules,
    user::{self, claim},
};

/// A record that is not here.
struct New {
    at: usize,
    import: Import,
    standing: Standing,
}

/// Imports employees; says of each, in order, what became of it. Of two with one name, the earlier gets it. They are written as
/// users are: see [`user::import`].
pub async fn import(db: &Db, ids: &Ids, mode: Mode, records: Vec<Value>) -> Result<Vec<Outcome>, Error> {
    let phones = PhoneRules::from_env()?;
    let read: Vec<Result<Arrival, String>> =
        records.into_iter().map(|record| Arrival::read(record, ids, &INCIDENTAL)).collect();
    let places: Vec<Place> = read.iter().flatten().map(|arrival| arrival.place).collect();
    let mut standings = find(db, ids, &db.tables.employees, record_key, &places).await?.into_iter();

    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    let mut new = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, arrival) in read.into_iter().enumerate() {
        outcomes.push(match arrival {
            Err(reason) => Some(Outcome::refused(reason)),
            Ok(arrival) => {
                let standing = standings.next().unwrap_or_default();
                match (&standing.record, standing.id) {
                    _ if !seen.insert(arrival.place.source) => Some(Outcome::twice()),
                    (Some(here), Some(id)) => Some(match of_present(mode, &arrival, here, id) {
                        Some(outcome) => outcome,
                        None => change(db, arrival, phones, here.clone()).await?,
                    }),
                    _ => match Import::of(arrival, phones) {
                        Ok(import) => {
                            new.push(New { at, import, standing });
                            None
                        }
                        Err(reason) => Some(Outcome::refused(reason)),
                    },
                }
            }
        });
    }
    if !new.is_empty() {
        let owners = Owners::find(db, ids, &new, mode == Mode::Compare).await?;
        let is_owned = |new: &New| mode == Mode::Compare || owners.of(&new.import).is_some();
        let (owned, orphans): (Vec<New>, Vec<New>) = new.into_iter().partition(|new| {
            let is_named = matches!(new.import.owner, Owner::Named(_));
            if is_named { owners.of(&new.import).is_some() } else { is_owned(new) }
        });
        for orphan in orphans {
            let field =
                if matches!(orphan.import.owner, Owner::Named(_)) { "owner_username" } else { "owner" };
            outcomes[orphan.at] = Some(Outcome::refused(format!("{field}: There is no such user.")));
        }
        let new_outcomes = match mode {
            Mode::Compare => compare(db, &owned).await?,
            _ => make(db, ids, &owned, &owners).await?,
        };
        for (new, outcome) in owned.iter().zip(new_outcomes) {
            outcomes[new.at] = Some(outcome);
        }
    }
    Ok(outcomes.into_iter().flatten().collect())
}

/// Changes a record that is here.
async fn change(db: &Db, arrival: Arrival, phones: PhoneRules, here: Item) -> Result<Outcome, Error> {
    match Import::of(arrival, phones) {
        Ok(import) => change::update(db, &import, &Record::read(here)?).await,
        Err(reason) => Ok(Outcome::refused(reason)),
    }
}

/// Users who own employees.
struct Owners {
    imported: BTreeMap<user::Id, user::Id>,
    named: BTreeMap<String, user::Id>,
}

impl Owners {
    async fn find(db: &Db, ids: &Ids, new: &[New], only_named: bool) -> Result<Self, Error> {
        let (mut sources, mut usernames) = (BTreeSet::new(), BTreeSet::new());
        for New { import, .. } in new {
            match &import.owner {
                Owner::Imported(source) if !only_named => drop(sources.insert(*source)),
                Owner::Imported(_) => {}
                Owner::Named(username) => drop(usernames.insert(username.key())),
            }
        }
        let table = &db.tables.users;
        let mut imported = ids_of(db, ids, table, sources).await?;
        let here = db.get_all(table, imported.values().map(|id| id::record_key(*id))).await?;
        imported.retain(|_, id| here.contains_key(&id::pk(*id)));
        let named = claim::users_of(db, usernames.into_iter().map(claim::Name::Username).collect()).await?;
        let named = named.into_iter().filter_map(|(name, id)| match name {
            claim::Name::Username(key) => Some((key, id)),
            claim::Name::Email(_) | claim::Name::Phone(_) => None,
        });
        Ok(Self { imported, named: named.collect() })
    }

    fn of(&self, import: &Import) -> Option<user::Id> {
        match &import.owner {
            Owner::Imported(source) => self.imported.get(source).copied(),
            Owner::Named(username) => self.named.get(&username.key()).copied(),
        }
    }
}

/// What would become of new records.
async fn compare(db: &Db, new: &[New]) -> Result<Vec<Outcome>, Error> {
    let wanted: Vec<Name> = new.iter().flat_map(|new| new.import.wanted()).collect();
    let mut taken = taken_names(db, &wanted).await?;
    let outcome = |New { import, .. }: &New| {
        let names = import.names(|name| taken.contains(name));
        taken.extend(import.wanted());
        Outcome::would_be_imported(import.dropped(&names))
    };
    Ok(new.iter().map(outcome).collect())
}

/// An employee in the making.
struct Making<'a> {
    new: &'a New,
    record: Record,
    names: Names,
}

impl<'a> Making<'a> {
    fn of(new: &'a New, id: Id, owner: user::Id, names: Names) -> Self {
        Self { new, record: new.import.record(id, owner, &names), names }
    }

    /// The writes, without those that count.
    fn writes(&self, db: &Db) -> Result<Vec<Write>, Error> {
        let Self { new: New { import, standing, .. }, record, .. } = self;
        let mut writes = record.puts(db, import.beside(record.version))?;
        let pointer = pointer(&db.tables.employees, import.place.source, record.employee.id, standing);
        writes.extend(pointer);
        Ok(writes)
    }

    /// What became of it, with its audit event.
    fn made(self) -> Outcome {
        let (import, id) = (&self.new.import, self.record.employee.id);
        let fields = [&import.given[..], &["is_phone_verified", "owner"]].concat();
        audit::change(Event::Imported, None, Changed::Employee(id), &fields, "");
        Outcome::of(What::Imported, id).with(import.dropped(&self.names))
    }
}

/// Makes new employees.
async fn make(db: &Db, ids: &Ids, new: &[New], owners: &Owners) -> Result<Vec<Outcome>, Error> {
    let places: Vec<(Place, &Standing)> = new.iter().map(|new| (new.import.place, &new.standing)).collect();
    let new_ids = new_ids(db, ids, Numbered::Employees, &places).await?;
    let mut taken = BTreeSet::new();
    let mut makings = Vec::new();
    for (new, id) in new.iter().zip(new_ids) {
        let owner = owners.of(&new.import).ok_or_else(|| Error::internal("an employee without an owner"))?;
        let names = new.import.names(|name| taken.contains(name));
        taken.extend(new.import.wanted());
        makings.push(Making::of(new, id, owner, names));
    }
    let mut groups = Vec::new();
    for making in &makings {
        let tallies = counters(db, making.record.employee.owner).iter().map(Tally::of).collect();
        groups.push(Group { writes: making.writes(db)?, tallies });
    }
    let is_made = write_groups(db, groups).await?;
    let mut outcomes = Vec::new();
    for (making, is_made) in makings.into_iter().zip(is_made) {
        outcomes.push(if is_made { making.made() } else { make_one(db, ids, &making).await? });
    }
    Ok(outcomes)
}

/// Makes one employee, whose names others may have.
async fn make_one(db: &Db, ids: &Ids, Making { new, record, .. }: &Making<'_>) -> Result<Outcome, Error> {
    let (id, owner) = (record.employee.id, record.employee.owner);
    let mut retry = Retry::of("an import of an employee");
    loop {
        let taken = taken_names(db, &new.import.wanted()).await?;
        let making = Making::of(new, id, owner, new.import.names(|name| taken.contains(name)));
        let mut writes = making.writes(db)?;
        writes.extend(counters(db, owner).iter().map(|counter| counter.add(id)));
        if db.transact(writes).await? {
            return Ok(making.made());
        }
        // The same import may run twice.
        let found = find(db, ids, &db.tables.employees, record_key, &[new.import.place]).await?.pop();
        if let Some(Standing { record: Some(_), id: Some(id), .. }) = found {
            return Ok(Outcome::of(What::Present, id));
        }
        retry.again().await?;
    }
}
