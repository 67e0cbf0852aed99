//! Users: what the API shows of them, how they are stored, and every write that touches one of their unique names.

pub mod claim;
mod delete;
mod edit;
mod import;
mod list;
mod password;
mod register;
mod staff;
mod superuser;
mod update;
mod username;
mod verify;

use std::iter;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::{UpdateItemError, UpdateItemOutput},
    types::ReturnValuesOnConditionCheckFailure,
};
use jiff::Timestamp;
pub use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    App, Bearer, Caller, Error, Request,
    config::{self, Policy},
    dynamo::{
        ATTEMPTS, AttributeValue, BatchGet, Item, Refused, Write, change, from_item, in_the_way, is_refused,
        n, null, number, operation_id, pause_before, s, string_list, strings, text, to_item, transact,
        update_expression,
    },
    email::{self, Email},
    http::{self, FieldErrors},
    id::record_key,
    log,
    page::searchable,
    password::{About, Hash},
    phone::Phone,
    throttle::{self, HOUR, Throttle},
    time,
};

pub use crate::id::Id;
use claim::{Holders, Name, PROVEN, Terms, USERNAME};
pub use delete::delete;
pub use edit::{Edit, Fields};
pub use import::{Import, import};
pub use list::{List, list};
pub use password::{change_password, recover_password};
pub use register::{Registration, register, register_by_phone};
pub use superuser::{Promoted, Superuser, create_or_promote};
use update::Flags;
pub use username::key as username_key;
pub use username::{LONGEST as USERNAME_LENGTH, Username};
pub(crate) use verify::prove_phone;
pub use verify::verify_email;

/// The most characters of a first or last name (Django's).
pub const NAME_LENGTH: usize = 150;
/// The most characters of a postal address.
pub const ADDRESS_LENGTH: usize = 1_000;

/// A date as `YYYY-MM-DD`, and no other way.
pub fn date(text: &str) -> Result<Date, &'static str> {
    const WRONG: &str = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";
    let is_shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    // Python, and so Django, has no year 0.
    text.parse().ok().filter(|date: &Date| is_shaped && date.year() > 0).ok_or(WRONG)
}

/// The limit on names asked for from one network, by registrations and by changes.
pub fn throttle_of_names(request: &Request) -> Result<Throttle, Error> {
    let most = config::number("REGISTRATIONS_PER_IP_PER_HOUR")?;
    Ok(Throttle::new("registrations_from", &request.network(), HOUR).at_most(most, "made"))
}

/// The most characters of what is typed to log in: no username or address is longer.
pub const LOGIN_LENGTH: usize = email::LONGEST;

/// What is typed to log in: any text that could be a username or an address.
pub fn login_text(text: &str) -> Result<String, String> {
    http::at_most(LOGIN_LENGTH, text).map(str::to_owned)
}

#[expect(clippy::struct_excessive_bools, reason = "they are the fields of the API")]
/// A user, as the API shows them. The password hash is not part of it, and so in no answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Never changes.
    #[schema(value_type = Uuid)]
    pub id: Id,
    /// Unique without regard to case.
    pub username: String,
    /// As it was typed; empty for none.
    #[serde(default)]
    #[schema(required)]
    pub email: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// In E.164 form.
    #[serde(default)]
    #[schema(required)]
    pub phone_number: Option<String>,
    /// May be empty.
    pub address: String,
    /// `YYYY-MM-DD`.
    #[serde(default)]
    #[schema(required)]
    pub date_of_birth: Option<Date>,
    /// Whether a code has proven the e-mail address.
    #[serde(default)]
    #[schema(required)]
    pub is_email_verified: bool,
    /// The address that is to replace the present one, once a code has proven it.
    #[serde(default)]
    #[schema(required)]
    pub pending_email: Option<String>,
    /// Whether a code has proven the phone number.
    #[serde(default)]
    #[schema(required)]
    pub is_phone_verified: bool,
    /// Who is not active cannot log in, and their tokens are refused.
    #[serde(default)]
    #[schema(required)]
    pub is_active: bool,
    /// Staff see and manage everybody.
    #[serde(default)]
    #[schema(required)]
    pub is_staff: bool,
    /// When they registered.
    pub date_joined: Timestamp,
    /// When they last logged in.
    #[serde(default)]
    #[schema(required)]
    pub last_login: Option<Timestamp>,
}

