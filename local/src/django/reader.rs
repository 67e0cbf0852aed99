//! The records of a dump, and how they belong together.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    file::Object,
    id,
    login::LoginWith,
    model::{Kind, Model, models},
    phone::{Phones, text_of},
    settings::{Login, Settings},
    words::{Field, plain, reference, says_something},
};

/// A dump while it is read.
pub(crate) struct Reader<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) phones: Phones,
    pub(crate) models: Vec<Model<'a>>,
    pub(crate) users: Vec<User<'a>>,
    /// How the users of a model log in.
    pub(crate) logins: BTreeMap<&'a str, LoginWith<'a>>,
    /// The users, by what refers to them; `None` when it may be either of two, because a reference does not say the model.
    references: HashMap<String, Option<usize>>,
    /// The users, by where their records are.
    places: HashMap<usize, usize>,
    /// The names of departments and the like: by model and key.
    names: HashMap<(String, String), &'a Value>,
    groups: HashMap<String, &'a Value>,
    /// What the codes in the dump were sent for: references to users, e-mail addresses and numbers.
    codes: HashSet<String>,
    /// By the place of a model of users: whether its fields ever say of an active user that something is verified.
    pub(crate) verifies: RefCell<HashMap<usize, bool>>,
    /// The fields that were read, by record.
    used: RefCell<HashSet<(usize, &'a str)>>,
}

