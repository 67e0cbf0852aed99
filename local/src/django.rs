//! What `manage.py dumpdata` of a Django system writes, as records that the function `import` takes.
//!
//! A dump does not say what a model means, so that its fields do: users have a password and a name to log in with; a profile
//! is the one of its user and has what users have here; employees are called so. Everything else is left out, and counted;
//! so are sign-ups that nobody has finished.

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
const EMAIL_VERIFIED: &[&str] = &["is_email_verified", "email_verified", "email_verified_at"];
const PHONE_VERIFIED: &[&str] = &[
    "is_phone_verified",
    "phone_verified",
    "is_phone_number_verified",
    "phone_number_verified",
    "is_mobile_verified",
    "mobile_verified",
    "phone_verified_at",
];
/// Says that an address is verified, and not which: of a user the one to log in with or, of who has a username, the e-mail
/// address; of a profile or an employee the phone number.
const VERIFIED: &[&str] = &["is_verified", "verified", "verified_at"];
/// Says that a code was entered, and not which: `false` says that something waits, and `true` proves nothing.
const OTP_VERIFIED: &[&str] = &["is_otp_verified", "otp_verified"];
const JOINED: &[&str] = &["date_joined", "created_at", "joined_at", "created_on", "created"];
const DEPARTMENT: &[&str] = &["department", "dept"];
const JOB_TITLE: &[&str] = &["job_title", "position", "designation", "title", "role"];
const HIRE_DATE: &[&str] = &["hire_date", "date_of_joining", "joining_date", "hired_at"];
const FULL_NAME: &[&str] = &["name", "full_name"];
const OWNER: &[&str] = &["owner", "user", "created_by"];
/// A record with one of these is of a code that was sent: the code, or until when it can be used.
const CODE: &[&str] = &[
    "otp",
    "code",
    "token",
    "expires",
    "expires_at",
    "expires_on",
    "expire_at",
    "expired_at",
    "expiry",
    "expiry_date",
    "expiry_time",
    "expiration",
    "expiration_date",
    "expiration_time",
    "is_expired",
    "valid_until",
    "is_used",
];
/// And so is one with a field whose name has a word of each of these, such as `verification_code`.
const CODE_FOR: &[&str] = &[
    "verification",
    "verify",
    "activation",
    "confirmation",
    "confirm",
    "registration",
    "signup",
    "sms",
    "email",
    "code",
    "token",
];
const CODE_PART: &[&str] = &["code", "token", "key", "hash", "expires", "expiry", "expiration"];
/// What every model of users has that is made from Django's, and no table of pending sign-ups needs.
const OF_USERS: &[&str] = &["last_login", "is_active"];
/// How the name of a model begins that holds pending sign-ups.
const PENDING: &[&str] = &["pending", "unverified", "unconfirmed", "temporary", "tempuser"];
/// A record with one of these says what another once was.
const HISTORY: &[&str] = &["history_id", "history_type"];

/// What a dump cannot say of itself.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether every e-mail address of an active user is proven of which no field says whether it is.
    pub emails_are_verified: bool,
    /// Whether every phone number of an active user is proven of which no field says whether it is. One that is known to be
    /// the login name is in any case.
    pub phones_are_verified: bool,
    /// What users without usernames log in with who have both an e-mail address and a phone number.
    pub login: Option<Login>,
    /// The username of who owns the employees that name no owner.
    pub owner: Option<String>,
}

/// What a user logs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// A name of their choice.
    Username,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
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
    /// By model of user, the field to log in with, where only the order of the fields tells.
    pub guesses: BTreeMap<String, String>,
    /// How many records of other models there are.
    pub left_out: BTreeMap<String, usize>,
    /// Those of them that hold sign-ups which nobody has finished.
    pub pending: BTreeSet<String>,
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
    /// Whether the dump has a model of users made from Django's: then one that is not has no users.
    #[serde(skip)]
    is_beside_users: bool,
}

