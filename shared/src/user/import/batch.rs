//! The import of many users at once.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    super::{
        Account, Id, User,
        claim::{self, Name},
        record, staff,
    },
    Import, Names, change,
};
use crate::{
    Error,
    audit::{self, Changed, Event},
    dynamo::{Db, Item, Retry, Write},
    id::record_key,
    ids::{Ids, Numbered},
    imported::{
        CHANGED_HERE, Group, Mark, Mode, NOT_IMPORTED, Outcome, Place, Standing, Tally, What, find, new_ids,
        pointer, write_groups,
    },
    phone::PhoneRules,
};

/// Imports users; says of each, in order, what became of it. Of two with one name, the earlier gets it.
///
/// Most are new and have names that nobody has: they are written together, without asking. When that fails, their names are read
/// and they are written one by one. When all are here and unchanged, one read for a hundred of them is all.
pub async fn import(db: &Db, ids: &Ids, mode: Mode, records: Vec<Value>) -> Result<Vec<Outcome>, Error> {
    let phones = PhoneRules::from_env()?;
    let read: Vec<Result<Import, String>> =
        records.into_iter().map(|record| Import::read(record, ids, phones)).collect();
    let places: Vec<Place> = read.iter().flatten().map(|import| import.place).collect();
    let mut standings = find(db, ids, &db.tables.users, record_key, &places).await?.into_iter();

    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    let mut new: Vec<(usize, Import, Standing)> = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, import) in read.into_iter().enumerate() {
        outcomes.push(match import {
            Err(reason) => Some(Outcome::refused(reason)),
            Ok(import) => {
                let standing = standings.next().unwrap_or_default();
                match &standing.record {
                    _ if !seen.insert(import.place.source) => Some(Outcome::twice()),
                    Some(record) => Some(present(db, mode, &import, record.clone()).await?),
                    None => {
                        new.push((at, import, standing));
                        None
                    }
                }
            }
        });
    }
    let new_outcomes =
        if mode == Mode::Compare { compare(db, &new).await? } else { make(db, ids, &new).await? };
    for ((at, ..), outcome) in new.iter().zip(new_outcomes) {
        outcomes[*at] = Some(outcome);
    }
    Ok(outcomes.into_iter().flatten().collect())
}

/// What becomes of a record that is here.
async fn present(db: &Db, mode: Mode, import: &Import, record: Item) -> Result<Outcome, Error> {
    let mark = Mark::of(&record);
    let account = Account::read(record)?;
    let id = account.user.id;
    match mark {
        Some(mark) if mark.record == import.fingerprint => Ok(Outcome::of(What::Present, id)),
        Some(mark) if mode == Mode::Update && mark.version == account.version => {
            change::update(db, import, account, &mark).await
        }
        Some(_) if mode == Mode::Update => Ok(Outcome::conflict(id, CHANGED_HERE)),
        None if mode == Mode::Update => Ok(Outcome::conflict(id, NOT_IMPORTED)),
        // Release 0.1.0 has imported it, and has not kept what it was.
        None => Ok(Outcome::of(What::Present, id)),
        Some(_) => Ok(Outcome::of(What::Differs, id)),
    }
}

/// What would become of new records.
async fn compare(db: &Db, new: &[(usize, Import, Standing)]) -> Result<Vec<Outcome>, Error> {
    let wanted: Vec<Name> = new.iter().flat_map(|(_, import, _)| import.wanted()).collect();
    let mut taken = claim::taken_names(db, &wanted).await?;
    let outcome = |(_, import, _): &(usize, Import, Standing)| {
        let names = import.names(|name| taken.contains(name));
        taken.extend(names.all());
        Outcome::would_be_imported(dropped(import, &names))
    };
    Ok(new.iter().map(outcome).collect())
}

fn dropped(import: &Import, names: &Names) -> Vec<crate::form::lenient::Dropped> {
    import.dropped.iter().chain(&names.dropped).cloned().collect()
}

/// A user in the making.
struct Making<'a> {
    import: &'a Import,
    standing: &'a Standing,
    account: Account,
    names: Names,
}

impl<'a> Making<'a> {
    fn of(import: &'a Import, standing: &'a Standing, id: Id, names: Names) -> Self {
        Self { import, standing, account: import.account(id, &names), names }
    }

    /// The writes, without those that count.
    fn writes(&self, db: &Db) -> Result<Vec<Write>, Error> {
        let Self { import, standing, account, names } = self;
        let user = &account.user;
        let mut writes = vec![account.put(db, import.beside(account.version))?];
        for name in names.all() {
            writes.push(claim::take_free(db, &name, user.id, Import::terms(user, &name))?);
        }
        writes.extend(pointer(&db.tables.users, import.place.source, user.id, standing));
        Ok(writes)
    }

    /// What became of it, with its audit event.
    fn made(self) -> Outcome {
        let User { id, .. } = self.account.user;
        // Users without a username are given one.
        let given = &self.import.given;
        let username = (!given.contains(&"username")).then_some("username");
        let fields: Vec<_> = username.into_iter().chain(given.iter().copied()).collect();
        audit::change(Event::Imported, None, Changed::User(id), &fields, "");
        Outcome::of(What::Imported, id).with(dropped(self.import, &self.names))
    }
}

/// Makes new users.
async fn make(db: &Db, ids: &Ids, new: &[(usize, Import, Standing)]) -> Result<Vec<Outcome>, Error> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<(Place, &Standing)> =
        new.iter().map(|(_, import, standing)| (import.place, standing)).collect();
    let new_ids = new_ids(db, ids, Numbered::Users, &places).await?;
    let mut taken = BTreeSet::new();
    let mut makings = Vec::new();
    for ((_, import, standing), id) in new.iter().zip(new_ids) {
        let names = import.names(|name| taken.contains(name));
        taken.extend(names.all());
        makings.push(Making::of(import, standing, id, names));
    }
    let mut groups = Vec::new();
    for making in &makings {
        let of_staff = making.account.user.is_active_staff().then(|| staff::tally(db));
        let tallies = [Tally::of(&record::counter(db))].into_iter().chain(of_staff).collect();
        groups.push(Group { writes: making.writes(db)?, tallies });
    }
    let is_made = write_groups(db, groups).await?;
    let mut outcomes = Vec::new();
    for (making, is_made) in makings.into_iter().zip(is_made) {
        outcomes.push(if is_made { making.made() } else { make_one(db, ids, making).await? });
    }
    Ok(outcomes)
}

/// Makes one user, whose names others may have.
async fn make_one(db: &Db, ids: &Ids, making: Making<'_>) -> Result<Outcome, Error> {
    let Making { import, standing, account, .. } = making;
    let id = account.user.id;
    let mut retry = Retry::of("an import of a user");
    loop {
        let taken = claim::taken_names(db, &import.wanted()).await?;
        let making = Making::of(import, standing, id, import.names(|name| taken.contains(name)));
        let mut writes = making.writes(db)?;
        writes.push(record::counter(db).add(id));
        writes.extend(staff::count(db, false, making.account.user.is_active_staff()));
        if db.transact(writes).await? {
            return Ok(making.made());
        }
        // The same import may run twice.
        let found = find(db, ids, &db.tables.users, record_key, &[import.place]).await?.pop();
        if let Some(Standing { record: Some(_), id: Some(id), .. }) = found {
            return Ok(Outcome::of(What::Present, id));
        }
        retry.again().await?;
    }
}
