//! Users: what the API shows of them, how they are stored, and every write that touches one of their unique names.

mod username;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
pub use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    App, Error,
    claim::{self, Holders, Name, Terms},
    config::{self, Policy},
    dynamo::{ATTEMPTS, Item, Refused, Write, from_item, key, n, number, pause_before, s, text, to_item, transact, yes},
    email::{self, Email},
    http::{self, FieldErrors},
    otp::{Limits, Purpose, Record, Redeemed},
    password::{self, Hash},
    phone::Phone,
    session, time,
};

pub use username::Username;
pub use username::key as username_key;

/// A user's id: a UUIDv7, so that ids sort by the time of registration.
pub type Id = Uuid;

/// The most characters of a first or last name (Django's).
pub const NAME_LENGTH: usize = 150;
/// The most characters of a postal address.
pub const ADDRESS_LENGTH: usize = 1_000;

/// A date as `YYYY-MM-DD`, and no other way.
pub fn date(text: &str) -> Result<Date, &'static str> {
    const WRONG: &str = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";
    let is_shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    text.parse().ok().filter(|_| is_shaped).ok_or(WRONG)
}

/// What is typed to log in: any text that could be a username or an address.
pub fn login_text(text: &str) -> Result<String, String> {
    // No username or address is longer.
    http::at_most(254, text).map(str::to_owned)
}

/// A user, as the API shows them. The password hash is not part of it, and so in no answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// Never changes.
    pub id: Id,
    /// Unique without regard to case.
    pub username: String,
    /// As it was typed; empty for none.
    pub email: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// In E.164 form.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// May be empty.
    pub address: String,
    /// `YYYY-MM-DD`.
    #[serde(default)]
    pub date_of_birth: Option<Date>,
    /// Whether a code has proven the e-mail address.
    pub is_email_verified: bool,
    /// The address that is to replace the present one, once a code has proven it.
    #[serde(default)]
    pub pending_email: Option<String>,
    /// Whether a code has proven the phone number.
    pub is_phone_verified: bool,
    /// Who is not active cannot log in, and their tokens are refused.
    pub is_active: bool,
    /// Staff see and manage everybody.
    pub is_staff: bool,
    /// When they registered.
    pub date_joined: Timestamp,
    /// When they last logged in.
    #[serde(default)]
    pub last_login: Option<Timestamp>,
}

/// A user with what only the server knows.
pub struct Account {
    /// What the API shows.
    pub user: User,
    /// The password hash.
    pub password: Hash,
    /// Moves on when every session of before is to be dead.
    pub epoch: u64,
}

impl Account {
    pub(crate) fn read(item: Item) -> Result<Self, Error> {
        let password = text(&item, "password").ok_or_else(|| Error::internal("a user without a password"))?;
        let password = Hash::stored(password.to_owned());
        let epoch = number(&item, "epoch").unwrap_or(0);
        Ok(Self { user: from_item(item)?, password, epoch })
    }

    fn item(&self) -> Result<Item, Error> {
        let mut item = to_item(&self.user)?;
        // Absent is none: a condition can then ask for it.
        item.retain(|_, value| !value.is_null());
        item.extend(record_key(self.user.id));
        item.insert("password".into(), s(self.password.phc()));
        item.insert("epoch".into(), n(self.epoch));
        Ok(item)
    }

    /// What a new password of theirs must not resemble.
    #[must_use]
    pub fn about(&self) -> password::About<'_> {
        password::About {
            username: &self.user.username,
            email: &self.user.email,
            first_name: &self.user.first_name,
            last_name: &self.user.last_name,
        }
    }
}

/// The partition of a user, in the Users and in the Tokens table.
pub(crate) fn pk(id: Id) -> String {
    format!("user#{id}")
}

/// The key under which a user is stored.
pub(crate) fn record_key(id: Id) -> Item {
    key(pk(id))
}

/// A user by id.
pub async fn find(app: &App, id: Id) -> Result<Option<Account>, Error> {
    let get = app.dynamodb.get_item().table_name(&app.tables.users).consistent_read(true).set_key(Some(record_key(id)));
    get.send().await.map_err(Error::from_aws)?.item.map(Account::read).transpose()
}

