//! What a model is taken for.
//!
//! A dump does not say what a model means, so its fields and their values do: users have a password and an identifier; a profile
//! is the only one of its user and has what users have here; employees are called so. Everything else is left out, and counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::{
    file::Object,
    settings::Settings,
    words::{Field, is_hash, is_of_code, is_of_users, plain, reference, says_something, short},
};

/// What a model is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Users,
    /// Sign-ups that were not completed.
    Pending,
    Employees,
    /// What else is known of a user, one record each.
    Profiles,
    /// E-mail addresses of users, any number each, as django-allauth keeps them.
    Addresses,
    /// What employees refer to by key, such as departments.
    Names,
    Groups,
    /// One-time codes.
    Codes,
    Other,
}

/// All records of a model.
#[derive(Debug)]
pub(crate) struct Model<'a> {
    pub(crate) name: &'a str,
    pub(crate) objects: Vec<&'a Object>,
    pub(crate) kind: Kind,
    /// Why it is taken for that.
    pub(crate) why: String,
    /// The fields, in the order of the model, as Django writes them.
    pub(crate) names: Vec<&'a str>,
    columns: BTreeMap<Field, Vec<&'a str>>,
    /// The field that refers to the user whom a record is about.
    pub(crate) link: Option<&'a str>,
    /// Whether the key of a record is that of its user: a model that inherits from the model of users.
    pub(crate) shares_keys: bool,
    /// Whether several records are about one user.
    pub(crate) has_several: bool,
}

/// How the name of a model begins that holds pending sign-ups.
const PENDING: &[&str] = &["pending", "unverified", "unconfirmed", "temporary", "tempuser"];
/// A record with one of these says what another once was.
const HISTORY: &[&str] = &["history_id", "history_type"];
/// Apps of Django and its libraries whose records mean nothing here.
const LIBRARIES: &[&str] = &[
    "contenttypes",
    "sessions",
    "admin",
    "authtoken",
    "token_blacklist",
    "oauth2_provider",
    "knox",
    "django_celery_beat",
    "django_celery_results",
    "sites",
    "socialaccount",
    "reversion",
    "otp_totp",
    "otp_static",
];
/// What models of employees are called, in the singular.
const EMPLOYEES: &[&str] = &[
    "employeeprofile",
    "employeedetail",
    "employeeinfo",
    "staff",
    "staffmember",
    "staffprofile",
    "worker",
    "personnel",
];
/// What models that employees refer to are called, in the singular.
const NAMED: &[&str] = &["department", "dept", "designation", "position", "jobtitle", "role", "jobrole"];
/// A record of a model whose name has one of these words is about an event, although it may hold an address.
const EVENTS: &[&str] = &[
    "order",
    "payment",
    "invoice",
    "booking",
    "shipment",
    "shipping",
    "billing",
    "cart",
    "delivery",
    "lead",
    "enquiry",
    "inquiry",
    "ticket",
    "message",
    "notification",
    "review",
    "contactus",
    "feedback",
    "application",
    "request",
    "attendance",
    "change",
    "auditlog",
];
/// Fields that refer to someone other than the person whom an employee's record is about.
const OTHERS: &[&str] = &[
    "manager",
    "supervisor",
    "parent",
    "lead",
    "teamlead",
    "reportsto",
    "reportingto",
    "boss",
    "head",
    "approver",
    "approvedby",
    "updatedby",
    "modifiedby",
    "deletedby",
    "lastmodifiedby",
    "mentor",
    "hr",
];
/// Fields that hold small numbers, which could be keys by chance.
const NUMBERS: &[&str] = &[
    "age",
    "salary",
    "number",
    "count",
    "order",
    "level",
    "grade",
    "rank",
    "years",
    "experience",
    "yearsofexperience",
    "score",
    "rating",
    "points",
    "floor",
    "room",
    "hours",
    "days",
    "quantity",
    "code",
    "pin",
    "zip",
    "priority",
    "status",
    "type",
    "sortorder",
    "employeeid",
    "staffid",
    "weight",
];

