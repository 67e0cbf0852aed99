//! Times and dates of a dump.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde_json::Value;

/// A time with its offset or, from a system without time zones, in the given one; a date is its beginning.
pub(crate) fn instant(value: &Value, timezone: &TimeZone) -> Option<Timestamp> {
    let text = value.as_str()?.trim();
    let naive =
        || text.parse::<DateTime>().ok()?.to_zoned(timezone.clone()).ok().map(|time| time.timestamp());
    text.parse().ok().or_else(naive)
}

/// A date, or the date of a time.
pub(crate) fn date(value: &Value) -> Option<Date> {
    let text = value.as_str()?.trim();
    let date: Date = text.get(..10)?.parse().ok()?;
    let is_whole =
        text.len() == 10 || text.as_bytes().get(10).is_some_and(|byte| matches!(byte, b'T' | b' '));
    Some(date).filter(|date| is_whole && date.year() > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_without_an_offset_is_in_the_time_zone() {
        let india = TimeZone::get("Asia/Kolkata").unwrap();
        for (text, utc) in [
            ("2024-01-01T09:00:00.123", "2024-01-01T03:30:00.123Z"),
            ("2024-01-01 09:00:00", "2024-01-01T03:30:00Z"),
            ("2024-01-01", "2023-12-31T18:30:00Z"),
            ("2024-01-01T09:00:00Z", "2024-01-01T09:00:00Z"),
            ("2024-01-01T09:00:00+01:00", "2024-01-01T08:00:00Z"),
        ] {
            assert_eq!(instant(&json!(text), &india), Some(utc.parse().unwrap()), "{text}");
        }
        for value in [json!("yesterday"), json!(7), json!(null)] {
            assert_eq!(instant(&value, &india), None);
        }
    }

    #[test]
    fn a_date_may_have_a_time() {
        for text in ["1990-01-02", "1990-01-02T00:00:00Z", "1990-01-02 10:00"] {
            assert_eq!(
                date(&json!(text)).map(|date| date.to_string()).as_deref(),
                Some("1990-01-02"),
                "{text}"
            );
        }
        for text in ["1990", "02/01/1990", "1990-01-02x", "0000-01-01"] {
            assert_eq!(date(&json!(text)), None, "{text}");
        }
    }
}
