//! Fields of records that need no rule of their own.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Error;

/// The names of the fields in which two states of a record differ, as the API shows them.
pub(crate) fn changed<T: Serialize>(old: &T, new: &T) -> Result<Vec<String>, Error> {
    let (old, new) = (shown(old)?, shown(new)?);
    Ok(new.into_iter().filter(|(name, value)| old.get(name) != Some(value)).map(|(name, _)| name).collect())
}

fn shown(record: &impl Serialize) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Error::internal("a record without fields")),
        Err(error) => Err(Error::internal(format!("a record that cannot be shown: {error}"))),
    }
}