impl<'a> Model<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            objects: Vec::new(),
            kind: Kind::Other,
            why: "there is nothing like it here".to_owned(),
            names: Vec::new(),
            columns: BTreeMap::new(),
            link: None,
            shares_keys: false,
            has_several: false,
        }
    }

    /// Finds out what the fields mean, once all records are known. A field that is mapped means nothing else.
    fn name_columns(&mut self, settings: &Settings) {
        let mut known: HashSet<&str> = HashSet::new();
        for object in &self.objects {
            for name in object.fields.keys() {
                if known.insert(name) {
                    self.names.push(name);
                }
            }
        }
        let mut found: Vec<(Field, usize, &'a str)> = Vec::new();
        for name in &self.names {
            match settings.mapped(self.name, name) {
                Some(field) => found.push((field, 0, name)),
                None => found.extend(Field::of(name).map(|(field, place)| (field, place + 1, *name))),
            }
        }
        found.sort_by_key(|(field, place, _)| (*field, *place));
        for (field, _, name) in found {
            self.columns.entry(field).or_default().push(name);
        }
    }

    pub(crate) fn short(&self) -> &'a str {
        short(self.name)
    }

    /// The fields of the model that mean this, the preferred first.
    pub(crate) fn columns(&self, field: Field) -> &[&'a str] {
        self.columns.get(&field).map_or(&[], Vec::as_slice)
    }

    /// What a field means.
    pub(crate) fn meaning(&self, column: &str) -> Option<Field> {
        self.columns.iter().find(|(_, columns)| columns.contains(&column)).map(|(field, _)| *field)
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        !self.columns(field).is_empty()
    }

    /// The first field that says something, and what.
    pub(crate) fn find<'b>(&self, object: &'b Object, field: Field) -> Option<(&'a str, &'b Value)> {
        let mut values =
            self.columns(field).iter().filter_map(|column| Some((*column, object.fields.get(*column)?)));
        values.find(|(_, value)| says_something(value))
    }

    pub(crate) fn value<'b>(&self, object: &'b Object, field: Field) -> Option<&'b Value> {
        self.find(object, field).map(|(_, value)| value)
    }

    /// Whether any record says something.
    pub(crate) fn has_values(&self, field: Field) -> bool {
        self.objects.iter().any(|object| self.value(object, field).is_some())
    }

    /// Whether fields say that something is verified: yes by `true` or by the time when it was, no by everything else. `None` if
    /// there is no such field.
    pub(crate) fn says(&self, object: &Object, field: Field) -> Option<bool> {
        let is_yes = |name: &str, value: &Value| {
            *value == json!(true)
                || (value.is_string() && ["at", "on", "date"].iter().any(|end| plain(name).ends_with(end)))
        };
        let columns = || self.columns(field).iter().filter(|column| object.fields.contains_key(**column));
        let said = columns().find_map(|name| {
            object.fields.get(*name).filter(|value| says_something(value)).map(|value| is_yes(name, value))
        });
        said.or_else(|| columns().next().map(|_| false))
    }

    /// Whether it has passwords that Django hashed, wherever they are.
    pub(crate) fn has_hashes(&self) -> bool {
        self.objects.iter().any(|object| object.fields.values().any(is_hash))
    }

    pub(crate) fn has_code(&self) -> bool {
        self.names.iter().any(|name| is_of_code(name))
    }

    fn is_of_users(&self) -> bool {
        self.objects.iter().any(|object| is_of_users(&object.fields))
            || self.columns.keys().any(|field| *field == Field::IsActive && self.has(Field::Password))
    }

    /// Whether its name says that it holds employees.
    pub(crate) fn is_called_employee(&self) -> bool {
        let name = singular(self.short());
        name.ends_with("employee") || EMPLOYEES.contains(&name)
    }

    fn is_called_pending(&self) -> bool {
        PENDING.iter().any(|start| self.short().starts_with(start))
    }

    /// The user to whom a record refers by the field that links it, or by its own key.
    pub(crate) fn user_of<'b>(&self, object: &'b Object) -> Option<&'b Value> {
        if self.shares_keys {
            return Some(&object.pk);
        }
        self.link.and_then(|link| object.fields.get(link)).filter(|value| says_something(value))
    }

    /// What the fields alone say of the model.
    fn first_kind(&self, is_beside_users: bool) -> Option<(Kind, String)> {
        let app = self.name.split('.').next().unwrap_or_default();
        if self.names.iter().any(|name| HISTORY.contains(name)) {
            return Some((Kind::Other, "it holds what other records once were".to_owned()));
        }
        if self.name == "auth.group" {
            return Some((Kind::Groups, "Django's groups".to_owned()));
        }
        if LIBRARIES.contains(&app) || self.name == "auth.permission" {
            return Some((Kind::Other, "Django's own records".to_owned()));
        }
        if self.has(Field::Password) {
            return Some(self.kind_with_passwords(is_beside_users));
        }
        if self.is_called_employee() {
            return Some((Kind::Employees, "its name says so".to_owned()));
        }
        if self.has_code() {
            return Some((Kind::Codes, "one-time codes and tokens are not kept".to_owned()));
        }
        if NAMED.contains(&singular(self.short())) && self.has(Field::FullName) || self.is_titles() {
            return Some((Kind::Names, "employees refer to them by key".to_owned()));
        }
        None
    }

    /// Job titles have a title instead of a name.
    fn is_titles(&self) -> bool {
        NAMED.contains(&singular(self.short())) && self.has(Field::JobTitle)
    }

    fn kind_with_passwords(&self, is_beside_users: bool) -> (Kind, String) {
        let is_waiting = self.has_code() || (is_beside_users && !self.is_called_employee());
        if self.is_called_pending() || (is_waiting && !self.is_of_users()) {
            return (Kind::Pending, "pending sign-ups are not users".to_owned());
        }
        let identifiers = [
            (Field::Username, "usernames"),
            (Field::Email, "e-mail addresses"),
            (Field::Phone, "phone numbers"),
        ];
        let found: Vec<_> =
            identifiers.iter().filter(|(field, _)| self.has_values(*field)).map(|(_, name)| *name).collect();
        if found.is_empty() {
            let why = "it has passwords, but neither usernames, e-mail addresses nor phone numbers; if users log in with another field, name it with --map";
            return (Kind::Other, why.to_owned());
        }
        let is_person = || {
            ["user", "account", "member", "customer", "person", "employee", "staff", "client", "student"]
                .iter()
                .any(|word| self.short().contains(word))
        };
        let is_django = |object: &&Object| {
            self.value(object, Field::Password)
                .is_some_and(|hash| is_hash(hash) || hash.as_str().is_some_and(|text| text.starts_with('!')))
        };
        if self.is_of_users() || is_person() || self.objects.iter().any(is_django) {
            return (Kind::Users, format!("it has passwords and {}", found.join(", ")));
        }
        (Kind::Other, "its passwords are not those of users".to_owned())
    }

    /// Whether a record says anything of its user that has a place here.
    fn is_about_users(&self) -> bool {
        [
            Field::Phone,
            Field::Address,
            Field::DateOfBirth,
            Field::Language,
            Field::EmailVerified,
            Field::PhoneVerified,
            Field::Verified,
            Field::FirstName,
            Field::LastName,
        ]
        .iter()
        .any(|field| self.has(*field))
    }

    fn is_called_profile(&self) -> bool {
        ["profile", "detail", "info", "extra", "account", "userdata", "member", "person"]
            .iter()
            .any(|word| self.short().contains(word))
    }
}

