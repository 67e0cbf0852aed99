//! Sessions: one record each, which decides whether a token is alive.
//!
//! A session names its current and its previous refresh token; every other one of it is blacklisted. Where refreshes do not rotate
//! (`RotateRefreshTokens`) the current one is that of the login. A session also carries the `epoch` of its user from the time it began: when the user's epoch moves on (a new password, "log out everywhere"),
//! all older sessions are dead with that one write, also those that are just being made.

mod refresh;
mod view;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Error,
    client::Client,
    compatibility::UserClaim,
    config,
    dynamo::{Db, Item, Query, Write, from_item, key2, n, no, operation_id, s, to_item, yes},
    fields,
    id::{self, Id},
    time,
    token::{Draft, Pair, SigningKey, new_jti},
    user::{Account, User},
};

pub use refresh::Shown;
pub use view::View;

/// The most live sessions of a user: with each that begins, the one before the last so many ends.
///
/// The user's record counts the sessions that have begun, and a session has its place in that count. Both are read for every
/// token anyway, so that the limit costs no read, and sessions that begin at once cannot get around it.
pub const MOST: u64 = 100;

/// A session, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    #[serde(serialize_with = "Id::serialize_stored")]
    user_id: Id,
    sid: Uuid,
    epoch: u64,
    /// Its place among its user's sessions. Those that began before sessions were counted have none.
    #[serde(default)]
    ordinal: u64,
    current_jti: String,
    #[serde(default)]
    previous_jti: Option<String>,
    /// Milliseconds since 1970.
    rotated_at: u64,
    created_at: Timestamp,
    last_used_at: Timestamp,
    /// Its use before that: what the user sees until the grace is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Use>,
    /// Of the client to which the tokens were given: see [`Session::standing`].
    ip: String,
    user_agent: String,
    revoked: bool,
    /// The absolute end, however often it is refreshed, in seconds since 1970.
    ends: u64,
    /// When its refresh token dies, and DynamoDB may delete the record.
    expires: u64,
}

/// When and by which client a session was used.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Use {
    at: Timestamp,
    ip: String,
    user_agent: String,
}

fn sort_key(sid: Uuid) -> String {
    format!("session#{sid}")
}

/// The key under which a session is stored.
pub(crate) fn record_key(user: Id, sid: Uuid) -> Item {
    key2(id::pk(user), sort_key(sid))
}

impl Session {
    pub(crate) fn read(item: Item) -> Result<Self, Error> {
        from_item(item)
    }

    /// Whether its tokens are: not ended, not past its time, begun since the user's epoch last moved, and one of the last
    /// [`MOST`].
    #[must_use]
    pub fn is_live(&self, account: &Account) -> bool {
        !self.revoked
            && self.expires > time::seconds(time::now())
            && self.epoch == account.epoch
            && self.ordinal + MOST > account.sessions_begun
    }

    /// Whether this is its refresh token: no other one of it is alive.
    #[must_use]
    pub fn is_current(&self, jti: &str) -> bool {
        self.current_jti == jti
    }

    /// A refresh and an access token for its user as they are now. The access token also tells `claims` of them.
    pub fn tokens(&self, key: &SigningKey, user: &User, claims: &[UserClaim]) -> Result<Pair, Error> {
        let refresh = self.draft(user).refresh(key, &self.current_jti, self.expires)?;
        Ok(Pair { refresh, access: self.access_token(key, user, claims)? })
    }

    /// An access token alone, likewise.
    pub fn access_token(&self, key: &SigningKey, user: &User, claims: &[UserClaim]) -> Result<String, Error> {
        let draft = self.draft(user);
        let lives = config::number("ACCESS_TOKEN_SECONDS")?;
        draft.access(key, self.expires.min(draft.now + lives), &told(user, claims)?)
    }

    fn draft(&self, user: &User) -> Draft {
        Draft { user_id: self.user_id, sid: self.sid, staff: user.is_staff, now: time::seconds(time::now()) }
    }
}

/// The fields of a user that an access token tells, as the API shows them.
fn told(user: &User, claims: &[UserClaim]) -> Result<Map<String, Value>, Error> {
    if claims.is_empty() {
        return Ok(Map::new());
    }
    let mut fields = fields::shown(user)?;
    Ok(claims.iter().filter_map(|claim| fields.remove_entry(claim.name())).collect())
}