/// Who is to be registered.
pub struct Registration {
    /// Their username.
    pub username: Username,
    /// Their e-mail address.
    pub email: Email,
    /// Their phone number.
    pub phone: Option<Phone>,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// May be empty.
    pub address: String,
    /// If they said.
    pub date_of_birth: Option<Date>,
    /// The hash of their password.
    pub password: Hash,
}

impl Registration {
    /// The names that it takes.
    fn names(&self) -> Vec<Name> {
        names(Some(&self.username), Some(&self.email), self.phone.as_ref())
    }
}

/// The unique names among these.
#[must_use]
pub fn names(username: Option<&Username>, email: Option<&Email>, phone: Option<&Phone>) -> Vec<Name> {
    let username = username.map(|username| Name::Username(username.key()));
    let email = email.map(|email| Name::Email(email.key()));
    let phone = phone.map(|phone| Name::Phone(phone.e164().to_owned()));
    username.into_iter().chain(email).chain(phone).collect()
}

/// For how many seconds nobody can take over an address that is not verified; `None` is for good.
fn reservation() -> Result<Option<u64>, Error> {
    Ok(match Policy::from_env()? {
        Policy::Strict => Some(config::number("OTP_LIFETIME_SECONDS")?),
        Policy::Seeds => None,
    })
}

const USERNAME: Terms = Terms { verified: true, staged: false, reserved_for: None };

/// Complaints about names that somebody other than `user` has. Who is only about to register has no id yet: nil.
#[must_use]
pub fn taken(names: &[Name], holders: &Holders, user: Id) -> FieldErrors {
    names.iter().filter(|name| holders.refuse(name, user)).map(|name| (name.field(), vec![name.taken().into()])).collect()
}

/// Registers a user, with a code to their e-mail address: everything is written or nothing is.
///
/// `holders` is what was read of the names; when another request changes it before this one writes, it is read again.
pub async fn register(app: &App, new: Registration, mut holders: Holders) -> Result<User, Error> {
    let (names, address) = (new.names(), new.email.key());
    let account = Account {
        user: User {
            id: Uuid::now_v7(),
            username: new.username.text().to_owned(),
            email: new.email.typed().to_owned(),
            first_name: new.first_name,
            last_name: new.last_name,
            phone_number: new.phone.as_ref().map(|phone| phone.e164().to_owned()),
            address: new.address,
            date_of_birth: new.date_of_birth,
            is_email_verified: false,
            pending_email: None,
            is_phone_verified: false,
            is_active: true,
            is_staff: false,
            date_joined: time::now(),
            last_login: None,
        },
        password: new.password,
        epoch: 0,
    };
    let id = account.user.id;
    let code = Record::new(Purpose::VerifyEmail, new.email.typed(), Some(id))?;
    let unproven = Terms { verified: false, staged: false, reserved_for: reservation()? };

    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            holders = claim::read(app, &names, Some(&address)).await?;
        }
        let complaints = taken(&names, &holders, id);
        if !complaints.is_empty() {
            return Err(Error::Invalid(complaints));
        }
        let now = time::seconds(time::now());
        let allowance = holders.allowance.send_first(Purpose::VerifyEmail, now, Limits::from_env()?)?;
        let mut writes = vec![
            Write::to(&app.tables.users).when("attribute_not_exists(pk)").put(account.item()?)?,
            code.write(app, &address)?,
            allowance.write(app, &address)?,
        ];
        for name in &names {
            let terms = if matches!(name, Name::Username(_)) { USERNAME } else { unproven };
            writes.extend(claim::take(app, name, id, terms, &holders)?);
        }
        match transact(app, writes).await {
            Ok(()) => return Ok(account.user),
            // Something is no longer as it was read: look again.
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a registration found no quiet moment".into()))
}

