//! What a body says of an employee.

use super::{fields::FIELDS, names::Name, record::Employee};
use crate::{
    Error, Form,
    email::Email,
    fields::Given,
    form::Patch,
    phone::{Phone, PhoneRules},
};

/// What is to be changed of an employee, or is known of a new one.
#[derive(Debug, Clone)]
pub struct Changes {
    phone: Option<Phone>,
    email: Patch<Email>,
    details: Given,
}

impl Changes {
    /// Reads them, and leaves a complaint for each field that is wrong or, when the record is to be `complete`, missing.
    pub fn read(form: &mut Form, complete: bool) -> Result<Self, Error> {
        let phones = PhoneRules::from_env()?;
        let phone = |text: &str| phones.parse(text);
        Ok(Self {
            details: Given::read(form, FIELDS, complete),
            phone: if complete {
                form.required("phone_number", phone)
            } else {
                form.not_blank("phone_number", phone)
            },
            email: form.nullable("email", Email::parse),
        })
    }

    /// Those of an imported employee.
    pub(super) fn imported(phone: Option<Phone>, email: Option<Email>, details: Given) -> Self {
        Self { phone, email: email.map_or(Patch::Keep, Patch::Set), details }
    }

    /// The names of the fields that are given.
    #[must_use]
    pub fn given(&self) -> Vec<&'static str> {
        let phone = self.phone.as_ref().map(|_| "phone_number");
        let email = self.email.is_given().then_some("email");
        self.details.names().chain(phone).chain(email).collect()
    }

    /// The unique names that they would take.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        let phone = self.phone.as_ref().map(|phone| Name::Phone(phone.e164().to_owned()));
        let email = self.email.as_set().map(|email| Name::Email(email.key()));
        phone.into_iter().chain(email).collect()
    }

    /// Makes these changes. A new phone number starts unverified.
    pub(super) fn apply(&self, employee: &mut Employee) {
        if let Some(phone) = &self.phone
            && phone.e164() != employee.phone_number
        {
            phone.e164().clone_into(&mut employee.phone_number);
            employee.is_phone_verified = false;
        }
        match &self.email {
            Patch::Keep => {}
            Patch::Clear => employee.email = None,
            Patch::Set(email) => employee.email = Some(email.typed().to_owned()),
        }
        employee.details.apply(&self.details);
    }
}