/// A user with what only the server knows.
#[derive(Clone)]
pub struct Account {
    /// What the API shows.
    pub user: User,
    /// The password hash.
    pub password: Hash,
    /// Moves on when every session of before is to be dead.
    pub epoch: u64,
    /// How many sessions have begun by a login.
    pub(crate) sessions_begun: u64,
    /// Counts the changes of what the API shows (logins aside): the entity tag.
    pub version: u64,
    /// Signs the cursors of their lists.
    pub(crate) cursor_key: String,
    /// The fingerprints of the networks from which they have logged in, the latest first. A record of release 0.1.0 has none
    /// until the next login.
    known_networks: Vec<String>,
    /// A phone number that another user claimed after them, before either had proven it. It is in the record and not in
    /// [`Account::item`]: a change of other fields leaves it there.
    lost_phone_number: Option<String>,
    /// The record as it was read; empty for a new user. What a change writes is the difference to it.
    stored: Item,
}

/// What a login writes without a new version: a change of other fields must leave it alone.
const BY_LOGIN: [&str; 3] = ["last_login", "known_networks", "sessions_begun"];

/// How many networks of a user are remembered.
const KNOWN_NETWORKS: usize = 8;

impl Account {
    fn new(user: User, password: Hash) -> Self {
        let cursor_key = Uuid::new_v4().simple().to_string();
        Self {
            user,
            password,
            epoch: 0,
            sessions_begun: 0,
            version: 1,
            cursor_key,
            known_networks: Vec::new(),
            lost_phone_number: None,
            stored: Item::new(),
        }
    }

    /// Whether the user has logged in from this network before.
    #[must_use]
    pub fn knows(&self, network: &str) -> bool {
        self.known_networks.contains(&network_mark(network))
    }

    /// The networks that are known after a login from this one, the latest first.
    fn networks_after(&self, network: &str) -> Vec<String> {
        let latest = network_mark(network);
        let others = self.known_networks.iter().filter(|known| **known != latest).cloned();
        iter::once(latest.clone()).chain(others).take(KNOWN_NETWORKS).collect()
    }

    pub(crate) fn read(item: Item) -> Result<Self, Error> {
        let missing = |name: &str| Error::internal(format!("a user without {name}"));
        let password = text(&item, "password").ok_or_else(|| missing("a password"))?;
        let cursor_key = text(&item, "cursor_key").ok_or_else(|| missing("a cursor key"))?;
        Ok(Self {
            password: Hash::stored(password.to_owned()),
            cursor_key: cursor_key.to_owned(),
            epoch: number(&item, "epoch").unwrap_or(0),
            sessions_begun: number(&item, "sessions_begun").unwrap_or(0),
            version: number(&item, "version").unwrap_or(0),
            known_networks: strings(&item, "known_networks"),
            lost_phone_number: text(&item, "lost_phone_number").map(str::to_owned),
            user: from_item(item.clone())?,
            stored: item,
        })
    }

    /// Every attribute that this release writes but the key, NULL for one that is absent.
    fn attributes(&self) -> Result<Item, Error> {
        let mut item = self.user.attributes()?;
        item.insert("password".into(), s(self.password.text()));
        item.insert("epoch".into(), n(self.epoch));
        item.insert("sessions_begun".into(), n(self.sessions_begun));
        item.insert("version".into(), n(self.version));
        item.insert("cursor_key".into(), s(&self.cursor_key));
        let networks = Some(&self.known_networks).filter(|networks| !networks.is_empty());
        item.insert("known_networks".into(), networks.map_or_else(null, |networks| string_list(networks)));
        Ok(item)
    }

    /// The write of a new user.
    fn insert(&self, app: &App) -> Result<Write, Error> {
        let mut item = self.attributes()?;
        // Absent is none: a condition can then ask for it.
        item.retain(|_, value| !value.is_null());
        item.extend(record_key(self.user.id));
        Write::to(&app.tables.users).when("attribute_not_exists(pk)").put(item)
    }

    /// The write that makes this account of what is stored, unless that has changed since it was read. It brings the record
    /// into the shape in which this release writes it, too. `None` when there is nothing to write.
    fn change(&self, app: &App) -> Result<Option<Write>, Error> {
        let mut item = self.attributes()?;
        item.retain(|name, _| !BY_LOGIN.contains(&name.as_str()));
        Ok(change(&app.tables.users, record_key(self.user.id), &self.stored, &item))
    }

    /// Whether they have said that this number is theirs: it is in their profile, or would be if no other user had claimed it
    /// since.
    #[must_use]
    pub fn claims(&self, phone: &Phone) -> bool {
        self.claimed_number() == Some(phone.e164())
    }