/// Proves an e-mail address with a code that was guessed right; a staged one becomes the present one. `staged` says which
/// it was when it was read. [`Error::OtpInvalid`] when the code was used meanwhile, or the address is no longer theirs.
pub async fn verify_email(app: &App, address: &str, staged: bool, code: &Redeemed) -> Result<(), Error> {
    let name = Name::Email(address.to_owned());
    let mut writes = vec![code.spend(app)?, claim::prove(app, &name, code.user_id, staged)?];
    let user = Write::to(&app.tables.users).value("yes", yes());
    if staged {
        let account = find(app, code.user_id).await?.ok_or(Error::OtpInvalid)?;
        let present = account.user.email;
        writes.push(
            user.when("email = :present AND attribute_exists(pending_email)")
                .value("present", s(&present))
                .update(record_key(code.user_id), "SET email = pending_email, is_email_verified = :yes REMOVE pending_email")?,
        );
        if !present.is_empty() {
            writes.push(claim::free(app, &Name::Email(email::key(&present)), code.user_id)?);
        }
    } else {
        let update = user.when("attribute_exists(pk)").update(record_key(code.user_id), "SET is_email_verified = :yes")?;
        writes.push(update);
    }
    match transact(app, writes).await {
        Ok(()) => Ok(()),
        Err(Refused::Conditions) => Err(Error::OtpInvalid),
        Err(Refused::Error(error)) => Err(error),
    }
}

/// Changes a password, ends every session, and begins `session`, all at once. False when the password was changed by
/// another request since `account` was read.
pub async fn change_password(app: &App, account: &Account, hash: &Hash, session: &session::New) -> Result<bool, Error> {
    let change = set_password(app, account, hash)?;
    match transact(app, vec![change, session.write(app)?]).await {
        Ok(()) => Ok(true),
        Err(Refused::Conditions) => Ok(false),
        Err(Refused::Error(error)) => Err(error),
    }
}

/// Sets a new password with a code that was guessed right, and ends every session. The code came to the e-mail address, so
/// that is proven too. [`Error::OtpInvalid`] when the code was used meanwhile, or the address is no longer theirs.
pub async fn recover_password(
    app: &App,
    account: &Account,
    address: &str,
    code: &Redeemed,
    hash: &Hash,
) -> Result<(), Error> {
    let name = Name::Email(address.to_owned());
    let writes = vec![code.spend(app)?, claim::prove(app, &name, code.user_id, false)?, set_password_and_prove(app, account, hash)?];
    match transact(app, writes).await {
        Ok(()) => Ok(()),
        Err(Refused::Conditions) => Err(Error::OtpInvalid),
        Err(Refused::Error(error)) => Err(error),
    }
}

fn new_password(app: &App, account: &Account, hash: &Hash) -> Write {
    Write::to(&app.tables.users)
        .when("password = :old AND epoch = :epoch")
        .value("old", s(account.password.phc()))
        .value("epoch", n(account.epoch))
        .value("new", s(hash.phc()))
        .value("next", n(account.epoch + 1))
}

fn set_password(app: &App, account: &Account, hash: &Hash) -> Result<TransactWriteItem, Error> {
    new_password(app, account, hash).update(record_key(account.user.id), "SET password = :new, epoch = :next")
}

fn set_password_and_prove(app: &App, account: &Account, hash: &Hash) -> Result<TransactWriteItem, Error> {
    new_password(app, account, hash)
        .value("yes", yes())
        .update(record_key(account.user.id), "SET password = :new, epoch = :next, is_email_verified = :yes")
}

/// Notes a login, with a new hash of the same password when the old one was made by rules that are no longer ours. No
/// matter when it fails: the login stands.
pub async fn note_login(app: &App, account: &Account, rehashed: Option<&Hash>) {
    let update = app
        .dynamodb
        .update_item()
        .table_name(&app.tables.users)
        .set_key(Some(record_key(account.user.id)))
        .expression_attribute_values(":now", s(time::now().to_string()));
    let update = match rehashed {
        None => update.update_expression("SET last_login = :now").condition_expression("attribute_exists(pk)"),
        Some(hash) => update
            .update_expression("SET last_login = :now, password = :new")
            .condition_expression("password = :old")
            .expression_attribute_values(":old", s(account.password.phc()))
            .expression_attribute_values(":new", s(hash.phc())),
    };
    if let Err(error) = update.send().await.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
        tracing::warn!(%error, "a login was not noted");
    }
}