/// A user, and what else is known of them.
#[derive(Debug)]
pub(crate) struct User<'a> {
    /// The place of the model.
    pub(crate) model: usize,
    pub(crate) object: &'a Object,
    pub(crate) id: Uuid,
    /// The only records of their models about the user, by the place of the model.
    pub(crate) profiles: Vec<(usize, &'a Object)>,
    /// E-mail addresses that say whether they are verified.
    pub(crate) addresses: Vec<(usize, &'a Object)>,
    /// Any other records about the user.
    pub(crate) others: Vec<(usize, &'a Object)>,
}

/// A field of a record that a person is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) object: &'a Object,
    pub(crate) column: &'a str,
    pub(crate) value: &'a Value,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(objects: &'a [Object], settings: &'a Settings, phones: Phones) -> Self {
        let models = models(objects, settings);
        let mut reader = Self {
            settings,
            phones,
            models,
            users: Vec::new(),
            logins: BTreeMap::new(),
            references: HashMap::new(),
            places: HashMap::new(),
            names: HashMap::new(),
            groups: HashMap::new(),
            codes: HashSet::new(),
            verifies: RefCell::new(HashMap::new()),
            used: RefCell::new(HashSet::new()),
        };
        reader.find_users();
        reader.find_related();
        reader.find_names();
        reader.find_codes();
        reader
    }

    fn find_users(&mut self) {
        for (place, model) in self.models.iter().enumerate().filter(|(_, model)| model.kind == Kind::Users) {
            let login = LoginWith::of(model, self.settings, &self.phones);
            for object in &model.objects {
                let id = id::of(object, "user", natural_key(model, object));
                let user = self.users.len();
                for reference in references(model, object, &login) {
                    let known = self.references.entry(reference).or_insert(Some(user));
                    *known = known.filter(|known| *known == user);
                }
                self.places.insert(address(object), user);
                self.users.push(User {
                    model: place,
                    object,
                    id,
                    profiles: Vec::new(),
                    addresses: Vec::new(),
                    others: Vec::new(),
                });
            }
            self.logins.insert(model.name, login);
        }
    }

    fn find_related(&mut self) {
        for (place, model) in self.models.iter().enumerate() {
            if !matches!(model.kind, Kind::Profiles | Kind::Addresses | Kind::Other) {
                continue;
            }
            for object in &model.objects {
                let user = model.user_of(object).and_then(|user| self.references.get(&reference(user)));
                let Some(Some(user)) = user else { continue };
                let user = &mut self.users[*user];
                match model.kind {
                    Kind::Profiles => user.profiles.push((place, object)),
                    Kind::Addresses => user.addresses.push((place, object)),
                    _ => user.others.push((place, object)),
                }
            }
        }
    }

    fn find_names(&mut self) {
        for model in &self.models {
            for object in &model.objects {
                let field = if model.has(Field::FullName) { Field::FullName } else { Field::JobTitle };
                let Some(found) = model.find(object, field) else { continue };
                let key = reference(&object.pk);
                match model.kind {
                    Kind::Names => self.names.insert((plain(model.short()), key), found.1),
                    Kind::Groups => self.groups.insert(key, found.1),
                    _ => continue,
                };
                self.used.borrow_mut().insert((address(object), found.0));
            }
        }
    }

    fn find_codes(&mut self) {
        for model in
            self.models.iter().filter(|model| model.kind == Kind::Codes && !is_of_a_login(model.short()))
        {
            for object in model.objects.iter().filter(|object| is_unused(model, object)) {
                if let Some(user) = model.user_of(object) {
                    self.codes.insert(reference(user));
                }
                for found in
                    [Field::Email, Field::Phone].iter().filter_map(|field| model.value(object, *field))
                {
                    self.codes.extend(self.address_key(found));
                }
            }
        }
    }

    /// What addresses are compared by.
    pub(crate) fn address_key(&self, value: &Value) -> Option<String> {
        let text = text_of(value)?;
        if text.contains('@') {
            Some(text.to_lowercase())
        } else {
            Some(self.phones.parse(&text).map_or(text, |number| number.e164))
        }
    }

    /// Whether the dump has a code for the user, or for one of the user's addresses.
    pub(crate) fn has_code(&self, user: &User<'a>) -> bool {
        let model = &self.models[user.model];
        let keys = references(model, user.object, &self.logins[model.name]);
        let addresses = self.fields(user, Field::Email).into_iter().chain(self.fields(user, Field::Phone));
        let addresses: Vec<_> = addresses.filter_map(|found| self.address_key(found.value)).collect();
        let own = user.object.fields.iter().any(|(name, value)| {
            super::words::is_of_code(name)
                && Field::of(name).is_none()
                && value.as_str().is_some_and(|text| !text.is_empty())
                && !is_time(name)
        });
        own || keys.iter().chain(&addresses).any(|key| self.codes.contains(key))
    }

    /// The place of the user to whom a value refers, if there is exactly one.
    pub(crate) fn user_of(&self, value: &Value) -> Option<usize> {
        self.references.get(&reference(value)).copied().flatten()
    }

    /// Whether a value may refer to either of two users.
    pub(crate) fn is_ambiguous(&self, value: &Value) -> bool {
        self.references.get(&reference(value)) == Some(&None)
    }

    /// The place of the user whose own record this is.
    pub(crate) fn user_at(&self, object: &Object) -> Option<usize> {
        self.places.get(&address(object)).copied()
    }

    /// A user's own record and their profiles.
    pub(crate) fn sources(&self, user: &User<'a>) -> impl Iterator<Item = (&Model<'a>, &'a Object)> {
        let sources = [(user.model, user.object)].into_iter().chain(user.profiles.iter().copied());
        let sources: Vec<_> = sources.collect();
        sources.into_iter().map(|(model, object)| (&self.models[model], object))
    }

    /// What is known of a user by this field, the best first: their own record goes before their profiles.
    pub(crate) fn fields(&self, user: &User<'a>, field: Field) -> Vec<Found<'a>> {
        self.sources(user).flat_map(|(model, object)| all(model, object, field)).collect()
    }

    /// The first of them, which counts as used.
    pub(crate) fn field(&self, user: &User<'a>, field: Field) -> Option<&'a Value> {
        let fields = self.fields(user, field);
        let first = fields.first()?;
        self.take(&fields, |value| value == first.value);
        Some(first.value)
    }

    /// Notes that fields were read: those that say what was taken.
    pub(crate) fn take(&self, fields: &[Found<'a>], is_taken: impl Fn(&Value) -> bool) {
        let taken = fields.iter().filter(|found| is_taken(found.value));
        self.used.borrow_mut().extend(taken.map(|found| (address(found.object), found.column)));
    }

    pub(crate) fn take_column(&self, object: &'a Object, column: &'a str) {
        self.used.borrow_mut().insert((address(object), column));
    }

    pub(crate) fn is_used(&self, object: &Object, column: &str) -> bool {
        self.used.borrow().contains(&(address(object), column))
    }

    /// The name of what an employee refers to: of the record in the dump, in the natural key, or the text that is there instead
    /// of a key.
    pub(crate) fn name_of(&self, column: &str, key: &'a Value) -> Option<&'a Value> {
        let place = (plain(column), reference(key));
        let natural = || key.as_array()?.iter().rfind(|part| part.is_string());
        let same_kind = || self.names.get(&(singular_of(&self.names, &place.0)?, place.1.clone())).copied();
        self.names
            .get(&place)
            .copied()
            .or_else(same_kind)
            .or_else(natural)
            .or_else(|| key.is_string().then_some(key))
    }

    /// The groups of a user by name.
    pub(crate) fn groups(&self, user: &User<'a>) -> Vec<String> {
        let fields = self.fields(user, Field::Groups);
        self.take(&fields, |_| true);
        let keys = fields.into_iter().filter_map(|found| found.value.as_array()).flatten();
        let name = |key: &'a Value| {
            let natural = key.as_array().and_then(|parts| parts.first());
            self.groups.get(&reference(key)).copied().or(natural)?.as_str().map(str::to_owned)
        };
        keys.filter_map(name).collect()
    }
}

/// The fields of a record that say something and mean this.
pub(crate) fn all<'a>(model: &Model<'a>, object: &'a Object, field: Field) -> Vec<Found<'a>> {
    let columns = model.columns(field).iter();
    let values =
        columns.filter_map(|column| Some(Found { object, column, value: object.fields.get(*column)? }));
    values.filter(|found| says_something(found.value)).collect()
}

/// A record lives as long as the dump, at one place.
pub(crate) fn address(object: &Object) -> usize {
    std::ptr::from_ref(object).addr()
}

/// The name by which a user without a primary key is known. Options do not count, so that an id does not depend on them.
fn natural_key<'a>(model: &Model<'a>, object: &'a Object) -> Option<&'a Value> {
    let place = |field: Field| {
        model.columns(field).first().and_then(|column| model.names.iter().position(|name| name == column))
    };
    let mut addresses = [Field::Email, Field::Phone];
    addresses.sort_by_key(|field| place(*field).unwrap_or(usize::MAX));
    [Field::Username].into_iter().chain(addresses).find_map(|field| model.value(object, field))
}

/// What may refer to a user: the primary key, or the natural key.
fn references(model: &Model<'_>, object: &Object, login: &LoginWith<'_>) -> Vec<String> {
    let pk = Some(reference(&object.pk)).filter(|_| !object.pk.is_null());
    let fields = match login.login {
        Login::Username => vec![Field::Username],
        Login::Email if login.is_guess => vec![Field::Email, Field::Phone],
        Login::Phone if login.is_guess => vec![Field::Phone, Field::Email],
        Login::Email => vec![Field::Email],
        Login::Phone => vec![Field::Phone],
    };
    let names = fields.into_iter().filter_map(|field| model.value(object, field));
    pk.into_iter().chain(names.map(|name| reference(&json!([name])))).collect()
}

/// Codes for a login or for a new password wait for nothing that was never verified.
fn is_of_a_login(model: &str) -> bool {
    [
        "reset",
        "password",
        "forgot",
        "refresh",
        "access",
        "device",
        "coupon",
        "referral",
        "outstanding",
        "blacklist",
        "invit",
        "login",
        "session",
        "totp",
    ]
    .iter()
    .any(|word| model.contains(word))
}

fn is_unused(model: &Model<'_>, object: &Object) -> bool {
    let is_yes = |value: &Value| *value == json!(true) || value.is_string();
    object.fields.iter().all(|(name, value)| {
        let name = plain(name);
        let is_used = ["isused", "used", "usedat", "isconsumed", "consumedat", "verifiedat"]
            .contains(&name.as_str())
            && is_yes(value);
        let is_purpose =
            ["type", "purpose", "kind", "reason", "action"].iter().any(|word| name.contains(word));
        let is_other = is_purpose && value.as_str().is_some_and(|text| is_of_a_login(&text.to_lowercase()));
        !is_used && !is_other
    }) && ![Field::Verified, Field::OtpVerified].iter().any(|field| model.says(object, *field) == Some(true))
}

/// Whether a field says until when, and not what the code is.
fn is_time(name: &str) -> bool {
    ["expir", "created", "valid", "sent", "_at"].iter().any(|word| name.contains(word))
}

/// The model among those with names that a field seems to mean: `job_role` is a `role`.
fn singular_of(names: &HashMap<(String, String), &Value>, column: &str) -> Option<String> {
    let known = names.keys().map(|(model, _)| model);
    known
        .filter(|model| model.trim_end_matches('s') == column || column.ends_with(model.as_str()))
        .max()
        .cloned()
}
