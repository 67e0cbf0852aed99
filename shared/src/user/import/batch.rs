//! The import of many users at once.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    super::{
        Account, Id, User,
        claim::{self, Name},
        record, staff, token_user,
    },
    INCIDENTAL, Import, Names, change,
};
use crate::{
    Error,
    audit::{self, Changed, Event},
    dynamo::{Db, Retry, Write, n},
    id::record_key,
    ids::{Ids, Numbered},
    imported::{
        Arrival, Group, Mode, Outcome, Place, Standing, Tally, What, find, new_ids, of_present, pointer,
        write_groups,
    },
    phone::PhoneRules,
};

/// Imports users; says of each, in order, what became of it. Of two with one name, the earlier gets it.
///
/// Most are new and have names that nobody has: they are written together, without asking. When that fails, their names are read
/// and they are written one by one. When all are here and unchanged, one read for a hundred of them is all.
pub async fn import(db: &Db, ids: &Ids, mode: Mode, records: Vec<Value>) -> Result<Vec<Outcome>, Error> {
    let phones = PhoneRules::from_env()?;
    let token_users: Vec<_> = records.iter().map(|record| record.get("token_user_id").map(as_text)).collect();
    let read: Vec<Result<Arrival, String>> =
        records.into_iter().map(|record| Arrival::read(record, ids, &INCIDENTAL)).collect();
    let places: Vec<Place> = read.iter().flatten().map(|arrival| arrival.place).collect();
    let mut standings = find(db, ids, &db.tables.users, record_key, &places).await?.into_iter();

    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    let mut new: Vec<(usize, Import, Standing)> = Vec::new();
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
                        None => change::update(db, &Import::of(arrival, phones), here.clone()).await?,
                    }),
                    _ => {
                        new.push((at, Import::of(arrival, phones), standing));
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
    let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    if mode != Mode::Compare {
        let named = token_users.into_iter().zip(&outcomes);
        let named = named.filter_map(|(key, outcome)| Some((key?, outcome.id()?))).collect();
        token_user::remember(db, named).await?;
    }
    Ok(outcomes)
}

/// The key of a user in the other system, as its tokens may hold it.
fn as_text(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
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
        let mut beside = import.beside(account.version);
        beside.insert(record::EPOCH_IMPORTED.to_owned(), n(account.epoch));
        let mut writes = vec![account.put(db, beside)?];
        for name in names.all() {
            writes.push(claim::take_free(db, &name, user.id, &Import::terms(user, &name))?);
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
