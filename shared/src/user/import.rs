//! Users who come from another system. A field that cannot be taken is left out, with the reason; the user comes anyway.

mod batch;
mod change;
mod names;

use jiff::Timestamp;

use super::{
    Account, FIELDS, Id, User,
    claim::{Name, PROVEN, Terms, USERNAME},
};
use crate::{
    dynamo::{Item, string_list},
    email::Email,
    fields::Given,
    form::lenient::{Dropped, fingerprint},
    ids::NewId,
    imported::{Arrival, MARK, Mark, Place},
    password::Hash,
    phone::{Phone, PhoneRules},
    time,
};

pub use batch::import;
pub use change::delete_imported;
use names::{Chosen, Names};

/// How an address is had that the other system had not proven. It does not lapse: its user has not been sent a code yet.
const UNPROVEN: Terms = Terms { verified: false, ..PROVEN };

/// What can be imported of a user, besides [`FIELDS`].
const GIVEN: [&str; 10] = [
    "username",
    "email",
    "phone_number",
    "is_email_verified",
    "is_phone_verified",
    "is_active",
    "is_staff",
    "last_login",
    "password",
    "groups",
];

/// What does not make a record another one.
const INCIDENTAL: [&str; 4] = ["id", "number", "last_login", "token_user_id"];

#[expect(clippy::struct_excessive_bools, reason = "they are the fields of the API")]
/// A user as another system had them.
struct Import {
    place: Place,
    date_joined: Timestamp,
    username: Chosen,
    email: Option<Email>,
    phone: Option<Phone>,
    details: Given,
    is_email_verified: bool,
    is_phone_verified: bool,
    is_active: bool,
    /// Whether they are active as soon as they verify their e-mail address.
    is_pending: bool,
    is_staff: bool,
    last_login: Option<Timestamp>,
    groups: Vec<String>,
    password: Hash,
    /// The names of the fields that are given.
    given: Vec<&'static str>,
    dropped: Vec<Dropped>,
    fingerprint: String,
}

impl Import {
    /// Parses the fields of a record.
    fn of(arrival: Arrival, phones: PhoneRules) -> Self {
        let Arrival { mut record, place, fingerprint } = arrival;
        let now = time::now();
        let past = |text: &str| text.parse::<Timestamp>().map(|time| time.min(now));
        let mut email = record.parsed("email", Email::parse);
        let mut phone = record.parsed("phone_number", |text| phones.parse(text));
        let username = Chosen::read(record.text("username"), email.as_ref());
        // Users whose username is an address or a number had it as no other field.
        if let Some(username) = username.valid() {
            email = email.or_else(|| Email::parse(username.text()).ok());
            phone = phone.or_else(|| username.as_phone(phones));
        }
        let password = record.parsed("password", Hash::of_django);
        let is_pending = record.flag("is_pending").unwrap_or(false);
        let is_staff = record.flag("is_staff").unwrap_or(false);
        if is_staff && is_pending {
            record.drop("is_staff", "A pending user cannot be staff.");
        }
        Self {
            place,
            date_joined: record.parsed("date_joined", past).or_else(|| place.source.time()).unwrap_or(now),
            username,
            email,
            phone,
            details: Given::lenient(&mut record, FIELDS),
            is_email_verified: record.flag("is_email_verified").unwrap_or(false) && !is_pending,
            is_phone_verified: record.flag("is_phone_verified").unwrap_or(false) && !is_pending,
            is_active: record.flag("is_active").unwrap_or(true) && !is_pending,
            is_pending,
            is_staff: is_staff && !is_pending,
            last_login: record.parsed("last_login", past),
            groups: record.texts("groups"),
            password: password.unwrap_or_else(Hash::unusable),
            given: record.given(GIVEN.into_iter().chain(FIELDS.iter().map(|field| field.name))),
            dropped: record.dropped,
            fingerprint,
        }
    }

    /// The user, with these names.
    fn user(&self, id: Id, names: &Names) -> User {
        let mut user = User {
            email: names.email.as_ref().map(|email| email.typed().to_owned()).unwrap_or_default(),
            phone_number: names.phone.as_ref().map(|phone| phone.e164().to_owned()),
            is_email_verified: self.is_email_verified && names.email.is_some(),
            is_phone_verified: self.is_phone_verified && names.phone.is_some(),
            is_active: self.is_active,
            is_staff: self.is_staff,
            last_login: self.last_login,
            ..User::new(NewId { id, at: self.date_joined }, &names.username)
        };
        user.details.apply(&self.details);
        user
    }

    /// A new account.
    fn account(&self, id: Id, names: &Names) -> Account {
        let mut account = Account::new(self.user(id, names), self.password.clone());
        // A session of a deleted user who had this id does not come back to life.
        account.epoch = time::seconds(time::now());
        account.is_pending = self.is_pending;
        account
    }

    /// What the record keeps besides an account's attributes, in this version.
    fn beside(&self, version: u64) -> Item {
        let mark = Mark {
            source: self.place.source,
            record: self.fingerprint.clone(),
            password: fingerprint(self.password.text()),
            version,
        };
        let groups = (!self.groups.is_empty()).then(|| ("groups".to_owned(), string_list(&self.groups)));
        groups.into_iter().chain([(MARK.to_owned(), mark.value())]).collect()
    }

    /// How a name is had.
    fn terms(user: &User, name: &Name) -> Terms {
        let terms = match name {
            Name::Username(_) => return USERNAME,
            Name::Email(_) if user.is_email_verified => PROVEN.spelled(&user.email),
            Name::Email(_) => UNPROVEN.spelled(&user.email),
            Name::Phone(_) if user.is_phone_verified => PROVEN,
            Name::Phone(_) => UNPROVEN,
        };
        terms.in_language(user.language())
    }
}
