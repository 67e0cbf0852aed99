//! What `manage.py dumpdata` of a Django system writes, as records that the function `import` takes.
//!
//! A dump does not say what a model means, so that its fields do: users have a password and a name to log in with; a profile
//! is the one of its user and has what users have here; employees are called so. Everything else is left out, and counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::{Builder, Uuid};

const USERNAME: &[&str] = &["username"];
const EMAIL: &[&str] = &["email", "email_address"];
const PHONE: &[&str] = &["phone_number", "phone", "mobile_number", "mobile", "phone_no", "contact_number"];
const ADDRESS: &[&str] = &["address"];
const DATE_OF_BIRTH: &[&str] = &["date_of_birth", "dob", "birth_date", "birthday"];
const EMAIL_VERIFIED: &[&str] = &["is_email_verified", "email_verified"];
const PHONE_VERIFIED: &[&str] = &["is_phone_verified", "phone_verified", "is_phone_number_verified"];
/// Says of the login name, or of the e-mail address of who has a username, that it is verified.
const VERIFIED: &[&str] = &["is_verified", "verified"];
const JOINED: &[&str] = &["date_joined", "created_at", "joined_at", "created_on", "created"];
const DEPARTMENT: &[&str] = &["department", "dept"];
const JOB_TITLE: &[&str] = &["job_title", "position", "designation", "title", "role"];
const HIRE_DATE: &[&str] = &["hire_date", "date_of_joining", "joining_date", "hired_at"];
const FULL_NAME: &[&str] = &["name", "full_name"];
const OWNER: &[&str] = &["owner", "user", "created_by"];
/// A record with one of these is of a code that was sent.
const CODE: &[&str] = &["otp", "code", "otp_code", "token"];

/// What a dump cannot say of itself.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether every e-mail address is proven of which no field says whether it is.
    pub emails_are_verified: bool,
    /// Whether every phone number is proven of which no field says whether it is. A number to log in with always is.
    pub phones_are_verified: bool,
    /// The username of who owns the employees that name no owner.
    pub owner: Option<String>,
}

/// Why a file is no dump.
#[derive(Debug, thiserror::Error)]
#[error("this is not what dumpdata writes as JSON or JSON Lines: {0}")]
pub struct DumpError(#[from] serde_json::Error);

/// A dump's records, in its order.
#[derive(Debug, Default)]
pub struct Dump {
    /// Users.
    pub users: Vec<Entry>,
    /// Employees. Some have an owner among the users, who must be imported before them.
    pub employees: Vec<Entry>,
    /// Records that should be either, but cannot.
    pub refused: Vec<Refusal>,
    /// How many records of other models there are.
    pub left_out: BTreeMap<String, usize>,
}

/// A record that can be imported.
#[derive(Debug)]
pub struct Entry {
    source: Source,
    /// As `import` takes it.
    pub record: Value,
}

/// Where a record comes from.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// Its model, such as `auth.user`.
    pub model: String,
    /// Its primary key; none in a dump with natural keys.
    pub pk: Value,
}

/// A record that is not imported.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    /// Where it comes from.
    #[serde(flatten)]
    pub source: Source,
    /// What is wrong with it.
    pub reason: String,
}

impl Entry {
    /// The entry, refused.
    #[must_use]
    pub fn refused(&self, reason: &str) -> Refusal {
        Refusal { source: self.source.clone(), reason: reason.to_owned() }
    }
}

#[derive(Deserialize)]
struct Object {
    model: String,
    #[serde(default)]
    pk: Value,
    fields: Map<String, Value>,
}

impl Dump {
    /// Reads a dump in JSON or JSON Lines.
    pub fn read(text: &str, settings: &Settings) -> Result<Self, DumpError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let objects: Vec<Object> = if text.starts_with('[') {
            serde_json::from_str(text)?
        } else {
            text.lines()
                .filter(|line| !line.trim().is_empty())
                .map(serde_json::from_str)
                .collect::<Result<_, _>>()?
        };
        Ok(Reader::new(&objects, settings).read(&objects))
    }
}

