//! What is known of a dump before anything of it is imported.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display, Formatter},
};

use serde_json::{Value, json};

use super::{
    Entry,
    file::Object,
    model::Kind,
    phone::{Number, region_of_most, text_of},
    reader::{Reader, all},
    settings::Login,
    words::{Field, says_something},
};

/// What is known of a dump before anything of it is imported. It is displayed line by line, warnings first.
#[derive(Debug, Default)]
pub struct Report {
    /// What the operator should know, or do, first.
    pub warnings: Vec<String>,
    lines: Vec<String>,
    /// How many records are parts of users and employees, such as profiles and departments.
    pub parts: BTreeMap<String, usize>,
    /// How many other records there are.
    pub left_out: BTreeMap<String, usize>,
    /// Those of them that hold pending sign-ups.
    pub pending: BTreeSet<String>,
    /// Those of them that hold passwords that Django hashed, and so probably users.
    pub with_passwords: BTreeSet<String>,
    /// By model of users, the field to log in with, where only the order of the fields tells.
    pub guesses: BTreeMap<String, String>,
    /// How many records have fields with values that have no place here, by model and field.
    pub no_place: BTreeMap<String, usize>,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// How many phone numbers there are in which region, and which texts are none.
#[derive(Default)]
struct Numbers {
    regions: BTreeMap<String, usize>,
    /// No country has given out numbers like these, but the length is right.
    doubtful: Vec<String>,
    invalid: Vec<String>,
}

impl Report {
    pub(crate) fn of(reader: &Reader<'_>, users: &[Entry], employees: &[Entry]) -> Self {
        let mut report = Self::default();
        report.models(reader);
        report.logins(reader, users);
        report.accounts(users);
        report.numbers(reader);
        report.passwords(users);
        report.groups(users);
        report.no_place(reader);
        report.left_out(reader);
        let _ = employees;
        report
    }

    fn line(&mut self, line: String) {
        self.lines.push(line);
    }

    fn models(&mut self, reader: &Reader<'_>) {
        for model in &reader.models {
            let what = match model.kind {
                Kind::Users if model.is_called_employee() => "users who are employees",
                Kind::Users => "users",
                Kind::Employees => "employees",
                Kind::Profiles => "profiles of users",
                Kind::Addresses => "e-mail addresses of users",
                Kind::Names => "names",
                Kind::Groups => "groups",
                Kind::Pending | Kind::Codes | Kind::Other => continue,
            };
            self.line(format!("{} ({}): {what}, because {}", model.name, model.objects.len(), model.why));
        }
    }

    fn logins(&mut self, reader: &Reader<'_>, users: &[Entry]) {
        for (place, model) in reader.models.iter().enumerate().filter(|(_, model)| model.kind == Kind::Users)
        {
            let login = &reader.logins[model.name];
            self.line(format!("users of {} log in with {}: {}", model.name, login.column, login.why));
            if login.is_guess {
                self.guesses.insert(model.name.to_owned(), login.column.to_owned());
            }
            let is_unsaid = login.login == Login::Email
                && !reader.settings.emails_are_verified
                && !reader.says_which_emails_are_verified(place);
            if is_unsaid {
                self.warnings.insert(0, format!(
                    "users of {} log in with an e-mail address, and nothing in the dump says that the addresses are verified, so \
                     /api/login refuses them. If the Django system had verified them, import with --verified email",
                    model.name
                ));
            }
        }
        if users.is_empty() {
            return;
        }
        let count = |can: fn(&Value) -> bool| users.iter().filter(|user| can(&user.record)).count();
        self.line(format!(
            "can log in: {} with a username at /api/token, {} with a verified e-mail address at /api/login, {} with a verified phone \
             number at /auth/login",
            count(is_able),
            count(|user| is_able(user) && has_verified(user, "email")),
            count(|user| is_able(user) && has_verified(user, "phone_number")),
        ));
        let by_mail = count(|user| !has_password(user) && user.get("email").is_some() && is_active(user));
        let by_nothing = count(|user| !has_password(user) && user.get("email").is_none() && is_active(user));
        if by_mail > 0 {
            self.line(format!("without a usable password: {by_mail}, who set one with a code by e-mail at /api/password/forgot"));
        }
        if by_nothing > 0 {
            self.line(format!(
                "cannot log in by anything: {by_nothing}, who have neither a usable password nor an e-mail address; give them an address \
                 in the Django system, or as staff after the import"
            ));
        }
    }

