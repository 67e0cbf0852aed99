//! A record as it came, and what becomes of it when it is here already: its fields are not parsed for that.

use serde_json::Value;

use super::{CHANGED_HERE, Mark, Mode, NOT_IMPORTED, Outcome, Place, What, place::source};
use crate::{
    dynamo::{Item, number},
    form::lenient::Lenient,
    id::Id,
    ids::Ids,
};

/// A record of an import, of which nothing but its place is parsed yet.
pub(crate) struct Arrival {
    pub record: Lenient,
    pub place: Place,
    /// Equal for equal records.
    pub fingerprint: String,
}

impl Arrival {
    /// Reads a record; why it cannot be imported at all. `incidental` are the fields that do not make it another record.
    pub fn read(record: Value, ids: &Ids, incidental: &[&str]) -> Result<Self, String> {
        let mut record = Lenient::of(record).map_err(|error| error.for_operator())?;
        let fingerprint = record.fingerprint(incidental);
        let source = source(&mut record, ids)?;
        let place = Place { source, number: record.number("number") };
        Ok(Self { record, place, fingerprint })
    }
}

/// What becomes of a record that is here; `None` when it is to be changed.
pub(crate) fn of_present(mode: Mode, arrival: &Arrival, here: &Item, id: Id) -> Option<Outcome> {
    let is_update = mode == Mode::Update;
    let Some(mark) = Mark::of(here) else {
        // Release 0.1.0 has imported it, and has not kept what it was.
        let is_kept = Outcome::of(What::Present, id);
        return Some(if is_update { Outcome::conflict(id, NOT_IMPORTED) } else { is_kept });
    };
    if mark.record == arrival.fingerprint {
        return Some(Outcome::of(What::Present, id));
    }
    if !is_update {
        return Some(Outcome::of(What::Differs, id));
    }
    let is_changed_here = number(here, "version") != Some(mark.version);
    is_changed_here.then(|| Outcome::conflict(id, CHANGED_HERE))
}