struct Reader<'a> {
    settings: &'a Settings,
    /// The ids of the users, by what refers to them.
    ids: HashMap<String, Uuid>,
    /// The profiles, by what refers to their user.
    profiles: HashMap<String, Vec<&'a Object>>,
    /// Models of which a user has several records, such as orders: they are no profiles.
    several: BTreeSet<&'a str>,
    departments: HashMap<String, &'a Value>,
}

impl<'a> Reader<'a> {
    fn new(objects: &'a [Object], settings: &'a Settings) -> Self {
        let mut reader = Self {
            settings,
            ids: HashMap::new(),
            profiles: HashMap::new(),
            several: BTreeSet::new(),
            departments: HashMap::new(),
        };
        for object in objects {
            match object.kind() {
                Kind::User => {
                    if let Ok(id) = object.id() {
                        reader.ids.extend(object.references().map(|reference| (reference, id)));
                    }
                }
                Kind::Profile(user) => {
                    reader.profiles.entry(reference(user)).or_default().push(object);
                }
                Kind::Department(name) => {
                    reader.departments.insert(reference(&object.pk), name);
                }
                Kind::Employee | Kind::Other => {}
            }
        }
        for profiles in reader.profiles.values() {
            let mut models = BTreeSet::new();
            let again =
                profiles.iter().map(|profile| profile.model.as_str()).filter(|model| !models.insert(*model));
            reader.several.extend(again);
        }
        reader
    }

    fn is_profile(&self, object: &Object, user: &Value) -> bool {
        self.ids.contains_key(&reference(user)) && !self.several.contains(object.model.as_str())
    }

    fn read(&self, objects: &[Object]) -> Dump {
        let mut dump = Dump::default();
        for object in objects {
            let source = || Source { model: object.model.clone(), pk: object.pk.clone() };
            let mut keep = |record: Result<Value, String>, is_user: bool| match record {
                Ok(record) if is_user => dump.users.push(Entry { source: source(), record }),
                Ok(record) => dump.employees.push(Entry { source: source(), record }),
                Err(reason) => dump.refused.push(Refusal { source: source(), reason }),
            };
            match object.kind() {
                Kind::User => {
                    keep(self.user(object), true);
                    if object.is_called_employee() {
                        keep(self.employee(object), false);
                    }
                }
                Kind::Employee => keep(self.employee(object), false),
                // They go with what refers to them, or what they refer to.
                Kind::Profile(user) if self.is_profile(object, user) => {}
                Kind::Department(_) => {}
                Kind::Profile(_) | Kind::Other => {
                    *dump.left_out.entry(object.model.clone()).or_default() += 1;
                }
            }
        }
        dump
    }

    fn user(&self, object: &Object) -> Result<Value, String> {
        // What the user's own record does not say, their profile may.
        let profiles = object.references().find_map(|reference| self.profiles.get(&reference));
        let mut fields = object.fields.clone();
        let profiles = profiles.into_iter().flatten();
        let profiles = profiles.filter(|profile| !self.several.contains(profile.model.as_str()));
        for (name, value) in profiles.flat_map(|profile| &profile.fields) {
            if given(&fields, &[name]).is_none() {
                fields.insert(name.clone(), value.clone());
            }
        }

        let login = object.login();
        let (of_email, of_phone) = match login {
            Login::Phone => (None, given(&fields, VERIFIED)),
            Login::Username | Login::Email => (given(&fields, VERIFIED), None),
        };
        let email_verified = given(&fields, EMAIL_VERIFIED).or(of_email).cloned();
        let phone_verified = given(&fields, PHONE_VERIFIED).or(of_phone).cloned();
        let is = |name| given(&fields, &[name]) == Some(&json!(true));

        let mut record = Map::from_iter([("id".to_owned(), json!(object.id()?))]);
        let email = given(&fields, EMAIL);
        let username = if login == Login::Email { email } else { given(&fields, USERNAME) };
        for (name, value) in [
            ("username", username),
            ("email", email),
            ("phone_number", given(&fields, PHONE)),
            ("password", given(&fields, &["password"])),
            ("first_name", given(&fields, &["first_name"])),
            ("last_name", given(&fields, &["last_name"])),
            ("address", given(&fields, ADDRESS)),
            ("date_of_birth", given(&fields, DATE_OF_BIRTH)),
            ("is_active", given(&fields, &["is_active"])),
        ] {
            record.extend(value.map(|value| (name.to_owned(), value.clone())));
        }
        if let Some(time) = given(&fields, &["last_login"]) {
            record.insert("last_login".to_owned(), json!(instant(time).ok_or("last_login: not a time")?));
        }
        split_name(&fields, &mut record);
        let email_default = json!(self.settings.emails_are_verified);
        let phone_default = json!(self.settings.phones_are_verified || login == Login::Phone);
        record.insert("is_email_verified".to_owned(), email_verified.unwrap_or(email_default));
        record.insert("is_phone_verified".to_owned(), phone_verified.unwrap_or(phone_default));
        record.insert("is_staff".to_owned(), json!(is("is_staff") || is("is_superuser")));
        Ok(Value::Object(record))
    }

