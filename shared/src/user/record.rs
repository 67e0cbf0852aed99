//! A user, as the API shows them and as they are stored.

use std::iter;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::{
    fields::{FIELDS, LANGUAGE},
    username::Username,
};
use crate::{
    Error,
    dynamo::{
        AttributeValue, Db, Item, Retry, Write, change, from_item, is_yes, n, null, number, s, string_list,
        strings, text, to_item, yes,
    },
    fields::Details,
    id::{Id, record_key},
    ids::NewId,
    page::{self, Counter, searchable},
    password::{About, Hash},
    phone::Phone,
    throttle,
};

/// What the indexes of lists hold of a user besides the keys. It never changes: DynamoDB cannot change it, and `CloudFormation`
/// replaces one index a deployment. A list finds all that it shows besides in the map `search`, under [`SHOWN`].
pub const PROJECTED: [&str; 16] = [
    "id",
    "username",
    "email",
    "first_name",
    "last_name",
    "phone_number",
    "address",
    "date_of_birth",
    "is_email_verified",
    "pending_email",
    "is_phone_verified",
    "is_active",
    "is_staff",
    "date_joined",
    "last_login",
    "search",
];
const SHOWN: &str = "shown";

/// The fields at which a search looks besides those of [`FIELDS`].
const SEARCHED: [&str; 3] = ["username", "email", "phone_number"];

/// All the fields at which a search looks.
pub fn searched_fields() -> impl Iterator<Item = &'static str> {
    let details = FIELDS.iter().filter(|field| field.is_searched).map(|field| field.name);
    SEARCHED.into_iter().chain(details)
}

/// Where a user is listed who is active, or not: staff in two indexes, of which one holds nobody else.
pub(super) fn partition(is_active: bool) -> &'static str {
    if is_active { "active" } else { "inactive" }
}

#[expect(clippy::struct_excessive_bools, reason = "they are the fields of the API")]
/// A user, as the API shows them. The password hash is not part of it, and so in no answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// Never changes.
    pub id: Id,
    /// Unique without regard to case.
    pub username: String,
    /// As it was typed; empty for none.
    #[serde(default)]
    pub email: String,
    /// The fields of [`FIELDS`].
    #[serde(flatten, deserialize_with = "details")]
    pub details: Details,
    /// In E.164 form.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// Whether a code has proven the e-mail address.
    #[serde(default)]
    pub is_email_verified: bool,
    /// The address that is to replace the present one, once a code has proven it.
    #[serde(default)]
    pub pending_email: Option<String>,
    /// Whether a code has proven the phone number.
    #[serde(default)]
    pub is_phone_verified: bool,
    /// The number that is to replace the present one, which is verified, once a code has proven it. Until then it is no unique name,
    /// and several users may have it here.
    #[serde(default)]
    pub pending_phone_number: Option<String>,
    /// Who is not active cannot log in, and their tokens are refused.
    #[serde(default)]
    pub is_active: bool,
    /// Staff see and manage everybody.
    #[serde(default)]
    pub is_staff: bool,
    /// When they registered.
    pub date_joined: Timestamp,
    /// When they last logged in.
    #[serde(default)]
    pub last_login: Option<Timestamp>,
}

fn details<'de, D: Deserializer<'de>>(record: D) -> Result<Details, D::Error> {
    Details::stored(FIELDS, record)
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
    /// Whether they become active by verifying their e-mail address. Only an imported user can be pending.
    pub(super) is_pending: bool,
    /// Signs the cursors of their lists.
    pub(crate) cursor_key: String,
    /// The fingerprints of the networks from which they have logged in, the latest first. A record of release 0.1.0 has none
    /// until the next login.
    pub(crate) known_networks: Vec<String>,
    /// A phone number that another user claimed after them, before either had proven it. It is in the record and not in
    /// [`Account::item`]: a change of other fields leaves it there.
    lost_phone_number: Option<String>,
    /// The record as it was read; empty for a new user. What a change writes is the difference to it.
    pub(super) stored: Item,
}

