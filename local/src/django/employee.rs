//! An employee, as the function `import` takes one.

use serde_json::{Map, Value, json};

use super::{
    file::Object,
    id,
    model::{Kind, Model},
    reader::{Reader, all},
    record::{ADDRESS, NAME, Record},
    unique::{Unique, valid_address},
    user::text,
    words::{Field, reference},
};

/// Whose an employee's record is.
enum Owner<'r> {
    /// The user at this place.
    User(usize),
    /// A user with this name, who need not be in the dump.
    Username(&'r str),
}

impl<'a> Reader<'a> {
    /// The record of an employee, or why there can be none: every employee has an owner. `records` are those of the users.
    pub(crate) fn employee(
        &self,
        model: &Model<'a>,
        object: &'a Object,
        records: &[Map<String, Value>],
        unique: &mut Unique,
    ) -> Result<Record, String> {
        let phones = all(model, object, Field::Phone);
        let key = phones.first().map(|found| found.value);
        let mut record = Record::new(id::of(object, "employee", key));
        let person = self.person(model, object);
        let of_person = person.map(|user| &records[user]);
        let owner = self.owner(model, object, person, records)?;

        let value = |field| {
            let fields = all(model, object, field);
            let first = fields.first()?;
            self.take(&fields, |value| value == first.value);
            Some(first.value)
        };
        record.text("first_name", NAME, value(Field::FirstName));
        record.text("last_name", NAME, value(Field::LastName));
        record.split_name(|| value(Field::FullName));
        let number = self.phone(&phones, &mut record).map(|(number, _)| number.e164);
        let number_of_person = || of_person.and_then(|user| text(user, "phone_number")).map(str::to_owned);
        let number = number.or_else(number_of_person).filter(|number| {
            unique.phone(number) || {
                record.drop("phone_number", Some(json!(number)), "an earlier employee has this number");
                false
            }
        });
        let email = value(Field::Email).and_then(|address| valid_address(address, &mut record));
        let is_same_record = model.shares_keys || model.kind == Kind::Users;
        let email_of_person =
            || of_person.filter(|_| is_same_record).and_then(|user| text(user, "email")).map(str::to_owned);
        let email = email.or_else(email_of_person).filter(|address| {
            unique.email(address) || {
                record.drop("email", Some(json!(address)), "an earlier employee has this address");
                false
            }
        });
        let is_verified = has_verified_number(model, object, of_person, number.as_deref());
        record.extend("phone_number", number.map(Value::from));
        record.extend("email", email.map(Value::from));
        record.text("address", ADDRESS, value(Field::Address));
        record.date("date_of_birth", value(Field::DateOfBirth));
        record.date("hire_date", value(Field::HireDate));
        for (name, field) in [("department", Field::Department), ("job_title", Field::JobTitle)] {
            self.named(name, field, model, object, &mut record);
        }
        let made = value(Field::Joined).or_else(|| {
            person.filter(|_| is_same_record).and_then(|user| self.field(&self.users[user], Field::Joined))
        });
        self.joined("created_at", made, &mut record);
        record.set("is_phone_verified", json!(is_verified));
        name_by_person(&mut record, of_person, object);
        if let Some(address) =
            of_person.and_then(|user| text(user, "address")).filter(|_| !record.has("address"))
        {
            record.set("address", json!(address));
        }
        match owner {
            Owner::User(user) => record.set("owner", json!(self.users[user].id)),
            Owner::Username(name) => record.set("owner_username", json!(name)),
        }
        for field in [Field::PhoneVerified, Field::Verified, Field::User, Field::Owner] {
            self.take(&all(model, object, field), |_| true);
        }
        if let Some(link) = model.link {
            self.take_column(object, link);
        }
        Ok(record)
    }

    /// The user who the employee is: the record itself, the one with the same key, or the one to whom only this record refers.
    fn person(&self, model: &Model<'a>, object: &'a Object) -> Option<usize> {
        if model.kind == Kind::Users {
            return self.user_at(object);
        }
        let key = model.user_of(object).filter(|_| !model.has_several)?;
        self.user_of(key)
    }

    fn owner(
        &self,
        model: &Model<'a>,
        object: &'a Object,
        person: Option<usize>,
        records: &[Map<String, Value>],
    ) -> Result<Owner<'_>, String> {
        if let Some(person) = person.filter(|_| model.kind == Kind::Users) {
            return Ok(Owner::User(person));
        }
        let by = |field| model.value(object, field);
        let named = by(Field::Owner).or_else(|| model.user_of(object)).or_else(|| by(Field::Creator));
        if let Some(user) = named.and_then(|user| self.user_of(user)) {
            return Ok(Owner::User(user));
        }
        let complaint = match named {
            Some(user) if self.is_ambiguous(user) => {
                return Err(format!("owner: {user} may be of either of two users in the dump"));
            }
            Some(user) => format!("owner: there is no user {user} in the dump; name one with --owner"),
            None => "owner: the record names none; name one with --owner".to_owned(),
        };
        let owner = self.settings.owner.as_deref().ok_or(complaint)?;
        // A user of the dump may not be here yet.
        let of_the_dump = records.iter().position(|user| text(user, "username") == Some(owner));
        Ok(of_the_dump.map_or(Owner::Username(owner), Owner::User))
    }

    /// A field that names something by its name or its key.
    fn named(&self, name: &str, field: Field, model: &Model<'a>, object: &'a Object, record: &mut Record) {
        let fields = all(model, object, field);
        let Some(first) = fields.first() else { return };
        self.take(&fields, |value| value == first.value);
        match self.name_of(first.column, first.value) {
            Some(value) => record.text(name, NAME, Some(value)),
            None => record.drop(
                name,
                Some(first.value.clone()),
                "a key, of no record in the dump that has a name",
            ),
        }
    }
}

/// Whether the number is verified: as the record says or, when it is that of the user who the employee is, the user.
fn has_verified_number<'a>(
    model: &Model<'a>,
    object: &'a Object,
    person: Option<&Map<String, Value>>,
    number: Option<&str>,
) -> bool {
    let Some(number) = number else { return false };
    if let Some(person) = person.filter(|person| text(person, "phone_number") == Some(number)) {
        let of_record = model.says(object, Field::PhoneVerified);
        return of_record.unwrap_or(person.get("is_phone_verified") == Some(&json!(true)));
    }
    let own = model.says(object, Field::Verified).filter(|_| model.kind != Kind::Users);
    model.says(object, Field::PhoneVerified).or(own).unwrap_or(false)
}

/// Everybody is called something: as the user is or, without a name, by an identifier.
fn name_by_person(record: &mut Record, person: Option<&Map<String, Value>>, object: &Object) {
    if record.has("first_name") || record.has("last_name") {
        return;
    }
    let names = ["first_name", "last_name"].map(|name| person.and_then(|user| text(user, name)));
    if names.iter().any(Option::is_some) {
        for (name, value) in ["first_name", "last_name"].into_iter().zip(names) {
            record.extend(name, value.map(Value::from));
        }
        return;
    }
    let own = |name: &str| text(&record.fields, name).map(str::to_owned);
    let username = person.and_then(|user| text(user, "username")).map(str::to_owned);
    let identifier = username.or_else(|| own("email")).or_else(|| own("phone_number"));
    let identifier = identifier.unwrap_or_else(|| format!("{} {}", object.model, reference(&object.pk)));
    let local = identifier.split('@').next().filter(|local| !local.is_empty());
    record.set("first_name", json!(local.unwrap_or(&identifier)));
}