/// Ends every session of a user that has begun by now. False when the user is gone.
pub async fn end_sessions(app: &App, id: Id) -> Result<bool, Error> {
    let ended = app
        .dynamodb
        .update_item()
        .table_name(&app.tables.users)
        .set_key(Some(record_key(id)))
        .update_expression("ADD epoch :one")
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_values(":one", n(1))
        .send()
        .await;
    match ended {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(false),
        Err(error) => Err(Error::from_aws(error)),
    }
}

/// What a user changes about themselves. `None` leaves a field as it is.
#[derive(Default)]
pub struct Changes {
    /// A new username.
    pub username: Option<Username>,
    /// A new e-mail address, staged until a code has proven it.
    pub email: Option<Email>,
    /// A new phone number, or none.
    #[expect(clippy::option_option, reason = "absent, none and some are three answers")]
    pub phone: Option<Option<Phone>>,
    /// A new first name.
    pub first_name: Option<String>,
    /// A new last name.
    pub last_name: Option<String>,
    /// A new address.
    pub address: Option<String>,
    /// A new date of birth, or none.
    #[expect(clippy::option_option, reason = "absent, none and some are three answers")]
    pub date_of_birth: Option<Option<Date>>,
}

impl Changes {
    /// The names that these changes would take.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        names(self.username.as_ref(), self.email.as_ref(), self.phone.as_ref().and_then(Option::as_ref))
    }

    /// Whether a new address is to be staged, for which a code goes out.
    #[must_use]
    pub fn stages_email(&self, user: &User) -> bool {
        let pending = user.pending_email.as_deref().map(email::key);
        self.email.as_ref().is_some_and(|new| new.key() != email::key(&user.email) && Some(new.key()) != pending)
    }
}

/// One field of a record in an update.
struct Field {
    name: &'static str,
    value: Option<AttributeValue>,
}

/// Changes a user; gives the user as they then are, and the names of the fields that changed.
///
/// Fields that are not named are left alone, so that two writers of different fields both succeed. A name moves in one
/// transaction with the record; when another request changes what was read, it is read again.
pub async fn update(
    app: &App,
    mut user: User,
    changes: &Changes,
    mut holders: Holders,
) -> Result<(User, Vec<&'static str>), Error> {
    let id = user.id;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            let code_to = changes.email.as_ref().map(Email::key);
            let names = changes.names();
            let (account, read) = futures_util::join!(find(app, id), claim::read(app, &names, code_to.as_deref()));
            user = account?.ok_or(Error::NotFound("User"))?.user;
            holders = read?;
        }
        let complaints = taken(&changes.names(), &holders, id);
        if !complaints.is_empty() {
            return Err(Error::Invalid(complaints));
        }
        let mut next = user.clone();
        let moves = apply(app, changes, &mut next, &holders)?;
        let fields = difference(&user, &next)?;
        if fields.is_empty() && moves.is_empty() {
            return Ok((user, Vec::new()));
        }
        let names = fields.iter().map(|field| field.name).collect();
        let mut writes = vec![update_record(app, &user, &fields)?];
        writes.extend(moves);
        match transact(app, writes).await {
            Ok(()) => return Ok((next, names)),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a change found no quiet moment".into()))
}

