//! The fields of an employee that have no rule of their own.

use crate::fields::{ADDRESS_LENGTH, Field, NAME_LENGTH};

/// In this order they are shown.
pub const FIELDS: &[Field] = &[
    Field::required("first_name", NAME_LENGTH).searched(),
    Field::required("last_name", NAME_LENGTH).searched(),
    Field::date("date_of_birth"),
    Field::text("department", NAME_LENGTH),
    Field::text("job_title", NAME_LENGTH),
    Field::date("hire_date"),
    Field::text("address", ADDRESS_LENGTH),
];