impl Dump {
    /// Reads a dump in JSON or JSON Lines.
    pub fn read(text: &str, settings: &Settings) -> Result<Self, DumpError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut objects: Vec<Object> = if text.starts_with('[') {
            serde_json::from_str(text)?
        } else {
            text.lines()
                .filter(|line| !line.trim().is_empty())
                .map(serde_json::from_str)
                .collect::<Result<_, _>>()?
        };
        let has =
            |object: &Object, names: &[&str]| names.iter().any(|name| object.fields.contains_key(*name));
        let is_beside_users =
            objects.iter().any(|object| has(object, &["password"]) && has(object, OF_USERS));
        for object in &mut objects {
            object.is_beside_users = is_beside_users;
        }
        Ok(Reader::new(&objects, settings).read(&objects))
    }
}

struct Reader<'a> {
    settings: &'a Settings,
    /// The ids of the users, by what refers to them; none when it may be either of two, because a reference does not say the
    /// model.
    ids: HashMap<String, Option<Uuid>>,
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
                    if let Ok(id) = reader.id(object) {
                        for reference in reader.references(object) {
                            let known = reader.ids.entry(reference).or_insert(Some(id));
                            *known = known.filter(|known| *known == id);
                        }
                    }
                }
                Kind::Profile(user) => {
                    reader.profiles.entry(reference(user)).or_default().push(object);
                }
                Kind::Department(name) => {
                    reader.departments.insert(reference(&object.pk), name);
                }
                Kind::Employee | Kind::Pending | Kind::Other => {}
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
        matches!(self.ids.get(&reference(user)), Some(Some(_)))
            && !self.several.contains(object.model.as_str())
    }

    fn login(&self, user: &Object) -> Login {
        user.login().or(self.settings.login).unwrap_or_else(|| user.first_named())
    }

    /// What the user logs in with.
    fn login_name<'b>(&self, user: &'b Object) -> Option<&'b Value> {
        given(&user.fields, self.login(user).fields())
    }

    /// What may refer to the user: the primary key, or the natural key.
    fn references(&self, user: &Object) -> Vec<String> {
        let pk = Some(reference(&user.pk)).filter(|_| !user.pk.is_null());
        pk.into_iter().chain(self.login_name(user).map(|name| reference(&json!([name])))).collect()
    }

    /// The id of a user: always the same for the same record.
    fn id(&self, user: &Object) -> Result<Uuid, String> {
        user.id_of("user", self.login_name(user))
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
                    if let Some(field) = self.guess(object) {
                        dump.guesses.insert(object.model.clone(), field.to_owned());
                    }
                    if object.is_called_employee() {
                        keep(self.employee(object), false);
                    }
                }
                Kind::Employee => keep(self.employee(object), false),
                // They go with what refers to them, or what they refer to.
                Kind::Profile(user) if self.is_profile(object, user) => {}
                Kind::Department(_) => {}
                kind @ (Kind::Profile(_) | Kind::Pending | Kind::Other) => {
                    if kind == Kind::Pending {
                        dump.pending.insert(object.model.clone());
                    }
                    *dump.left_out.entry(object.model.clone()).or_default() += 1;
                }
            }
        }
        dump
    }

    /// The field that the users of a model seem to log in with.
    fn guess<'b>(&self, user: &'b Object) -> Option<&'b str> {
        if user.login().or(self.settings.login).is_some() {
            return None;
        }
        let names = user.first_named().fields();
        user.fields.keys().map(String::as_str).find(|field| names.contains(field))
    }

    fn user(&self, object: &Object) -> Result<Value, String> {
        let id = self.id(object)?;
        let references = self
            .references(object)
            .into_iter()
            .filter(|reference| self.ids.get(reference) == Some(&Some(id)));
        let related: Vec<&Object> =
            references.filter_map(|reference| self.profiles.get(&reference)).flatten().copied().collect();
        // What the user's own record does not say, their profile may; a proof is only of what is in the same record.
        let mut fields = object.fields.clone();
        for (name, value) in self.only_ones(&related).flat_map(|profile| &profile.fields) {
            if !is_proof(name) && given(&fields, &[name]).is_none() {
                fields.insert(name.clone(), value.clone());
            }
        }
        let login = self.login(object);
        let (email, phone) = (given(&fields, EMAIL), given(&fields, PHONE));
        let is_active = given(&fields, &["is_active"]) != Some(&json!(false));
        let is_login = login == Login::Phone && self.guess(object).is_none();
        let emails_are_verified = is_active && self.settings.emails_are_verified;
        let phones_are_verified = is_active && (self.settings.phones_are_verified || is_login);
        let email_verified = self.proof(object, &related, Login::Email, email).unwrap_or(emails_are_verified);
        let phone_verified = self.proof(object, &related, Login::Phone, phone).unwrap_or(phones_are_verified);
        let is = |name| given(&fields, &[name]) == Some(&json!(true));

        let mut record = Map::from_iter([("id".to_owned(), json!(id))]);
        let username = if login == Login::Email { email } else { given(&fields, USERNAME) };
        for (name, value) in [
            ("username", username),
            ("email", email),
            ("phone_number", phone),
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
        record.insert("is_email_verified".to_owned(), json!(email_verified));
        record.insert("is_phone_verified".to_owned(), json!(phone_verified));
        record.insert("is_staff".to_owned(), json!(is("is_staff") || is("is_superuser")));
        Ok(Value::Object(record))
    }

    /// Those of a user's records that are the only ones of their model.
    fn only_ones<'b>(&self, related: &[&'b Object]) -> impl Iterator<Item = &'b Object> {
        related.iter().copied().filter(|profile| !self.several.contains(profile.model.as_str()))
    }

    /// Whether the dump says that an address (the e-mail address or the phone number) of a user is verified; none if it does
    /// not say.
    fn proof(
        &self,
        user: &Object,
        related: &[&Object],
        kind: Login,
        address: Option<&Value>,
    ) -> Option<bool> {
        let (names, proofs) =
            if kind == Login::Phone { (PHONE, PHONE_VERIFIED) } else { (EMAIL, EMAIL_VERIFIED) };
        let has_it = |profile: &&Object| address.is_some() && given(&profile.fields, names) == address;
        let has_no_other =
            |profile: &&Object| given(&profile.fields, names).is_none_or(|own| Some(own) == address);
        let of_user = says(&user.fields, VERIFIED);
        let of_phone = |profile: &Object| {
            let is_of_phone = kind == Login::Phone && given(&profile.fields, EMAIL).is_none();
            says(&profile.fields, VERIFIED).filter(|_| is_of_phone)
        };
        // Elsewhere, such as in django-allauth's table, it may be one of several and wait to be verified.
        let denies = |record: &&Object| {
            has_it(record)
                && [proofs, VERIFIED].iter().any(|names| says(&record.fields, names) == Some(false))
        };
        says(&user.fields, proofs)
            .or_else(|| {
                self.only_ones(related).filter(has_no_other).find_map(|profile| says(&profile.fields, proofs))
            })
            .or(of_user.filter(|_| (kind == Login::Phone) == (self.login(user) == Login::Phone)))
            .or_else(|| self.only_ones(related).filter(has_it).find_map(of_phone))
            // Which address it is of is not certain, but that there is one that is not verified.
            .or([of_user, says(&user.fields, OTP_VERIFIED)].contains(&Some(false)).then_some(false))
            .or_else(|| related.iter().copied().any(|record| denies(&record)).then_some(false))
    }

    fn employee(&self, object: &Object) -> Result<Value, String> {
        let fields = &object.fields;
        let mut record = Map::from_iter([("id".to_owned(), json!(object.employee_id()?))]);
        let department = given(fields, DEPARTMENT);
        let department = department.map(|key| self.department(key));
        let is_user = object.kind() == Kind::User;
        let verified = says(fields, VERIFIED).filter(|_| !is_user || self.login(object) == Login::Phone);
        let verified = says(fields, PHONE_VERIFIED).or(verified).map(Value::from);
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
            ("is_phone_verified", verified.as_ref()),
        ] {
            record.extend(value.map(|value| (name.to_owned(), value.clone())));
        }
        split_name(fields, &mut record);
        let owner = match given(fields, OWNER) {
            _ if is_user => Some(self.id(object)?),
            Some(user) => match self.ids.get(&reference(user)) {
                Some(Some(id)) => Some(*id),
                Some(None) => return Err(format!("owner: {user} may be of either of two users in the dump")),
                None => return Err(format!("owner: there is no user {user} in the dump")),
            },
            None => None,
        };
        match (owner, &self.settings.owner) {
            (Some(owner), _) => record.insert("owner".to_owned(), json!(owner)),
            (None, Some(username)) => record.insert("owner_username".to_owned(), json!(username)),
            (None, None) => return Err("owner: the record names none; name one with --owner".to_owned()),
        };
        Ok(Value::Object(record))
    }

    /// The name of a department: of the one in the dump, in the natural key, or what is there instead of a key.
    fn department<'b>(&'b self, key: &'b Value) -> &'b Value {
        let natural = || key.as_array()?.iter().rfind(|part| part.is_string());
        self.departments.get(&reference(key)).copied().or_else(natural).unwrap_or(key)
    }
}