    /// The number that they have said is theirs, in E.164 form: see [`Account::claims`].
    pub(crate) fn claimed_number(&self) -> Option<&str> {
        self.user.phone_number.as_deref().or(self.lost_phone_number.as_deref())
    }

    /// What a new password of theirs must not resemble.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        About {
            username: &self.user.username,
            email: &self.user.email,
            first_name: &self.user.first_name,
            last_name: &self.user.last_name,
        }
    }
}

impl User {
    /// Somebody new, of whom nothing is known but the username.
    fn new(username: &Username) -> Self {
        let (id, date_joined) = time::new_id();
        Self {
            id,
            username: username.text().to_owned(),
            email: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            phone_number: None,
            address: String::new(),
            date_of_birth: None,
            is_email_verified: false,
            pending_email: None,
            is_phone_verified: false,
            is_active: true,
            is_staff: false,
            date_joined,
            last_login: None,
        }
    }

    /// As they are stored: what is shown, what a search looks at, and where they are listed.
    fn attributes(&self) -> Result<Item, Error> {
        let mut item = to_item(self)?;
        item.insert("search".into(), searchable(list::SEARCHED.into_iter().zip(self.searched())));
        let listed = s(list::partition(self.is_active));
        item.insert("listed_staff".into(), if self.is_staff { listed.clone() } else { null() });
        item.insert("listed".into(), listed);
        Ok(item)
    }

    /// What a search looks at, in the order of [`list::SEARCHED`].
    fn searched(&self) -> [&str; 5] {
        let phone = self.phone_number.as_deref().unwrap_or_default();
        [&self.username, &self.email, &self.first_name, &self.last_name, phone]
    }

    /// Whether they can do what staff can.
    fn is_active_staff(&self) -> bool {
        self.is_active && self.is_staff
    }
}

/// Brings a stored record into the shape in which this release writes it; false when there is nothing to write, as for what is
/// no user's record. What the API shows stays as it is, and so does the version.
///
/// Another request may change the record at the same time: then it is read again.
pub async fn rewrite(app: &App, item: Item) -> Result<bool, Error> {
    if !text(&item, "pk").is_some_and(|pk| pk.starts_with("user#")) {
        return Ok(false);
    }
    let mut account = Account::read(item)?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            let Some(read) = find(app, account.user.id).await? else { return Ok(false) };
            account = read;
        }
        let Some(write) = account.change(app)? else { return Ok(false) };
        match transact(app, vec![write]).await {
            Ok(()) => return Ok(true),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a user's record was changed at every attempt to rewrite it".into()))
}

/// What a user's record holds of a network: half of its fingerprint, which is enough to recognise it and short beside the rest.
fn network_mark(network: &str) -> String {
    let mut mark = throttle::fingerprint(network);
    mark.truncate(16);
    mark
}

/// A user by id.
pub async fn find(app: &App, id: Id) -> Result<Option<Account>, Error> {
    let get = app
        .client
        .get_item()
        .table_name(&app.tables.users)
        .consistent_read(true)
        .set_key(Some(record_key(id)));
    get.send().await.map_err(Error::from_aws)?.item.map(Account::read).transpose()
}