/// Applies changes to the user; gives the writes besides the user's own record.
fn apply(app: &App, changes: &Changes, user: &mut User, holders: &Holders) -> Result<Vec<TransactWriteItem>, Error> {
    let id = user.id;
    let mut writes = Vec::new();
    if let Some(new) = &changes.username {
        let old = username_key(&user.username);
        if new.key() != old {
            writes.extend(claim::take(app, &Name::Username(new.key()), id, USERNAME, holders)?);
            writes.push(claim::free(app, &Name::Username(old), id)?);
        }
        new.text().clone_into(&mut user.username);
    }
    if let Some(new) = &changes.phone {
        let new = new.as_ref().map(|phone| phone.e164().to_owned());
        if new != user.phone_number {
            if let Some(number) = &new {
                let terms = Terms { verified: false, staged: false, reserved_for: reservation()? };
                writes.extend(claim::take(app, &Name::Phone(number.clone()), id, terms, holders)?);
            }
            if let Some(old) = user.phone_number.take() {
                writes.push(claim::free(app, &Name::Phone(old), id)?);
            }
            user.phone_number = new;
            user.is_phone_verified = false;
        }
    }
    if let Some(new) = &changes.email {
        writes.extend(stage_email(app, new, changes.stages_email(user), user, holders)?);
    }
    if let Some(new) = &changes.first_name {
        user.first_name.clone_from(new);
    }
    if let Some(new) = &changes.last_name {
        user.last_name.clone_from(new);
    }
    if let Some(new) = &changes.address {
        user.address.clone_from(new);
    }
    if let Some(new) = changes.date_of_birth {
        user.date_of_birth = new;
    }
    Ok(writes)
}

/// Stages a new address, with a code to it and a notice to the present one; going back to the present address gives up the
/// staged one.
fn stage_email(
    app: &App,
    new: &Email,
    stages: bool,
    user: &mut User,
    holders: &Holders,
) -> Result<Vec<TransactWriteItem>, Error> {
    let id = user.id;
    let mut writes = Vec::new();
    let is_present = new.key() == email::key(&user.email);
    if is_present {
        new.typed().clone_into(&mut user.email);
    }
    if is_present || stages {
        if let Some(given_up) = user.pending_email.take() {
            writes.push(claim::free(app, &Name::Email(email::key(&given_up)), id)?);
        }
    }
    if stages {
        let now = time::seconds(time::now());
        let allowance = holders.allowance.send(Purpose::VerifyEmail, now, Limits::from_env()?)?;
        let terms = Terms { verified: false, staged: true, reserved_for: reservation()? };
        writes.extend(claim::take(app, &Name::Email(new.key()), id, terms, holders)?);
        writes.push(Record::new(Purpose::VerifyEmail, new.typed(), Some(id))?.write(app, &new.key())?);
        writes.push(allowance.write(app, &new.key())?);
        if !user.email.is_empty() {
            writes.push(Record::new(Purpose::NoticeEmailChange, &user.email, Some(id))?.write_notice(app)?);
        }
        user.pending_email = Some(new.typed().to_owned());
    }
    Ok(writes)
}

/// The fields in which two states of a user differ.
fn difference(old: &User, new: &User) -> Result<Vec<Field>, Error> {
    const FIELDS: [&str; 10] = [
        "username", "email", "pending_email", "phone_number", "is_phone_verified", "first_name", "last_name", "address",
        "date_of_birth", "is_email_verified",
    ];
    let (old, new) = (to_item(old)?, to_item(new)?);
    Ok(FIELDS
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| Field { name, value: new.get(name).filter(|value| !value.is_null()).cloned() })
        .collect())
}

/// The write of a user's changed fields, on condition that the names among them are what they were.
fn update_record(app: &App, old: &User, fields: &[Field]) -> Result<TransactWriteItem, Error> {
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    let mut write = Write::to(&app.tables.users);
    let mut condition = "attribute_exists(pk)".to_owned();
    let stored = to_item(old)?;
    for Field { name, value } in fields {
        match value {
            Some(value) => {
                set.push(format!("{name} = :{name}"));
                write = write.value(name, value.clone());
            }
            None => remove.push((*name).to_owned()),
        }
        if matches!(*name, "username" | "email" | "pending_email" | "phone_number") {
            match stored.get(*name).filter(|value| !value.is_null()) {
                Some(value) => {
                    condition.push_str(&format!(" AND {name} = :was_{name}"));
                    write = write.value(&format!("was_{name}"), value.clone());
                }
                None => condition.push_str(&format!(" AND attribute_not_exists({name})")),
            }
        }
    }
    let mut expression = String::new();
    if !set.is_empty() {
        expression = format!("SET {}", set.join(", "));
    }
    if !remove.is_empty() {
        expression = format!("{expression} REMOVE {}", remove.join(", "));
    }
    write.when(&condition).update(record_key(old.id), &expression)
}