/// What a record is.
#[derive(Debug, PartialEq)]
enum Kind<'a> {
    User,
    /// A sign-up that nobody has finished.
    Pending,
    Employee,
    /// Of the user to whom this refers.
    Profile(&'a Value),
    /// With this name.
    Department(&'a Value),
    Other,
}

impl Login {
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Username => USERNAME,
            Self::Email => EMAIL,
            Self::Phone => PHONE,
        }
    }
}

impl Object {
    fn kind(&self) -> Kind<'_> {
        let fields = &self.fields;
        let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
        let about_a_user = [PHONE, ADDRESS, DATE_OF_BIRTH, EMAIL_VERIFIED, PHONE_VERIFIED, VERIFIED];
        let is_called = |name| self.name() == name;
        if has(HISTORY) {
            Kind::Other
        } else if has(&["password"]) && [USERNAME, EMAIL, PHONE].iter().any(|names| has(names)) {
            let is_waiting = self.has_code() || (self.is_beside_users && !self.is_called_employee());
            if self.is_called_pending() || (is_waiting && !has(OF_USERS)) {
                Kind::Pending
            } else {
                Kind::User
            }
        } else if self.is_called_employee() {
            Kind::Employee
        } else if self.has_code() {
            Kind::Other
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
        self.name().ends_with("employee")
    }

