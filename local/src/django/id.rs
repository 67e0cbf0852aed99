//! The ids of imported records.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use super::{file::Object, time::instant, words::says_something};

/// When a record was made. An id that was given once must stay, so this list does: more names would give other ids.
const MADE: &[&str] = &["date_joined", "created_at", "joined_at", "created_on", "created"];

/// The id of a record, always the same for the same record, whatever the options of the import: a `UUIDv7` of the time at which
/// it was made, so that lists keep their order, and a hash of where it comes from. When no field says the time, it is 1970, in
/// the order of the keys. A record without a key is known by its name.
pub(crate) fn of(object: &Object, kind: &str, name: Option<&Value>) -> Uuid {
    let made = MADE.iter().find_map(|field| object.fields.get(*field).filter(|value| says_something(value)));
    let time = made.and_then(|value| instant(value, &TimeZone::UTC));
    let milliseconds = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
    let milliseconds = milliseconds.or_else(|| object.pk.as_u64()).unwrap_or(0) & ((1 << 48) - 1);
    // A name may change from dump to dump.
    let name = name.filter(|_| object.pk.is_null());
    let source = json!([kind, object.model, object.pk, name]).to_string();
    let mut rest = [0; 10];
    rest.copy_from_slice(&digest(&SHA256, source.as_bytes()).as_ref()[..10]);
    Builder::from_unix_timestamp_millis(milliseconds, &rest).into_uuid()
}

/// When a record was made, and what is wrong with the time that its fields say: it is dropped, or moved to the nearest that can
/// be.
pub(crate) fn made(value: &Value, timezone: &TimeZone) -> (Option<Timestamp>, Option<&'static str>) {
    match instant(value, timezone) {
        None => (None, Some("not a time")),
        Some(time) if time > Timestamp::now() => (None, Some("in the future")),
        Some(time) if time < Timestamp::UNIX_EPOCH => (Some(Timestamp::UNIX_EPOCH), Some("before 1970")),
        Some(time) => (Some(time), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(pk: Value, joined: &str, name: &str) -> Uuid {
        let fields = json!({ "username": name, "date_joined": joined });
        let object = Object { model: "auth.user".into(), pk, fields: fields.as_object().unwrap().clone() };
        of(&object, "user", Some(&json!(name)))
    }

    #[test]
    fn an_id_is_the_same_each_time_sorts_by_time_and_differs_by_where_it_comes_from() {
        let (early, late) = (
            id(json!(1), "2024-01-01T00:00:00.001Z", "ada"),
            id(json!(1), "2024-01-01T00:00:00.002Z", "ada"),
        );
        assert_eq!(early, id(json!(1), "2024-01-01T00:00:00.001999Z", "ada"));
        assert!(early < late);
        assert_ne!(early, id(json!(2), "2024-01-01T00:00:00.001Z", "ada"));
        assert_eq!(id(json!(1), "2024-01-01 01:00:00.001+01:00", "ada"), early);
        assert_eq!(id(json!(1), "2024-01-01T00:00:00.001", "ada"), early);
        // The ids that release 0.1.0 gave.
        assert_eq!(early.to_string(), "018cc251-f401-7207-9fe5-bf733d323798");
    }

    #[test]
    fn a_user_who_is_renamed_keeps_the_id_unless_the_name_is_the_key() {
        assert_eq!(id(json!(1), "", "ada"), id(json!(1), "", "countess"));
        assert_ne!(id(Value::Null, "", "ada"), id(Value::Null, "", "countess"));
    }

    #[test]
    fn an_odd_time_is_dropped_or_moved() {
        let made = |text: &str| made(&json!(text), &TimeZone::UTC);
        assert_eq!(made("yesterday"), (None, Some("not a time")));
        assert_eq!(made("9000-01-01T00:00:00Z"), (None, Some("in the future")));
        assert_eq!(made("1969-12-31T23:59:59Z"), (Some(Timestamp::UNIX_EPOCH), Some("before 1970")));
        assert_eq!(made("1970-01-02").1, None);
    }
}
