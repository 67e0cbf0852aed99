//! Employees who come from another system. A field that cannot be taken is left out, with the reason; the employee comes anyway, if
//! the owner is here.

mod batch;
mod change;

use jiff::Timestamp;

use super::{Changes, FIELDS, Id, Name, Record};
use crate::{
    dynamo::Item,
    email::Email,
    fields::Given,
    form::lenient::Dropped,
    ids::NewId,
    imported::{Arrival, MARK, Mark, Place},
    phone::{Phone, PhoneRules},
    time,
    user::{self, Username},
};

pub use batch::import;
pub use change::delete_imported;

/// What does not make a record another one.
const INCIDENTAL: [&str; 2] = ["id", "number"];

/// Whose employee it is.
enum Owner {
    /// A user by their id in the import.
    Imported(user::Id),
    /// A user by their username.
    Named(Username),
}

/// An employee as another system had them.
struct Import {
    place: Place,
    created_at: Timestamp,
    owner: Owner,
    phone: Option<Phone>,
    email: Option<Email>,
    details: Given,
    is_phone_verified: bool,
    /// The names of the fields that are given.
    given: Vec<&'static str>,
    dropped: Vec<Dropped>,
    fingerprint: String,
}

/// The unique names that an employee gets, and those that another has.
struct Names {
    phone: Option<Phone>,
    email: Option<Email>,
    dropped: Vec<Dropped>,
}

impl Import {
    /// Parses the fields of a record; why it cannot be imported.
    fn of(arrival: Arrival, phones: PhoneRules) -> Result<Self, String> {
        let Arrival { mut record, place, fingerprint } = arrival;
        let now = time::now();
        let owner = match (record.text("owner"), record.text("owner_username")) {
            (Some(owner), _) => Owner::Imported(owner.parse().map_err(|wrong| format!("owner: {wrong}"))?),
            (None, Some(name)) => {
                Owner::Named(Username::parse(&name).map_err(|wrong| format!("owner_username: {wrong}"))?)
            }
            (None, None) => return Err("owner: This field is required.".to_owned()),
        };
        let created_at =
            record.parsed("created_at", |text| text.parse::<Timestamp>().map(|time| time.min(now)));
        Ok(Self {
            place,
            created_at: created_at.or_else(|| place.source.time()).unwrap_or(now),
            owner,
            phone: record.parsed("phone_number", |text| phones.parse(text)),
            email: record.parsed("email", Email::parse),
            details: Given::lenient(&mut record, FIELDS),
            is_phone_verified: record.flag("is_phone_verified").unwrap_or(false),
            given: record.given(FIELDS.iter().map(|field| field.name).chain(["phone_number", "email"])),
            dropped: record.dropped,
            fingerprint,
        })
    }

    /// All the unique names that they could get.
    fn wanted(&self) -> Vec<Name> {
        let phone = self.phone.as_ref().map(|phone| Name::Phone(phone.e164().to_owned()));
        let email = self.email.as_ref().map(|email| Name::Email(email.key()));
        phone.into_iter().chain(email).collect()
    }

    /// Their names, when others have those that `is_taken` says.
    fn names(&self, is_taken: impl Fn(&Name) -> bool) -> Names {
        let mut names = Names { phone: self.phone.clone(), email: self.email.clone(), dropped: Vec::new() };
        for name in self.wanted().into_iter().filter(is_taken) {
            match &name {
                Name::Phone(_) => names.phone = None,
                Name::Email(_) => names.email = None,
            }
            let (field, reason) = name.taken();
            names.dropped.push(Dropped::new(field, reason));
        }
        names
    }

    /// A new record.
    fn record(&self, id: Id, owner: user::Id, names: &Names) -> Record {
        let changes = Changes::imported(names.phone.clone(), names.email.clone(), self.details.clone());
        let mut record = Record::new(NewId { id, at: self.created_at }, owner, &changes);
        record.employee.is_phone_verified = self.is_phone_verified && names.phone.is_some();
        record
    }

    /// What the record keeps besides an employee's attributes, in this version.
    fn beside(&self, version: u64) -> Item {
        let mark = Mark {
            source: self.place.source,
            record: self.fingerprint.clone(),
            password: String::new(),
            version,
        };
        Item::from([(MARK.to_owned(), mark.value())])
    }

    /// What could not be taken.
    fn dropped(&self, names: &Names) -> Vec<Dropped> {
        self.dropped.iter().chain(&names.dropped).cloned().collect()
    }
}