    fn is_called_pending(&self) -> bool {
        PENDING.iter().any(|start| self.name().starts_with(start))
    }

    /// Whether the record has a field of a code that was sent.
    fn has_code(&self) -> bool {
        self.fields.keys().any(|name| is_of_code(name))
    }

    /// What a user logs in with, if the model leaves no choice.
    fn login(&self) -> Option<Login> {
        let has = |login: Login| login.fields().iter().any(|name| self.fields.contains_key(*name));
        match (has(Login::Username), has(Login::Email), has(Login::Phone)) {
            (true, _, _) => Some(Login::Username),
            (false, true, false) => Some(Login::Email),
            (false, false, _) => Some(Login::Phone),
            (false, true, true) => None,
        }
    }

    /// The address that the model names first: Django writes fields in the order of the model.
    fn first_named(&self) -> Login {
        let names = &mut self.fields.keys().map(String::as_str);
        let is_email = names.find(|name| EMAIL.contains(name) || PHONE.contains(name));
        if is_email.is_some_and(|name| EMAIL.contains(&name)) { Login::Email } else { Login::Phone }
    }

    /// The id of an employee, who may be a user, too.
    fn employee_id(&self) -> Result<Uuid, String> {
        self.id_of("employee", given(&self.fields, PHONE))
    }