    fn accounts(&mut self, users: &[Entry]) {
        let count = |is: fn(&Value) -> bool| users.iter().filter(|user| is(&user.record)).count();
        for (field, flag, what) in [
            ("email", "is_email_verified", "e-mail addresses"),
            ("phone_number", "is_phone_verified", "phone numbers"),
        ] {
            let all = users.iter().filter(|user| user.record.get(field).is_some());
            let (verified, unverified): (Vec<_>, Vec<_>) =
                all.partition(|user| user.record[flag] == json!(true));
            if verified.len() + unverified.len() > 0 {
                self.line(format!(
                    "{what} of users: {} verified, {} unverified",
                    verified.len(),
                    unverified.len()
                ));
            }
        }
        let (pending, inactive) = (count(is_pending), count(|user| !is_active(user)));
        if inactive > 0 {
            self.line(format!(
                "inactive users: {pending} pending until their address is verified, {} deactivated; --inactive decides for all",
                inactive - pending
            ));
        }
        let staff = count(|user| user["is_staff"] == json!(true));
        self.line(format!("staff: {staff}"));
    }

    fn numbers(&mut self, reader: &Reader<'_>) {
        let mut numbers = Numbers::default();
        let models = reader
            .models
            .iter()
            .filter(|model| matches!(model.kind, Kind::Users | Kind::Profiles | Kind::Employees));
        for model in models {
            let found = model.objects.iter().flat_map(|object| all(model, object, Field::Phone));
            for text in found.filter_map(|found| text_of(found.value)) {
                numbers.add(text.clone(), reader.phones.parse(&text));
            }
        }
        let known: usize = numbers.regions.values().sum();
        let wrong = numbers.invalid.len() + numbers.doubtful.len();
        let total = known + wrong;
        if total == 0 {
            return;
        }
        let regions: Vec<_> =
            numbers.regions.iter().map(|(region, count)| format!("{region} {count}")).collect();
        self.line(format!(
            "phone numbers by region: {}; {} are not valid, {} have a valid length but are of no known range",
            if regions.is_empty() { "none".to_owned() } else { regions.join(", ") },
            numbers.invalid.len(),
            numbers.doubtful.len()
        ));
        if 20 * wrong > total {
            let texts = [numbers.invalid, numbers.doubtful].concat();
            let hint = region_of_most(&texts)
                .map(|region| format!("; most of them are numbers of {region}, so try --region {region}"));
            self.warnings.push(format!(
                "{wrong} of {total} phone numbers are not valid in the region {}. If they are of another, name it with --region{}",
                reader.settings.region(),
                hint.unwrap_or_default()
            ));
        }
    }

    fn passwords(&mut self, users: &[Entry]) {
        let mut algorithms: BTreeMap<String, usize> = BTreeMap::new();
        for user in users {
            let hash = user.record.get("password").and_then(Value::as_str).unwrap_or_default();
            let algorithm = match hash.split_once('$') {
                _ if hash.is_empty() || hash.starts_with('!') => "none",
                Some((algorithm, _)) => algorithm,
                None => "unknown",
            };
            *algorithms.entry(algorithm.to_owned()).or_default() += 1;
        }
        if !algorithms.is_empty() {
            self.line(format!("passwords: {}", counted(&algorithms)));
        }
    }