/// The caller and, in the same read, the user whom they ask for, if they may see them: themselves or, for staff, anybody.
pub async fn find_for(app: &App, bearer: &Bearer, id: &str) -> Result<(Caller, Option<Account>), Error> {
    // Nobody has the nil id.
    let id = Id::try_parse(id).unwrap_or_default();
    let mut batch = BatchGet::default();
    batch.want(&app.tables.users, record_key(id));
    let (caller, mut found) = bearer.caller_beside(app, batch).await?;
    let account = if id == caller.id() {
        Some(caller.account.clone())
    } else {
        let item = found.take(&app.tables.users, &record_key(id)).filter(|_| caller.account.user.is_staff);
        item.map(Account::read).transpose()?
    };
    Ok((caller, account))
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

/// How one is had that nothing has proven yet.
fn unproven() -> Result<Terms, Error> {
    Ok(Terms { verified: false, staged: false, reserved_for: reservation()? })
}

/// Complaints about names that `user`, who has proven none of them, cannot have because another user has them. Who is only
/// about to register has no id yet: nil.
pub fn taken(names: &[Name], holders: &Holders, user: Id) -> Result<FieldErrors, Error> {
    let claimed = Terms { verified: false, ..PROVEN };
    taken_on(names.iter().map(|name| (name, claimed)), holders, user)
}

/// The same for names that are to be had on these terms.
fn taken_on<'a>(
    wanted: impl Iterator<Item = (&'a Name, Terms)>,
    holders: &Holders,
    user: Id,
) -> Result<FieldErrors, Error> {
    let mut complaints = FieldErrors::new();
    for (name, terms) in wanted {
        if holders.refuse(name, user, terms)? {
            complaints.insert(name.field(), vec![name.taken().into()]);
        }
    }
    Ok(complaints)
}

/// Notes a login and its network and counts its session, with a new hash of the same password when the old one was made by rules
/// that are no longer ours. When it fails, the login stands; of two logins at once, one network is noted.
pub async fn note_login(app: &App, account: &Account, network: &str, at: Timestamp, rehashed: Option<&Hash>) {
    let mut noted = try_note_login(app, account, network, at, rehashed).await;
    if rehashed.is_some() && noted.as_ref().is_err_and(is_refused) {
        // Another login has renewed the hash.
        noted = try_note_login(app, account, network, at, None).await;
    }
    if let Err(error) = noted
        && !is_refused(&error)
    {
        log::failed_call(&Error::from_aws(error).cause(), "a login was not noted");
    }
}

async fn try_note_login(
    app: &App,
    account: &Account,
    network: &str,
    at: Timestamp,
    rehashed: Option<&Hash>,
) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
    let mut set = vec!["last_login = :now"];
    let mut update = app
        .client
        .update_item()
        .table_name(&app.tables.users)
        .set_key(Some(record_key(account.user.id)))
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":now", s(at.to_string()));
    let networks = account.networks_after(network);
    if networks != account.known_networks {
        set.push("known_networks = :networks");
        update = update.expression_attribute_values(":networks", string_list(&networks));
    }
    // A first try whose answer was lost has counted the session: it is refused.
    let mut condition =
        "attribute_exists(pk) AND (attribute_not_exists(last_login) OR last_login <> :now)".to_owned();
    if let Some(hash) = rehashed {
        set.push("password = :new");
        condition.push_str(" AND password = :old");
        update = update
            .expression_attribute_values(":old", s(account.password.text()))
            .expression_attribute_values(":new", s(hash.text()));
    }
    update
        .update_expression(format!("SET {} ADD sessions_begun :one", set.join(", ")))
        .condition_expression(condition)
        .send()
        .await
}

/// As if that login had not been noted: it has failed. The new hash stays, it is of the same password.
pub async fn forget_login(app: &App, account: &Account, at: Timestamp) {
    let networks = &account.known_networks;
    let before = [
        ("last_login", account.user.last_login.map(|before| s(before.to_string()))),
        ("known_networks", (!networks.is_empty()).then(|| string_list(networks))),
    ];
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    let mut update = app
        .client
        .update_item()
        .table_name(&app.tables.users)
        .set_key(Some(record_key(account.user.id)))
        .condition_expression("last_login = :at")
        .expression_attribute_values(":less", AttributeValue::N("-1".to_owned()))
        .expression_attribute_values(":at", s(at.to_string()));
    for (name, before) in before {
        match before {
            None => remove.push(name.to_owned()),
            Some(before) => {
                set.push(format!("{name} = :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), before);
            }
        }
    }
    let set_and_remove = update_expression(&set, &remove);
    let update = update.update_expression(format!("{set_and_remove} ADD sessions_begun :less"));
    if let Err(error) = update.send().await
        && !is_refused(&error)
    {
        log::failed_call(&Error::from_aws(error).cause(), "a login that failed stays noted");
    }
}

/// Ends every session of a user that has begun by now. False when the user is gone.
pub async fn end_sessions(app: &App, id: Id) -> Result<bool, Error> {
    let ended = app
        .client
        .update_item()
        .table_name(&app.tables.users)
        .set_key(Some(record_key(id)))
        .update_expression("SET ended_by = :op ADD epoch :one")
        .condition_expression("attribute_exists(pk) AND (attribute_not_exists(ended_by) OR ended_by <> :op)")
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":op", s(operation_id()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    match ended {
        Ok(_) => Ok(true),
        // Somebody who is there has been written by a first try whose answer was lost.
        Err(error) => match in_the_way(&error) {
            Some(user) => Ok(!user.is_empty()),
            None => Err(Error::from_aws(error)),
        },
    }
}