    fn employee(&self, object: &Object) -> Result<Value, String> {
        let fields = &object.fields;
        let mut record = Map::from_iter([("id".to_owned(), json!(object.employee_id()?))]);
        let department = given(fields, DEPARTMENT);
        let department =
            department.map(|name| self.departments.get(&reference(name)).copied().unwrap_or(name));
        for (name, value) in [
            ("first_name", given(fields, &["first_name"])),
            ("last_name", given(fields, &["last_name"])),
            ("phone_number", given(fields, PHONE)),
            ("email", given(fields, EMAIL)),
            ("date_of_birth", given(fields, DATE_OF_BIRTH)),
            ("department", department),
            ("job_title", given(fields, JOB_TITLE)),
            ("hire_date", given(fields, HIRE_DATE)),
            ("address", given(fields, ADDRESS)),
            ("is_phone_verified", given(fields, PHONE_VERIFIED).or(given(fields, VERIFIED))),
        ] {
            record.extend(value.map(|value| (name.to_owned(), value.clone())));
        }
        split_name(fields, &mut record);
        let owner = match given(fields, OWNER) {
            _ if object.kind() == Kind::User => Some(object.id()?),
            Some(user) => Some(
                *self
                    .ids
                    .get(&reference(user))
                    .ok_or_else(|| format!("owner: there is no user {user} in the dump"))?,
            ),
            None => None,
        };
        match (owner, &self.settings.owner) {
            (Some(owner), _) => record.insert("owner".to_owned(), json!(owner)),
            (None, Some(username)) => record.insert("owner_username".to_owned(), json!(username)),
            (None, None) => return Err("owner: the record names none; name one with --owner".to_owned()),
        };
        Ok(Value::Object(record))
    }
}

/// What a record is.
#[derive(Debug, PartialEq)]
enum Kind<'a> {
    User,
    Employee,
    /// Of the user to whom this refers.
    Profile(&'a Value),
    /// With this name.
    Department(&'a Value),
    Other,
}

/// What a user logs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    Username,
    Email,
    Phone,
}