/// A model's name in the singular.
fn singular(name: &str) -> &str {
    name.strip_suffix('s').filter(|name| name.len() > 2).unwrap_or(name)
}

/// The records of a dump by model, in its order, and what each model is taken for.
pub(crate) fn models<'a>(objects: &'a [Object], settings: &Settings) -> Vec<Model<'a>> {
    let mut models: Vec<Model<'a>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for object in objects {
        let place = *places.entry(&object.model).or_insert_with(|| {
            models.push(Model::new(&object.model));
            models.len() - 1
        });
        models[place].objects.push(object);
    }
    for model in &mut models {
        model.name_columns(settings);
    }
    let is_beside_users = models.iter().any(|model| {
        model.has(Field::Password)
            && model.objects.iter().any(|object| is_of_users(&object.fields))
            && !model.is_called_pending()
    });
    let mut rest = Vec::new();
    for (at, model) in models.iter_mut().enumerate() {
        match model.first_kind(is_beside_users) {
            Some((kind, why)) => (model.kind, model.why) = (kind, why),
            None => rest.push(at),
        }
    }
    let keys = Keys::of(&models);
    let shorts: Vec<String> =
        models.iter().filter(|model| model.kind != Kind::Users).map(|model| plain(model.short())).collect();
    for at in 0..models.len() {
        let link = link(&models[at], &keys, &shorts);
        let shares_keys = link.is_none() && shares_keys(&models[at], &models, &keys);
        let model = &mut models[at];
        model.link = link;
        model.shares_keys = shares_keys;
        let mut users = HashSet::new();
        model.has_several = model
            .objects
            .iter()
            .filter_map(|object| model.user_of(object))
            .any(|user| !users.insert(reference(user)));
    }
    for at in rest {
        let (kind, why) = second_kind(&models[at], &keys);
        (models[at].kind, models[at].why) = (kind, why);
    }
    for model in models.iter_mut().filter(|model| model.kind == Kind::Employees) {
        if model.shares_keys {
            model.why = format!("{}; they inherit from users", model.why);
        } else if let Some(link) = model.link {
            model.why = format!("{}; `{link}` is a user's key", model.why);
        }
    }
    models
}

