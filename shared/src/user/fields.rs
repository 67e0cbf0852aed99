//! The fields of a user that have no rule of their own.

use crate::fields::{ADDRESS_LENGTH, Field, NAME_LENGTH};

/// In this order they are shown.
pub const FIELDS: &[Field] = &[
    Field::text("first_name", NAME_LENGTH).searched().naming(),
    Field::text("last_name", NAME_LENGTH).searched().naming(),
    Field::text("address", ADDRESS_LENGTH),
    Field::date("date_of_birth"),
];