impl Object {
    fn kind(&self) -> Kind<'_> {
        let fields = &self.fields;
        let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
        let about_a_user = [PHONE, ADDRESS, DATE_OF_BIRTH, EMAIL_VERIFIED, PHONE_VERIFIED, VERIFIED];
        let is_called = |name| self.name() == name;
        if has(&["password"]) && [USERNAME, EMAIL, PHONE].iter().any(|names| has(names)) {
            Kind::User
        } else if has(CODE) {
            Kind::Other
        } else if self.is_called_employee() {
            Kind::Employee
        } else if let Some(name) = fields.get("name").filter(|_| is_called("department")) {
            Kind::Department(name)
        } else if let Some(user) = fields.get("user").filter(|_| about_a_user.iter().any(|names| has(names)))
        {
            Kind::Profile(user)
        } else {
            Kind::Other
        }
    }

    /// The model without its app.
    fn name(&self) -> &str {
        self.model.rsplit('.').next().unwrap_or_default()
    }

    fn is_called_employee(&self) -> bool {
        self.name().contains("employee")
    }

    /// Without a username, what the model names first: Django writes fields in the order of the model.
    fn login(&self) -> Login {
        let at = |names: &[&str]| self.fields.keys().position(|field| names.contains(&field.as_str()));
        match (at(USERNAME), at(PHONE), at(EMAIL)) {
            (None, Some(phone), email) if email.is_none_or(|email| phone < email) => Login::Phone,
            (None, _, Some(_)) => Login::Email,
            _ => Login::Username,
        }
    }

    /// What the user logs in with.
    fn login_name(&self) -> Option<&Value> {
        given(
            &self.fields,
            match self.login() {
                Login::Username => USERNAME,
                Login::Email => EMAIL,
                Login::Phone => PHONE,
            },
        )
    }

    /// What may refer to the user: the primary key, or the natural key.
    fn references(&self) -> impl Iterator<Item = String> {
        let pk = Some(reference(&self.pk)).filter(|_| !self.pk.is_null());
        pk.into_iter().chain(self.login_name().map(reference))
    }

    /// The id of a user: always the same for the same record.
    fn id(&self) -> Result<Uuid, String> {
        self.id_of("user", self.login_name())
    }

    /// The id of an employee, who may be a user, too.
    fn employee_id(&self) -> Result<Uuid, String> {
        self.id_of("employee", given(&self.fields, PHONE))
    }

    /// A `UUIDv7`: the time at which the record was made, so that lists keep their order, and a hash of where it comes from.
    /// When no field says the time, it is 1970, in the order of the keys.
    fn id_of(&self, kind: &str, name: Option<&Value>) -> Result<Uuid, String> {
        let milliseconds = match given(&self.fields, JOINED) {
            Some(time) => {
                let time = instant(time).ok_or_else(|| format!("{time} is not a time"))?;
                u64::try_from(time.as_millisecond()).map_err(|_| format!("{time} is before 1970"))?
            }
            None => self.pk.as_u64().unwrap_or(0),
        };
        let source = json!([kind, self.model, self.pk, name]).to_string();
        let mut rest = [0; 10];
        rest.copy_from_slice(&digest(&SHA256, source.as_bytes()).as_ref()[..10]);
        Ok(Builder::from_unix_timestamp_millis(milliseconds, &rest).into_uuid())
    }
}

/// The first of the fields that says something: neither `null` nor empty.
fn given<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    let found = names.iter().filter_map(|name| fields.get(*name));
    found.into_iter().find(|value| !value.is_null() && value.as_str() != Some(""))
}

/// What refers to a record: its key, which as a natural one is a list.
fn reference(key: &Value) -> String {
    match key {
        Value::Array(parts) => match parts.as_slice() {
            [Value::String(text)] => text.clone(),
            _ => key.to_string(),
        },
        Value::String(text) => text.clone(),
        key => key.to_string(),
    }
}

/// A model with one field for the whole name: the first word is the first name.
fn split_name(fields: &Map<String, Value>, record: &mut Map<String, Value>) {
    let whole = given(fields, FULL_NAME).and_then(Value::as_str).map(str::trim);
    let is_split = record.contains_key("first_name") || record.contains_key("last_name");
    if let Some(whole) = whole.filter(|_| !is_split) {
        let (first, last) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
        record.insert("first_name".to_owned(), json!(first));
        record.insert("last_name".to_owned(), json!(last.trim()));
    }
}