    /// A `UUIDv7`: the time at which the record was made, so that lists keep their order, and a hash of where it comes from.
    /// When no field says the time, it is 1970, in the order of the keys.
    fn id_of(&self, kind: &str, name: Option<&Value>) -> Result<Uuid, String> {
        let joined = JOINED.iter().find_map(|field| Some((field, given(&self.fields, &[field])?)));
        let milliseconds = match joined {
            Some((field, value)) => {
                let time = instant(value).ok_or_else(|| format!("{field}: {value} is not a time"))?;
                if time > Timestamp::now() {
                    return Err(format!("{field}: {value} is in the future"));
                }
                u64::try_from(time.as_millisecond())
                    .map_err(|_| format!("{field}: {value} is before 1970"))?
            }
            None => self.pk.as_u64().unwrap_or(0),
        };
        // A name may change from dump to dump.
        let name = name.filter(|_| self.pk.is_null());
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

/// Whether fields say that something is verified: yes by `true`, or by the time when it was, and no by everything else. None if
/// there is no such field.
fn says(fields: &Map<String, Value>, names: &[&str]) -> Option<bool> {
    let is_yes =
        |name: &str, value: &Value| *value == json!(true) || (name.ends_with("_at") && value.is_string());
    let said = names.iter().find_map(|name| Some(is_yes(name, given(fields, &[name])?)));
    said.or_else(|| names.iter().any(|name| fields.contains_key(*name)).then_some(false))
}

/// Whether a field says that something is verified.
fn is_proof(field: &str) -> bool {
    [VERIFIED, OTP_VERIFIED, EMAIL_VERIFIED, PHONE_VERIFIED].iter().any(|names| names.contains(&field))
}

/// Whether a field is one of a code that was sent.
fn is_of_code(field: &str) -> bool {
    let words: Vec<&str> = field.split('_').collect();
    let is_part = |word: &&str| CODE_PART.contains(word);
    let is_compound = || {
        let purpose = words.iter().position(|word| CODE_FOR.contains(word));
        purpose.is_some_and(|at| words[at + 1..].iter().any(is_part))
    };
    !is_proof(field) && (CODE.contains(&field) || words.contains(&"otp") || is_compound())
}

/// What refers to a record: its key, which as a natural one is a list. The key 7 is not the name "7".
fn reference(key: &Value) -> String {
    key.to_string()
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
        assert_eq!(proofs(&json!({ "phone": "1" })), [false, true]);
        assert_eq!(proofs(&json!({ "phone": "1", "is_verified": false })), [false, false]);
        assert_eq!(proofs(&json!({ "phone": "1", "phone_verified": false })), [false, false]);
        assert_eq!(proofs(&json!({ "phone": "1", "email": "a@b.c" })), [false, false]);
        assert_eq!(proofs(&json!({ "phone": "1", "email": "a@b.c", "is_verified": true })), [false, true]);
        assert_eq!(proofs(&json!({ "email": "a@b.c", "phone": "1" })), [false, false]);
        assert_eq!(proofs(&json!({ "email": "a@b.c", "phone": "1", "is_verified": true })), [true, false]);
        assert_eq!(proofs(&json!({ "username": "a", "phone": "1", "is_verified": true })), [true, false]);
        assert_eq!(proofs(&json!({ "username": "a", "phone": "1" })), [false, false]);
    }

    #[test]
    fn who_is_waiting_to_be_verified_is_not_verified_by_what_holds_for_the_others() {
        let settings =
            Settings { emails_are_verified: true, phones_are_verified: true, ..Settings::default() };
        for login in [None, Some(Login::Username), Some(Login::Email), Some(Login::Phone)] {
            let settings = Settings { login, ..settings.clone() };
            let proofs = |field: &str, value: Value, records: &Value| {
                let mut objects = vec![json!({
                    "model": "a.user", "pk": 1, "fields": { "email": "a@b.c", "phone": "1", "password": "!", "last_login": null },
                })];
                objects[0]["fields"][field] = value;
                objects.extend(records.as_array().unwrap().clone());
                let dump = Dump::read(&json!(objects).to_string(), &settings).unwrap();
                let record = &dump.users[0].record;
                [&record["is_email_verified"], &record["is_phone_verified"]]
                    .map(|flag| flag.as_bool().unwrap())
            };
            let none = json!([]);
            assert_eq!(proofs("is_active", json!(true), &none), [true, true]);
            assert_eq!(proofs("is_active", json!(false), &none), [false, false]);
            for (field, value) in [
                ("is_verified", json!(false)),
                ("verified", json!(null)),
                ("verified_at", json!(null)),
                ("otp_verified", json!(false)),
            ] {
                assert_eq!(proofs(field, value, &none), [false, false], "{field}");
            }
            assert_eq!(proofs("email_verified_at", json!(null), &none), [false, true]);
            assert_eq!(proofs("phone_verified", json!(false), &none), [true, false]);
            let elsewhere =
                |fields: Value| json!([{ "model": "account.address", "pk": 1, "fields": fields }]);
            let unverified = elsewhere(json!({ "user": 1, "email": "a@b.c", "verified": false }));
            assert_eq!(proofs("is_active", json!(true), &unverified), [false, true]);
            let several = json!([
                { "model": "account.address", "pk": 1, "fields": { "user": 1, "email": "a@b.c", "verified": false } },
                { "model": "account.address", "pk": 2, "fields": { "user": 1, "email": "b@b.c", "verified": true } },
            ]);
            assert_eq!(proofs("is_active", json!(true), &several), [false, true]);
            let another = elsewhere(json!({ "user": 1, "email": "b@b.c", "verified": false }));
            assert_eq!(proofs("is_active", json!(true), &another), [true, true]);
        }
    }

    #[test]
    fn a_time_of_verification_is_a_proof() {
        let fields = json!({ "phone": "1", "email": "a@b.c", "password": "!", "phone_verified_at": "2024-01-01T00:00:00Z" });
        let dump = read(&json!([{ "model": "a.user", "pk": 1, "fields": fields }]));
        assert_eq!(dump.users[0].record["is_phone_verified"], true);
        assert_eq!(dump.users[0].record["is_email_verified"], false);
    }

    #[test]
    fn a_proof_of_another_number_than_the_user_s_is_none() {
        for (number, is_proven) in [("1", true), ("2", false)] {
            let dump = read(&json!([
                { "model": "a.user", "pk": 1, "fields": { "username": "ada", "password": "!", "phone": "1" } },
                { "model": "a.profile", "pk": 1, "fields": { "user": 1, "phone": number, "phone_verified": true } },
            ]));
            assert_eq!(dump.users[0].record["is_phone_verified"], is_proven, "{number}");
        }
    }

    #[test]
    fn a_sign_up_that_nobody_has_finished_is_no_user() {
        let read = |model: &str, fields: &Value| {
            let mut fields = fields.clone();
            fields["phone"] = json!("1");
            fields["password"] = json!("!");
            read(&json!([{ "model": model, "pk": 1, "fields": fields }]))
        };
        for field in [
            "verification_code",
            "otp",
            "phone_otp",
            "code",
            "code_hash",
            "activation_code",
            "activation_key",
            "token",
            "registration_token",
            "expires_at",
            "code_expires_at",
            "otp_expiry",
            "is_used",
        ] {
            let dump = read("a.signup", &json!({ field: "x", "date_joined": "2024-01-01T00:00:00Z" }));
            assert_eq!(dump.users.len(), 0, "{field}");
            assert_eq!((dump.left_out["a.signup"], dump.pending.contains("a.signup")), (1, true), "{field}");
            // A model of users may have such a field, too.
            for of_users in ["last_login", "is_active"] {
                let dump = read("a.user", &json!({ field: "x", of_users: null }));
                assert_eq!((dump.users.len(), dump.pending.len()), (1, 0), "{field} {of_users}");
            }
        }
        for field in
            ["country_code", "postal_code", "referral_code", "fcm_token", "is_verified", "date_joined"]
        {
            assert_eq!(read("a.user", &json!({ field: null })).users.len(), 1, "{field}");
        }
        assert_eq!(read("a.pendinguser", &json!({ "last_login": null })).users.len(), 0);
    }

    #[test]
    fn beside_users_of_django_a_model_without_their_fields_has_no_users_whatever_its_codes_are_called() {
        let dump = json!([
            { "model": "a.user", "pk": 1, "fields": {
                "username": "ada", "password": "x", "last_login": null, "is_active": true } },
            { "model": "a.signup", "pk": 1, "fields": {
                "phone": "9881167680", "password": "x", "verificationCode": "123456" } },
            { "model": "a.preregistration", "pk": 1, "fields": {
                "phone": "9881167681", "password": "x", "created_at": "2024-01-01T00:00:00Z" } },
        ]);

        let read = Dump::read(&dump.to_string(), &Settings::default()).unwrap();

        assert_eq!(read.users.len(), 1);
        assert_eq!(read.pending, BTreeSet::from(["a.signup".to_owned(), "a.preregistration".to_owned()]));
    }

    #[test]
    fn a_number_that_waits_for_its_code_is_not_the_user_s() {
        let dump = read(&json!([
            user(1, "2024-01-01T00:00:00Z"),
            { "model": "a.change", "pk": 1, "fields": { "user": 1, "phone": "1", "verification_code": "1234" } },
        ]));
        assert_eq!(dump.users[0].record.get("phone_number"), None);
        assert_eq!(dump.left_out, [("a.change".to_owned(), 1)].into());
    }

    #[test]
    fn a_profile_proves_the_number_that_it_has_and_nothing_else() {
        let proofs = |profile: &Value| {
            let mut profile = profile.clone();
            profile["user"] = json!(1);
            profile["is_verified"] = json!(true);
            let dump = read(&json!([
                { "model": "a.user", "pk": 1, "fields": { "username": "ada", "password": "!", "email": "a@b.c" } },
                { "model": "a.profile", "pk": 1, "fields": profile },
            ]));
            let record = &dump.users[0].record;
            [&record["is_email_verified"], &record["is_phone_verified"]].map(|flag| flag.as_bool().unwrap())
        };
        assert_eq!(proofs(&json!({})), [false, false]);
        assert_eq!(proofs(&json!({ "phone": "1" })), [false, true]);
        assert_eq!(proofs(&json!({ "phone": "1", "email": "a@b.c" })), [false, false]);
    }

    #[test]
    fn a_user_who_is_an_employee_has_proven_what_they_log_in_with() {
        let proof = |fields: Value| {
            let mut fields = fields;
            fields["password"] = json!("!");
            fields["is_verified"] = json!(true);
            let dump = read(&json!([{ "model": "hr.employee", "pk": 1, "fields": fields }]));
            dump.employees[0].record.get("is_phone_verified") == Some(&json!(true))
        };
        assert!(!proof(json!({ "username": "ada", "phone": "1" })));
        assert!(proof(json!({ "phone": "1" })));
    }

    #[test]
    fn of_two_addresses_the_first_is_a_guess_and_the_operator_may_say() {
        let users = json!([
            { "model": "a.user", "pk": 1, "fields": { "mobile": "1", "email": "a@b.c", "password": "!" } },
        ]);
        let guessed = read(&users);
        assert_eq!(guessed.guesses, [("a.user".to_owned(), "mobile".to_owned())].into());
        for (login, username, is_proven) in
            [(Login::Phone, None, true), (Login::Email, Some(&json!("a@b.c")), false)]
        {
            let settings = Settings { login: Some(login), ..Settings::default() };
            let told = Dump::read(&users.to_string(), &settings).unwrap();
            assert_eq!(told.guesses, BTreeMap::new());
            let record = &told.users[0].record;
            assert_eq!((record.get("username"), &record["is_phone_verified"]), (username, &json!(is_proven)));
        }
    }

    #[test]
    fn a_key_is_not_the_name_that_reads_like_it() {
        let user = |pk: u32, name: &str| json!({ "model": "auth.user", "pk": pk, "fields": { "username": name, "password": "!" } });
        let owned = |pk: u32, owner: Value| json!({ "model": "hr.employee", "pk": pk, "fields": { "owner": owner, "phone": "1" } });
        let dump = read(&json!([
            user(1001, "ada"),
            user(7, "1001"),
            owned(1, json!(1001)),
            owned(2, json!(["1001"])),
            { "model": "a.profile", "pk": 1, "fields": { "user": 1001, "phone": "2" } },
        ]));
        for at in 0..2 {
            assert_eq!(dump.employees[at].record["owner"], dump.users[at].record["id"]);
        }
        assert_eq!(dump.users[0].record["phone_number"], "2");
        assert_eq!(dump.users[1].record.get("phone_number"), None);
    }

    #[test]
    fn nothing_belongs_to_either_of_two_users() {
        let user = |model: &str, name: &str| json!({ "model": model, "pk": 1, "fields": { "username": name, "password": "!" } });
        let dump = read(&json!([
            user("auth.user", "ada"),
            user("shop.customer", "bob"),
            { "model": "hr.employee", "pk": 1, "fields": { "owner": 1, "phone": "1" } },
            { "model": "hr.employee", "pk": 2, "fields": { "owner": ["bob"], "phone": "2" } },
            { "model": "a.profile", "pk": 1, "fields": { "user": 1, "phone": "3" } },
        ]));
        assert_eq!(dump.refused[0].reason, "owner: 1 may be of either of two users in the dump");
        assert_eq!(dump.employees[0].record["owner"], dump.users[1].record["id"]);
        assert!(dump.users.iter().all(|user| user.record.get("phone_number").is_none()));
        assert_eq!(dump.left_out, [("a.profile".to_owned(), 1)].into());
    }

    #[test]
    fn an_employee_is_called_so_and_is_neither_a_document_nor_the_past() {
        let fields = json!({ "owner": 1, "phone": "1", "code": "E7", "department": ["acme", "Engineering"] });
        let mut past = fields.clone();
        past["history_type"] = json!("~");
        let was_user = json!({ "username": "ada", "password": "!", "history_id": 1 });
        let dump = read(&json!([
            user(1, "2024-01-01T00:00:00Z"),
            { "model": "hr.employee", "pk": 1, "fields": fields },
            { "model": "hr.employeedocument", "pk": 1, "fields": fields },
            { "model": "hr.historicalemployee", "pk": 1, "fields": past },
            { "model": "auth.historicaluser", "pk": 1, "fields": was_user },
        ]));
        assert_eq!((dump.users.len(), dump.employees.len()), (1, 1));
        assert_eq!(dump.employees[0].record["department"], "Engineering");
        assert_eq!(dump.left_out.values().sum::<usize>(), 3);
    }

    #[test]
    fn who_is_renamed_keeps_their_id_but_where_the_name_is_the_key() {
        let id = |pk: Value, name: &str| {
            let fields = json!({ "username": name, "password": "!" });
            read(&json!([{ "model": "auth.user", "pk": pk, "fields": fields }])).users[0].record["id"].clone()
        };
        assert_eq!(id(json!(1), "ada"), id(json!(1), "countess"));
        assert_ne!(id(Value::Null, "ada"), id(Value::Null, "countess"));
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
    fn a_time_before_1970_one_to_come_and_one_that_is_none_are_refused() {
        for (joined, reason) in [
            ("1969-12-31T23:59:59Z", "before 1970"),
            ("9000-01-01T00:00:00Z", "in the future"),
            ("yesterday", "not a time"),
        ] {
            let dump = read(&json!([user(1, joined)]));
            assert_eq!(dump.users.len(), 0);
            assert_eq!(dump.refused[0].reason, format!("date_joined: \"{joined}\" is {reason}"));
        }
    }
}
