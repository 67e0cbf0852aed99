//! A user, as the function `import` takes one.

use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::{
    id,
    phone::{Number, text_of},
    reader::{Found, Reader, User},
    record::{ADDRESS, NAME, Record},
    settings::Login,
    time::instant,
    unique::{Unique, is_address, valid_address},
    words::{Field, is_known_hash},
};

/// The most characters of a username, without the suffix.
const LONGEST: usize = 120;

impl<'a> Reader<'a> {
    /// The record of a user. A field that cannot be is dropped; the user is not.
    pub(crate) fn user(&self, user: &User<'a>, unique: &mut Unique) -> Record {
        let model = &self.models[user.model];
        let login = &self.logins[model.name];
        let mut record = Record::new(user.id);
        let username = self.field(user, Field::Username).and_then(text_of);
        let number_of_username = username.as_deref().and_then(|name| self.phones.parse_username(name));

        let phones = self.fields(user, Field::Phone);
        let (number, phone) = match self.phone(&phones, &mut record) {
            Some((number, value)) => (Some(number), Some(value)),
            None => (number_of_username.clone(), None),
        };
        let number = number.filter(|number| {
            unique.phone(&number.e164) || {
                record.drop("phone_number", Some(json!(number.e164)), "an earlier user has this number");
                false
            }
        });
        let email = self.field(user, Field::Email);
        let own = || username.as_ref().filter(|name| is_address(name)).map(|name| json!(name));
        let email = email.cloned().or_else(|| self.address_of(user)).or_else(own);
        let address =
            email.as_ref().and_then(|address| valid_address(address, &mut record)).filter(|address| {
                unique.email(address) || {
                    record.drop("email", Some(json!(address)), "an earlier user has this address");
                    false
                }
            });

        let is_active = self.is_active(user);
        let is_pending = !is_active && self.is_pending(user) && (number.is_some() || address.is_some());
        let is_login = match login.login {
            Login::Phone => !login.is_guess,
            Login::Username => login.by_addresses && number.is_some() && number == number_of_username,
            Login::Email => false,
        };
        let phone_is_known = self.settings.phones_are_verified || is_login;
        let email_proof = self
            .proof(user, Login::Email, email.as_ref())
            .unwrap_or(is_active && self.settings.emails_are_verified);
        let phone_proof =
            self.proof(user, Login::Phone, phone.as_ref()).unwrap_or(is_active && phone_is_known);
        self.take_proofs(user);

        let username = username.or_else(|| address.clone().filter(|_| login.login == Login::Email));
        let is_nobody = username.is_none() && address.is_none() && number.is_none();
        let username = username.or_else(|| is_nobody.then(|| self.name_of_nobody(user)));
        if let Some(name) = username {
            let name = unique_username(&name, user, address.as_deref(), unique, &mut record);
            record.set("username", json!(name));
        }
        record.extend("email", address.map(Value::from));
        record.extend("phone_number", number.map(|number| json!(number.e164)));
        match self.field(user, Field::Password) {
            Some(hash) if is_known_hash(hash) => record.set("password", hash.clone()),
            Some(_) => record.drop("password", None, "not hashed by PBKDF2, Argon2, bcrypt or scrypt"),
            None => {}
        }
        for (name, longest, field) in [
            ("first_name", NAME, Field::FirstName),
            ("last_name", NAME, Field::LastName),
            ("address", ADDRESS, Field::Address),
        ] {
            record.text(name, longest, self.field(user, field));
        }
        record.split_name(|| self.field(user, Field::FullName));
        record.date("date_of_birth", self.field(user, Field::DateOfBirth));
        if let Some(tag) = self.field(user, Field::Language) {
            match tag.as_str().and_then(messages::language) {
                Some(language) => record.set("language", json!(language)),
                None => record.drop("language", Some(tag.clone()), "not a language that has messages"),
            }
        }
        if let Some(time) = self.field(user, Field::LastLogin) {
            match instant(time, &self.settings.timezone).filter(|time| *time <= jiff::Timestamp::now()) {
                Some(time) => record.set("last_login", json!(time)),
                None => record.drop("last_login", Some(time.clone()), "not a time that has been"),
            }
        }
        self.joined("date_joined", self.field(user, Field::Joined), &mut record);
        record.set("is_email_verified", json!(email_proof && !is_pending));
        record.set("is_phone_verified", json!(phone_proof && !is_pending));
        record.set("is_active", json!(is_active));
        if is_pending {
            record.set("is_pending", json!(true));
        }
        record.set("is_staff", json!(self.is_staff(user)));
        let groups = self.groups(user);
        if !groups.is_empty() {
            record.set("groups", json!(groups));
        }
        record
    }