/// A session that has not been stored yet.
pub struct New(Session);

/// Begins a session of a user in an epoch of theirs, for the client that sent `client`.
pub fn begin(account: &Account, epoch: u64, client: &Client) -> Result<New, Error> {
    let now = time::now();
    let ends = time::seconds(now) + config::number("SESSION_SECONDS")?;
    Ok(New(Session {
        user_id: account.user.id,
        sid: Uuid::now_v7(),
        epoch,
        ordinal: account.sessions_begun + 1,
        current_jti: new_jti(),
        previous_jti: None,
        rotated_at: time::milliseconds(now),
        created_at: now,
        last_used_at: now,
        before: None,
        ip: client.ip().to_owned(),
        user_agent: client.user_agent().to_owned(),
        revoked: false,
        ends,
        expires: ends.min(refresh_token_expires(now)?),
    }))
}

/// When a refresh token dies that is made at this time.
fn refresh_token_expires(now: Timestamp) -> Result<u64, Error> {
    Ok(time::seconds(now) + config::number("REFRESH_TOKEN_SECONDS")?)
}

impl New {
    /// The same as the session for which a token of another system stands, with the id of the session and of that token, and the
    /// second at which the token dies. The token is then its refresh token.
    pub(crate) fn standing_for(self, sid: Uuid, jti: &str, expires: u64) -> Self {
        let Self(session) = self;
        Self(Session { sid, current_jti: jti.to_owned(), expires: session.ends.min(expires), ..session })
    }

    /// The write that stores it, for a transaction.
    pub(crate) fn write(&self, db: &Db) -> Result<Write, Error> {
        Ok(Write::put(&db.tables.tokens, self.item()?))
    }

    /// Stores it.
    pub async fn store(&self, db: &Db) -> Result<(), Error> {
        self.write(db)?.send(db).await.map(drop)
    }

    /// Its tokens: see [`Session::tokens`].
    pub fn tokens(&self, key: &SigningKey, user: &User, claims: &[UserClaim]) -> Result<Pair, Error> {
        self.0.tokens(key, user, claims)
    }

    fn item(&self) -> Result<Item, Error> {
        let mut item = to_item(&self.0)?;
        item.extend(record_key(self.0.user_id, self.0.sid));
        Ok(item)
    }
}

/// Ends a session: its refresh and access tokens are dead when this returns. False when there is no record of it.
pub async fn end(db: &Db, user: Id, sid: Uuid) -> Result<bool, Error> {
    Ok(ending(db, user, sid).if_exists().send(db).await?.is_written())
}

/// Ends a session that is live: false when it has ended already.
pub async fn end_live(db: &Db, account: &Account, sid: Uuid) -> Result<bool, Error> {
    let mut write = ending(db, account.user.id, sid)
        .once("ended_by", &operation_id())
        .if_equals("revoked", no())
        .if_equals("epoch", n(account.epoch))
        .when("expires > :now")
        .value("now", n(time::seconds(time::now())));
    if let Some(gone) = account.sessions_begun.checked_sub(MOST) {
        write = write.when("ordinal > :gone").value("gone", n(gone));
    }
    Ok(write.send(db).await?.is_written())
}

fn ending(db: &Db, user: Id, sid: Uuid) -> Write {
    Write::update(&db.tables.tokens, record_key(user, sid)).set("revoked", yes())
}

/// The newest [`MOST`] sessions of a user that have a record, the newest first; see [`Session::is_live`]. Their ids are
/// `UUIDv7`s, so that they lie in the order in which they began.
pub async fn list(db: &Db, user: Id) -> Result<Vec<Session>, Error> {
    let sessions = Query::of(&db.tables.tokens, "pk = :user AND begins_with(sk, :session)")
        .value("user", s(id::pk(user)))
        .value("session", s("session#"))
        .descending(true)
        .at_most(usize::try_from(MOST).unwrap_or(usize::MAX));
    sessions.send(db).await?.items.into_iter().map(Session::read).collect()
}