/// What a login writes without a new version: a change of other fields must leave it alone.
const BY_LOGIN: [&str; 3] = ["last_login", "known_networks", "sessions_begun"];

/// The attribute with the epoch in which an imported user began.
pub(super) const EPOCH_IMPORTED: &str = "epoch_imported";

/// How many networks of a user are remembered.
const KNOWN_NETWORKS: usize = 8;

impl Account {
    pub(super) fn new(user: User, password: Hash) -> Self {
        let cursor_key = Uuid::new_v4().simple().to_string();
        Self {
            user,
            password,
            epoch: 0,
            sessions_begun: 0,
            version: 1,
            is_pending: false,
            cursor_key,
            known_networks: Vec::new(),
            lost_phone_number: None,
            stored: Item::new(),
        }
    }

    /// Whether the user has logged in from this network before.
    #[must_use]
    pub fn knows(&self, network: &str) -> bool {
        self.known_networks.contains(&throttle::network_mark(network))
    }

    /// Whether they were imported, and none of their sessions ended since because all were: see `epoch`.
    pub(crate) fn is_as_imported(&self) -> bool {
        number(&self.stored, EPOCH_IMPORTED) == Some(self.epoch)
    }

    /// The networks that are known after a login from this one, the latest first.
    pub(super) fn networks_after(&self, network: &str) -> Vec<String> {
        let latest = throttle::network_mark(network);
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
            is_pending: is_yes(&item, "is_pending"),
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
        item.insert("is_pending".into(), if self.is_pending { yes() } else { null() });
        let networks = Some(&self.known_networks).filter(|networks| !networks.is_empty());
        item.insert("known_networks".into(), networks.map_or_else(null, |networks| string_list(networks)));
        Ok(item)
    }

    /// The writes of a new user, and of how many there are then.
    pub(super) fn insert(&self, db: &Db) -> Result<[Write; 2], Error> {
        Ok([self.put(db, Item::new())?, counter(db).add(self.user.id)])
    }

    /// The write of a new user alone, with other attributes besides, as one that is counted.
    pub(super) fn put(&self, db: &Db, beside: Item) -> Result<Write, Error> {
        let mut item = page::counted(self.attributes()?);
        item.extend(beside);
        // Absent is none: a condition can then ask for it.
        item.retain(|_, value| !value.is_null());
        item.extend(record_key(self.user.id));
        Ok(Write::put(&db.tables.users, item).if_new())
    }

    /// The writes that delete this account as it was loaded, and count it no longer.
    pub(super) fn delete(&self, db: &Db) -> Vec<Write> {
        let record = Write::delete(&db.tables.users, record_key(self.user.id));
        let record = record.if_as_loaded("version", &self.stored);
        let mut writes = vec![page::if_counted_as_loaded(record, &self.stored)];
        if page::is_counted(&self.stored) {
            writes.push(counter(db).subtract(self.user.id));
        }
        writes
    }

    /// The check that neither what the API shows of it nor the password has changed since it was read.
    pub(crate) fn if_unchanged(&self, db: &Db) -> Write {
        let check = Write::check(&db.tables.users, record_key(self.user.id));
        check.if_exists().if_as_loaded("version", &self.stored)
    }

    /// The write that makes this account of what is stored, unless that has changed since it was read. It brings the record
    /// into the shape in which this release writes it, too. `None` when there is nothing to write.
    pub(super) fn change(&self, db: &Db) -> Result<Option<Write>, Error> {
        let mut item = self.attributes()?;
        item.retain(|name, _| !BY_LOGIN.contains(&name.as_str()));
        Ok(change(&db.tables.users, record_key(self.user.id), &self.stored, &item))
    }

    /// Whether they have said that this number is theirs: it is in their profile, present or pending, or would be if no other user
    /// had claimed it since.
    #[must_use]
    pub fn claims(&self, phone: &Phone) -> bool {
        [self.claimed_number(), self.user.phone_number.as_deref()].contains(&Some(phone.e164()))
    }