/// A time with its offset or, from a system without time zones, in UTC; a date is its beginning.
fn instant(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?;
    let naive = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    text.parse().ok().or_else(naive)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(objects: &Value) -> Dump {
        Dump::read(&objects.to_string(), &Settings::default()).unwrap()
    }

    fn user(pk: u32, joined: &str) -> Value {
        json!({ "model": "auth.user", "pk": pk, "fields": { "username": "ada", "password": "!", "date_joined": joined } })
    }

    #[test]
    fn an_id_is_the_same_each_time_sorts_by_time_and_differs_by_where_it_comes_from() {
        let id = |object: &Value| read(&json!([object])).users[0].record["id"].as_str().unwrap().to_owned();
        let (early, late) =
            (id(&user(1, "2024-01-01T00:00:00.001Z")), id(&user(1, "2024-01-01T00:00:00.002Z")));
        assert_eq!(early, id(&user(1, "2024-01-01T00:00:00.001999Z")));
        assert!(early < late);
        assert_ne!(early, id(&user(2, "2024-01-01T00:00:00.001Z")));
        assert_eq!(id(&user(1, "2024-01-01 01:00:00.001+01:00")), early);
        assert_eq!(id(&user(1, "2024-01-01T00:00:00.001")), early);
    }

    #[test]
    fn a_user_of_natural_keys_owns_what_names_them() {
        let dump = read(&json!([
            { "model": "auth.user", "fields": { "username": "ada", "password": "!" } },
            { "model": "hr.employee", "pk": 1, "fields": { "owner": ["ada"], "phone": "1" } },
        ]));
        assert_eq!(dump.employees[0].record["owner"], dump.users[0].record["id"]);
    }

    #[test]
    fn a_proof_is_of_what_the_user_logs_in_with() {
        let proofs = |fields: &Value| {
            let mut fields = fields.clone();
            fields["password"] = json!("!");
            let dump = read(&json!([{ "model": "a.user", "pk": 1, "fields": fields }]));
            let record = &dump.users[0].record;
            [&record["is_email_verified"], &record["is_phone_verified"]].map(|flag| flag.as_bool().unwrap())
        };
        assert_eq!(proofs(&json!({ "phone": "1", "email": "a@b.c" })), [false, true]);
        assert_eq!(proofs(&json!({ "phone": "1", "email": "a@b.c", "is_verified": false })), [false, false]);
        assert_eq!(
            proofs(&json!({ "phone": "1", "email": "a@b.c", "phone_verified": false })),
            [false, false]
        );
        assert_eq!(proofs(&json!({ "email": "a@b.c", "phone": "1" })), [false, false]);
        assert_eq!(proofs(&json!({ "email": "a@b.c", "phone": "1", "is_verified": true })), [true, false]);
        assert_eq!(proofs(&json!({ "username": "a", "phone": "1", "is_verified": true })), [true, false]);
        assert_eq!(proofs(&json!({ "username": "a", "phone": "1" })), [false, false]);
    }

    #[test]
    fn codes_and_what_is_unknown_are_left_out() {
        let dump = read(&json!([
            user(1, "2024-01-01T00:00:00Z"),
            { "model": "a.emailotp", "pk": 1, "fields": { "user": 1, "otp": "1234", "is_verified": true } },
            { "model": "a.profile", "pk": 1, "fields": { "user": 9, "phone": "1" } },
            { "model": "a.profile", "pk": 2, "fields": { "user": 1, "phone": "2", "email": "" } },
            { "model": "shop.order", "pk": 1, "fields": { "user": 1, "address": "here" } },
            { "model": "shop.order", "pk": 2, "fields": { "user": 1, "address": "there" } },
            { "model": "sessions.session", "pk": "x", "fields": {} },
        ]));
        assert_eq!(dump.users[0].record["phone_number"], "2");
        assert_eq!(dump.users[0].record.get("address"), None);
        assert_eq!(dump.users[0].record["is_email_verified"], false);
        assert_eq!(
            dump.left_out.keys().collect::<Vec<_>>(),
            ["a.emailotp", "a.profile", "sessions.session", "shop.order"]
        );
    }

    #[test]
    fn a_time_before_1970_and_one_that_is_none_are_refused() {
        for joined in ["1969-12-31T23:59:59Z", "yesterday"] {
            let dump = read(&json!([user(1, joined)]));
            assert_eq!((dump.users.len(), dump.refused.len()), (0, 1), "{joined}");
        }
    }
}