/// What a model with links to users is.
fn second_kind(model: &Model<'_>, keys: &Keys) -> (Kind, String) {
    let nothing = || (Kind::Other, "there is nothing like it here".to_owned());
    let refers =
        model.objects.iter().filter_map(|object| model.user_of(object)).any(|user| keys.contains(user));
    if !refers || !(model.is_about_users() || model.has(Field::Email) && model.has(Field::Verified)) {
        return nothing();
    }
    let about = if model.shares_keys {
        "its keys are those of users".to_owned()
    } else {
        format!("`{}` is a user's key", model.link.unwrap_or_default())
    };
    let is_address = model.has(Field::Email)
        && (model.has(Field::Verified) || model.has(Field::EmailVerified))
        && ![Field::Phone, Field::Address, Field::DateOfBirth].iter().any(|field| model.has(*field));
    if is_address && (model.names.contains(&"primary") || model.short().contains("email")) {
        return (Kind::Addresses, format!("{about}, and it says which e-mail addresses are verified"));
    }
    let is_event = EVENTS.iter().any(|word| model.short().contains(word));
    let is_named_so = model.link.is_some_and(|link| plain(link) == "user") || model.is_called_profile();
    if model.has_several || is_event || !is_named_so {
        return nothing();
    }
    (Kind::Profiles, format!("{about}, and no user has two"))
}

/// What may refer to a user.
struct Keys {
    keys: HashSet<String>,
    /// What models of users are called.
    names: BTreeSet<String>,
}

impl Keys {
    fn of(models: &[Model<'_>]) -> Self {
        let users = || models.iter().filter(|model| model.kind == Kind::Users);
        let mut keys = HashSet::new();
        for model in users() {
            for object in &model.objects {
                if object.pk.is_null() {
                    let names =
                        [Field::Username, Field::Email, Field::Phone].map(|field| model.value(object, field));
                    keys.extend(names.into_iter().flatten().map(|name| reference(&json!([name]))));
                } else {
                    keys.insert(reference(&object.pk));
                    let names =
                        [Field::Username, Field::Email, Field::Phone].map(|field| model.value(object, field));
                    keys.extend(names.into_iter().flatten().map(|name| reference(&json!([name]))));
                }
            }
        }
        Self { keys, names: users().map(|model| plain(model.short())).collect() }
    }

    fn contains(&self, value: &Value) -> bool {
        self.keys.contains(&reference(value))
    }
}

/// The field that refers to the user whom a record is about: it is called so, or every value of it is a user's key.
fn link<'a>(model: &Model<'a>, keys: &Keys, models: &[String]) -> Option<&'a str> {
    if let Some(named) = model.columns(Field::User).first() {
        return Some(named);
    }
    let values = |column: &'a str| {
        model
            .objects
            .iter()
            .filter_map(move |object| object.fields.get(column))
            .filter(|value| says_something(value))
    };
    let is_link = |column: &&'a str| {
        let name = plain(column);
        let is_other =
            OTHERS.contains(&name.as_str()) || NUMBERS.contains(&name.as_str()) || models.contains(&name);
        if model.meaning(column).is_some() || is_other {
            return false;
        }
        let (mut count, mut known, mut numbers) = (0, HashSet::new(), false);
        for value in values(column) {
            if !keys.contains(value) {
                return false;
            }
            count += 1;
            numbers |= value.is_number();
            known.insert(reference(value));
        }
        // Small numbers are keys by chance, too: they must name each user once, and most records must have one.
        count > 0
            && (!numbers
                || is_called_user(&name, keys)
                || known.len() == count && 2 * count >= model.objects.len())
    };
    let found: Vec<_> = model.names.iter().copied().filter(|column| is_link(column)).collect();
    found.iter().find(|column| is_called_user(&plain(column), keys)).or(found.first()).copied()
}

fn is_called_user(name: &str, keys: &Keys) -> bool {
    ["user", "account", "person", "login"].iter().any(|word| name.contains(word))
        || keys.names.iter().any(|user| name == user)
}

/// Whether the model inherits from a model of users: each key is a user's, and no field is in both, which Django does not allow.
/// A profile whose primary key is the user has the user's key, too.
fn shares_keys(model: &Model<'_>, models: &[Model<'_>], keys: &Keys) -> bool {
    if model.kind == Kind::Users || [Field::Owner, Field::Creator].iter().any(|field| model.has(*field)) {
        return false;
    }
    let is_employee = model.kind == Kind::Employees;
    if !is_employee && !model.is_called_profile() {
        return false;
    }
    let users = models.iter().filter(|users| users.kind == Kind::Users);
    let is_disjoint = |users: &Model<'_>| model.names.iter().all(|name| !users.names.contains(name));
    let is_named = [Field::FirstName, Field::LastName, Field::FullName, Field::Email]
        .iter()
        .any(|field| model.has(*field));
    model.objects.iter().all(|object| !object.pk.is_null() && keys.contains(&object.pk))
        && (!is_employee || (!is_named && users.into_iter().all(is_disjoint)))
}
