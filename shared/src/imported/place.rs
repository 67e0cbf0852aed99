//! Where an imported record is stored, and the ids of new ones.
//!
//! With UUIDs, the id of a record is the one that it has in the import. With integers it is its old number or, when that is
//! taken, a new one; a record of its own, `imported#<id in the import>`, then says which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    Error,
    dynamo::{Db, Item, Write, key, s, text},
    form::lenient::Lenient,
    id::Id,
    ids::{Ids, Numbered},
    time,
};

/// A record of an import.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Its id in the import.
    pub source: Id,
    /// The number that it had in the other system.
    pub number: Option<u64>,
}

/// What is stored of a record of an import.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// The record, if it is here.
    pub record: Option<Item>,
    /// The id under which it was imported, even if it is gone since.
    pub id: Option<Id>,
    /// Whether another record has its number.
    is_taken: bool,
}

fn pointer_key(source: Id) -> Item {
    key(format!("imported#{}", source.stored()))
}

/// The id in a pointer.
fn pointed(pointer: &Item) -> Option<Id> {
    text(pointer, "record_id")?.parse().ok()
}

/// Finds records of an import in their table. `key_of` is the key of a record with an id.
pub(crate) async fn find(
    db: &Db,
    ids: &Ids,
    table: &str,
    key_of: fn(Id) -> Item,
    places: &[Place],
) -> Result<Vec<Standing>, Error> {
    if !ids.are_integers() {
        let mut found = db.get_all(table, places.iter().map(|place| key_of(place.source))).await?;
        let standing = |place: &Place| {
            let record = found.remove(&pk(&key_of(place.source)));
            Standing { id: record.is_some().then_some(place.source), record, is_taken: false }
        };
        return Ok(places.iter().map(standing).collect());
    }
    let own = |place: &Place| place.number.and_then(Id::of_integer);
    let keys = places.iter().flat_map(|place| [own(place).map(key_of), Some(pointer_key(place.source))]);
    let mut found = db.get_all(table, keys.flatten()).await?;
    let pointed: Vec<Option<Id>> =
        places.iter().map(|place| found.get(&pk(&pointer_key(place.source))).and_then(pointed)).collect();
    let elsewhere = places.iter().zip(&pointed).filter(|(place, id)| **id != own(place));
    let elsewhere = elsewhere.filter_map(|(_, id)| id.map(key_of));
    found.extend(db.get_all(table, elsewhere).await?);
    let standing = |(place, id): (&Place, &Option<Id>)| Standing {
        record: id.and_then(|id| found.get(&pk(&key_of(id))).cloned()),
        id: *id,
        is_taken: own(place).is_some_and(|own| *id != Some(own) && found.contains_key(&pk(&key_of(own)))),
    };
    Ok(places.iter().zip(&pointed).map(standing).collect())
}

fn pk(key: &Item) -> String {
    text(key, "pk").unwrap_or_default().to_owned()
}

/// The ids of records that are to be made.
pub(crate) async fn new_ids(
    db: &Db,
    ids: &Ids,
    of: Numbered,
    wanted: &[(Place, &Standing)],
) -> Result<Vec<Id>, Error> {
    if !ids.are_integers() {
        return Ok(wanted.iter().map(|(place, _)| place.source).collect());
    }
    let mut given = BTreeSet::new();
    let chosen: Vec<Option<Id>> = wanted
        .iter()
        .map(|(place, standing)| {
            // One that is gone gets the id that it had.
            let own = place.number.and_then(Id::of_integer).filter(|_| !standing.is_taken);
            standing.id.or(own).filter(|id| given.insert(*id))
        })
        .collect();
    if let Some(highest) = given.last().and_then(|id| id.integer()) {
        ids.keep_above(db, of, highest).await?;
    }
    let missing = chosen.iter().filter(|id| id.is_none()).count();
    let mut new = match u32::try_from(missing).unwrap_or(u32::MAX) {
        0 => Vec::new(),
        missing => ids.next_integers(db, of, missing).await?,
    }
    .into_iter();
    let id = |id: Option<Id>| id.or_else(|| new.next()).ok_or_else(|| Error::internal("too few new ids"));
    chosen.into_iter().map(id).collect()
}

/// The write that remembers the id of a record that is made, if it is an integer.
pub(crate) fn pointer(table: &str, source: Id, id: Id, standing: &Standing) -> Option<Write> {
    id.integer()?;
    let mut pointer = pointer_key(source);
    pointer.insert("record_id".to_owned(), s(id.stored()));
    let write = Write::put(table, pointer);
    Some(match standing.id {
        None => write.if_new(),
        Some(former) => write.if_equals("record_id", s(former.stored())),
    })
}

/// The ids here of records of an import, by their ids there.
pub(crate) async fn ids_of(
    db: &Db,
    ids: &Ids,
    table: &str,
    sources: impl IntoIterator<Item = Id>,
) -> Result<BTreeMap<Id, Id>, Error> {
    let sources: BTreeSet<Id> = sources.into_iter().collect();
    if !ids.are_integers() {
        return Ok(sources.into_iter().map(|source| (source, source)).collect());
    }
    let found = db.get_all(table, sources.iter().map(|source| pointer_key(*source))).await?;
    let id = |source: Id| Some((source, found.get(&pk(&pointer_key(source))).and_then(pointed)?));
    Ok(sources.into_iter().filter_map(id).collect())
}

/// The id of a record in the import. With UUIDs it becomes the id of the record, and lists are sorted by the time in it.
pub(crate) fn source(record: &mut Lenient, ids: &Ids) -> Result<Id, String> {
    const WRONG: &str = "id: Must be a UUIDv7 of a time past.";
    let id: Id = record.text("id").and_then(|id| id.parse().ok()).ok_or(WRONG)?;
    let is_fit = ids.are_integers() || id.time().is_some_and(|time| time <= time::now());
    if is_fit { Ok(id) } else { Err(WRONG.to_owned()) }
}

/// What is stored of records of which only the `id` is given; or why one cannot be found.
pub(crate) async fn find_sources(
    db: &Db,
    ids: &Ids,
    table: &str,
    key_of: fn(Id) -> Item,
    records: Vec<Value>,
) -> Result<Vec<Result<Option<Item>, String>>, Error> {
    let sources = records.into_iter().map(|record| {
        let mut record = Lenient::of(record).map_err(|error| error.for_operator())?;
        source(&mut record, ids)
    });
    let sources: Vec<Result<Id, String>> = sources.collect();
    let place = |source: &Id| Place { source: *source, number: None };
    let places: Vec<Place> = sources.iter().flatten().map(place).collect();
    let mut standings = find(db, ids, table, key_of, &places).await?.into_iter();
    let found =
        |source: Result<Id, String>| source.map(|_| standings.next().and_then(|standing| standing.record));
    Ok(sources.into_iter().map(found).collect())
}

/// The write that forgets the id of a record that is deleted, if it is an integer.
pub(crate) fn forget_pointer(table: &str, source: Id, id: Id) -> Option<Write> {
    id.integer().map(|_| Write::delete(table, pointer_key(source)))
}
