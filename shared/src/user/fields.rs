//! The fields of a user that have no rule of their own.

use crate::fields::{ADDRESS_LENGTH, Field, NAME_LENGTH};

/// The field with the language of messages to a user.
pub(super) const LANGUAGE: &str = "language";

/// In this order they are shown.
pub const FIELDS: &[Field] = &[
    Field::text("first_name", NAME_LENGTH).searched().naming(),
    Field::text("last_name", NAME_LENGTH).searched().naming(),
    Field::text("address", ADDRESS_LENGTH),
    Field::date("date_of_birth"),
    // In which messages are sent to the user; that of the stack where it is blank.
    Field::choice(LANGUAGE, messages::LANGUAGES),
];