    /// The first number that is one; what is written in its place otherwise is dropped.
    pub(crate) fn phone(&self, fields: &[Found<'a>], record: &mut Record) -> Option<(Number, Value)> {
        let parsed = |found: &Found<'a>| text_of(found.value).and_then(|text| self.phones.parse(&text));
        let found = fields.iter().find_map(|found| Some((parsed(found)?, found.value.clone())));
        let is_same = |value: &Value| {
            text_of(value)
                .and_then(|text| self.phones.parse(&text))
                .is_none_or(|number| found.as_ref().is_some_and(|(known, _)| *known == number))
        };
        self.take(fields, is_same);
        for wrong in fields.iter().filter(|found| parsed(found).is_none()) {
            record.drop("phone_number", Some(wrong.value.clone()), "not a valid phone number");
        }
        found
    }

    /// The address that django-allauth calls the primary one, of a user whose own record has none.
    fn address_of(&self, user: &User<'a>) -> Option<Value> {
        let is_primary = |(model, object): &&(usize, &'a super::file::Object)| {
            object.fields.get("primary") == Some(&json!(true))
                || !self.models[*model].names.contains(&"primary")
        };
        let (model, object) = user.addresses.iter().find(is_primary).or(user.addresses.first())?;
        self.models[*model].value(object, Field::Email).cloned()
    }

    /// Fields that say what is verified have been read, whatever they say, and so have the links between records.
    fn take_proofs(&self, user: &User<'a>) {
        let read = [
            Field::EmailVerified,
            Field::PhoneVerified,
            Field::Verified,
            Field::OtpVerified,
            Field::IsActive,
            Field::IsStaff,
            Field::IsSuperuser,
        ];
        for field in read {
            self.take(&self.fields(user, field), |_| true);
        }
        let email = self.fields(user, Field::Email).first().and_then(|found| self.address_key(found.value));
        for (model, object) in &user.addresses {
            let model = &self.models[*model];
            let is_known = model.value(object, Field::Email).and_then(|address| self.address_key(address))
                == email
                || email.is_none();
            for column in model.names.iter().filter(|_| is_known) {
                self.take_column(object, column);
            }
        }
        let linked = user.profiles.iter().chain(&user.addresses);
        for (model, object) in linked {
            if let Some(link) = self.models[*model].link {
                self.take_column(object, link);
            }
        }
    }

    /// The username of a user who has no identifier that can stay: what they logged in with or, if it would read like somebody's
    /// number, the old key.
    fn name_of_nobody(&self, user: &User<'a>) -> String {
        let found = [Field::Phone, Field::Email]
            .iter()
            .find_map(|field| self.fields(user, *field).into_iter().next());
        let text = found.and_then(|found| text_of(found.value)).filter(|text| {
            is_username(text) && !is_address(text) && self.phones.parse_username(text).is_none()
        });
        text.unwrap_or_else(|| format!("user_{}", key_of(user)))
    }

    /// When a record was made, as far as it can be.
    pub(crate) fn joined(&self, name: &str, value: Option<&Value>, record: &mut Record) {
        let Some(value) = value else { return };
        let (time, complaint) = id::made(value, &self.settings.timezone);
        if let Some(complaint) = complaint {
            record.drop(name, Some(value.clone()), complaint);
        }
        record.extend(name, time.map(|time| json!(time)));
    }

    pub(crate) fn is_active(&self, user: &User<'a>) -> bool {
        self.fields(user, Field::IsActive).first().is_none_or(|found| *found.value != json!(false))
    }

    /// Django's own flags make staff, and no others: what `is_admin` means is known only to the system that has it.
    pub(crate) fn is_staff(&self, user: &User<'a>) -> bool {
        let is = |field| self.fields(user, field).first().is_some_and(|found| *found.value == json!(true));
        is(Field::IsStaff) || is(Field::IsSuperuser)
    }
}

/// A text of a record, if there is one.
pub(crate) fn text<'r>(record: &'r Map<String, Value>, name: &str) -> Option<&'r str> {
    record.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The username, with the old key as a suffix if it is invalid here or an earlier user has it. With `_` it is neither a number nor an
/// address.
fn unique_username(
    name: &str,
    user: &User<'_>,
    address: Option<&str>,
    unique: &mut Unique,
    record: &mut Record,
) -> String {
    let is_valid = is_username(name) || address == Some(name);
    if is_valid && unique.username(name) {
        return name.to_owned();
    }
    let key = key_of(user);
    let here = |text: &str| text.nfkc().map(|c| if is_of_username(c) { c } else { '_' }).collect::<String>();
    let name_here: String = here(name).chars().take(LONGEST).collect();
    let renamed: String = format!("{name_here}_{}", here(&key)).chars().take(150).collect();
    unique.username(&renamed);
    let why = if is_valid { "an earlier user has this name" } else { "not a valid username" };
    let reason = format!("{why}; it becomes {renamed}");
    record.drop("username", Some(json!(name)), &reason);
    renamed
}

/// The old key as a text; of a record without a key a part of its new one.
fn key_of(user: &User<'_>) -> String {
    match &user.object.pk {
        Value::Null => user.id.simple().to_string().split_off(24),
        Value::String(text) => text.clone(),
        key => key.to_string(),
    }
}

fn is_of_username(c: char) -> bool {
    c.is_alphanumeric() || "_@.+-".contains(c)
}

/// Whether a username is valid by Django's rule, `^[\w.@+-]{1,150}$`.
fn is_username(text: &str) -> bool {
    let text: String = text.nfkc().collect();
    (1..=150).contains(&text.chars().count()) && text.chars().all(is_of_username)
}