    fn groups(&mut self, users: &[Entry]) {
        let mut groups: BTreeMap<String, usize> = BTreeMap::new();
        let names = users.iter().filter_map(|user| user.record.get("groups")?.as_array()).flatten();
        for name in names.filter_map(Value::as_str) {
            *groups.entry(name.to_owned()).or_default() += 1;
        }
        if !groups.is_empty() {
            self.line(format!("groups: {}", counted(&groups)));
        }
    }

    /// Fields of the records that were read, which say something that nothing here takes.
    fn no_place(&mut self, reader: &Reader<'_>) {
        let is_read = |kind| !matches!(kind, Kind::Pending | Kind::Codes | Kind::Other);
        for model in reader.models.iter().filter(|model| is_read(model.kind)) {
            for object in &model.objects {
                for (column, value) in &object.fields {
                    let is_no = *value == json!(false) && model.meaning(column) != Some(Field::IsActive);
                    if says_something(value) && !is_no && !reader.is_used(object, column) {
                        *self.no_place.entry(format!("{}.{column}", model.name)).or_default() += 1;
                    }
                }
            }
        }
        if !self.no_place.is_empty() {
            self.line(format!("no place here: {}", counted(&self.no_place)));
        }
    }

    fn left_out(&mut self, reader: &Reader<'_>) {
        for model in reader
            .models
            .iter()
            .filter(|model| matches!(model.kind, Kind::Pending | Kind::Codes | Kind::Other))
        {
            self.left_out.insert(model.name.to_owned(), model.objects.len());
            if model.kind == Kind::Pending {
                self.pending.insert(model.name.to_owned());
            } else if model.has_hashes() {
                self.with_passwords.insert(model.name.to_owned());
            }
            self.line(format!("left out: {} ({}): {}", model.name, model.objects.len(), model.why));
        }
        for model in
            reader.models.iter().filter(|model| matches!(model.kind, Kind::Profiles | Kind::Addresses))
        {
            let is_nobody_s =
                |object: &&&Object| model.user_of(object).and_then(|user| reader.user_of(user)).is_none();
            let count = model.objects.iter().filter(is_nobody_s).count();
            self.parts.insert(model.name.to_owned(), model.objects.len() - count);
            if count > 0 {
                self.left_out.insert(model.name.to_owned(), count);
                self.line(format!(
                    "left out: {} ({count}): the user is not in the dump, or may be either of two",
                    model.name
                ));
            }
        }
        for model in reader.models.iter().filter(|model| matches!(model.kind, Kind::Names | Kind::Groups)) {
            self.parts.insert(model.name.to_owned(), model.objects.len());
        }
        for model in &self.with_passwords {
            self.warnings.push(format!("{model} has passwords that Django hashed, but is left out"));
        }
    }
}

impl Numbers {
    fn add(&mut self, text: String, number: Option<Number>) {
        match number {
            None => self.invalid.push(text),
            Some(Number { region: Some(region), .. }) => *self.regions.entry(region).or_default() += 1,
            Some(Number { region: None, .. }) => self.doubtful.push(text),
        }
    }
}

fn counted(counts: &BTreeMap<String, usize>) -> String {
    counts.iter().map(|(name, count)| format!("{name} ({count})")).collect::<Vec<_>>().join(", ")
}

fn is_active(user: &Value) -> bool {
    user["is_active"] == json!(true)
}

fn is_pending(user: &Value) -> bool {
    user.get("is_pending") == Some(&json!(true))
}

fn has_password(user: &Value) -> bool {
    user.get("password")
        .and_then(Value::as_str)
        .is_some_and(|hash| !hash.is_empty() && !hash.starts_with('!'))
}

/// Whether a user can log in at all. Everybody has a username, if only an address or a number.
fn is_able(user: &Value) -> bool {
    is_active(user) && has_password(user)
}

fn has_verified(user: &Value, field: &str) -> bool {
    let flag = if field == "email" { "is_email_verified" } else { "is_phone_verified" };
    user.get(field).is_some() && user[flag] == json!(true)
}