    /// The number that they have said is theirs, in E.164 form, the latest: see [`Account::claims`].
    pub(crate) fn claimed_number(&self) -> Option<&str> {
        let user = &self.user;
        let numbers = [&user.pending_phone_number, &user.phone_number, &self.lost_phone_number];
        numbers.into_iter().find_map(Option::as_deref)
    }

    /// What a new password of theirs must not resemble.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        About { username: &self.user.username, email: &self.user.email, fields: self.user.details.entries() }
    }
}

impl User {
    /// Somebody new, of whom nothing is known but the username.
    pub(super) fn new(NewId { id, at: date_joined }: NewId, username: &Username) -> Self {
        Self {
            id,
            username: username.text().to_owned(),
            email: String::new(),
            details: Details::empty(FIELDS),
            phone_number: None,
            is_email_verified: false,
            pending_email: None,
            is_phone_verified: false,
            pending_phone_number: None,
            is_active: true,
            is_staff: false,
            date_joined,
            last_login: None,
        }
    }

    /// As they are stored: what is shown, what a search looks at, and where they are listed.
    fn attributes(&self) -> Result<Item, Error> {
        let mut item = to_item(self)?;
        item.insert("id".into(), s(self.id.stored()));
        let mut search = searchable(self.searched());
        let beside = item.iter().filter(|(name, _)| !PROJECTED.contains(&name.as_str()));
        let beside: Item = beside.map(|(name, value)| (name.clone(), value.clone())).collect();
        if !beside.is_empty() {
            search.insert(SHOWN.to_owned(), AttributeValue::M(beside));
        }
        item.insert("search".into(), AttributeValue::M(search));
        let listed = s(partition(self.is_active));
        item.insert("listed_staff".into(), if self.is_staff { listed.clone() } else { null() });
        item.insert("listed".into(), listed);
        Ok(item)
    }

    /// A user as a row of a list has them.
    pub(super) fn listed(mut row: Item) -> Result<Self, Error> {
        if let Some(AttributeValue::M(mut search)) = row.remove("search")
            && let Some(AttributeValue::M(beside)) = search.remove(SHOWN)
        {
            row.extend(beside);
        }
        from_item(row)
    }

    /// The language that they have chosen for messages to them; blank for none.
    #[must_use]
    pub fn language(&self) -> &str {
        self.details.text(LANGUAGE)
    }

    /// What a search looks at.
    pub(super) fn searched(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let phone = self.phone_number.as_deref().unwrap_or_default();
        SEARCHED.into_iter().zip([&self.username, &self.email, phone]).chain(self.details.searched())
    }

    /// Whether they can do what staff can.
    pub(super) fn is_active_staff(&self) -> bool {
        self.is_active && self.is_staff
    }
}

/// Counts all users.
pub(super) fn counter(db: &Db) -> Counter<'_> {
    Counter { table: &db.tables.users, list: "users".to_owned() }
}

/// Brings a stored record into the shape in which this release writes it, and counts it if it was not counted; false when there is
/// nothing to write. What the API shows stays as it is, and so does the version.
///
/// Another request may change the record at the same time: then it is loaded again.
pub(crate) async fn rewrite(db: &Db, mut account: Account) -> Result<bool, Error> {
    let mut retry = Retry::of("the rewriting of a user");
    loop {
        let id = account.user.id;
        let change = account.change(db)?;
        let is_written = if page::is_counted(&account.stored) {
            let Some(change) = change else { return Ok(false) };
            change.send(db).await?.is_written()
        } else {
            let change = change.unwrap_or_else(|| Write::update(&db.tables.users, record_key(id)));
            db.transact(page::count(change, &account.stored, id, &[counter(db)])).await?
        };
        if is_written {
            return Ok(true);
        }
        retry.again().await?;
        let Some(read) = find(db, id).await? else { return Ok(false) };
        account = read;
    }
}

/// A user by id.
pub async fn find(db: &Db, id: Id) -> Result<Option<Account>, Error> {
    db.get(&db.tables.users, record_key(id)).await?.map(Account::read).transpose()
}
