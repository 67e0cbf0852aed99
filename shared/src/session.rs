//! Sessions: one record each, which decides whether a token is alive.
//!
//! A session names its current and its previous refresh token; every other one of it is blacklisted. It also carries the
//! `epoch` of its user from the time it began: when the user's epoch moves on (a new password, "log out everywhere"),
//! all older sessions are dead with that one write, also those that are just being made.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Error,
    audit::{self, Event},
    client::{Client, network_of},
    config,
    dynamo::{
        AttributeValue, Db, Item, Query, Sent, Write, from_item, key2, n, no, operation_id, s, to_item, yes,
    },
    error::TokenFault,
    id::{self, Id},
    time,
    token::{Claims, Draft, Pair, SigningKey, new_jti},
    user::Account,
};

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

/// A session as its user sees it.
#[derive(Debug, Serialize)]
pub struct View {
    /// What ends it: `DELETE /api/sessions/{id}`.
    id: Uuid,
    /// When it began.
    created_at: Timestamp,
    /// When its tokens were last refreshed, or else given.
    last_used_at: Timestamp,
    /// From which IP address that was.
    ip: String,
    /// And with which `User-Agent`, cut to 200 characters.
    user_agent: String,
    /// Whether it is the session that asks.
    current: bool,
}

/// How long things live, in seconds.
struct Lifetimes {
    access: u64,
    refresh: u64,
}

impl Lifetimes {
    fn from_env() -> Result<Self, Error> {
        Ok(Self {
            access: config::number("ACCESS_TOKEN_SECONDS")?,
            refresh: config::number("REFRESH_TOKEN_SECONDS")?,
        })
    }
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

    /// What its user sees of it; `current` is the session that asks.
    ///
    /// A refresh is not seen until its grace is over (`REFRESH_GRACE_SECONDS`): it would tell a thief who also has an access
    /// token when the used refresh token is still answered.
    pub fn view(self, current: Uuid) -> Result<View, Error> {
        let grace_ends = self.rotated_at + config::number("REFRESH_GRACE_SECONDS")? * 1_000;
        let is_in_grace = time::milliseconds(time::now()) < grace_ends;
        let last = Use { at: self.last_used_at, ip: self.ip, user_agent: self.user_agent };
        let seen = self.before.filter(|_| is_in_grace).unwrap_or(last);
        Ok(View {
            id: self.sid,
            created_at: self.created_at,
            last_used_at: seen.at,
            ip: seen.ip,
            user_agent: seen.user_agent,
            current: self.sid == current,
        })
    }
}

/// A session that has not been stored yet.
pub struct New {
    session: Session,
    lifetimes: Lifetimes,
    staff: bool,
}

/// Begins a session of a user in an epoch of theirs, for the client that sent `client`.
pub fn begin(account: &Account, epoch: u64, client: &Client) -> Result<New, Error> {
    let user = &account.user;
    let lifetimes = Lifetimes::from_env()?;
    let now = time::now();
    let ends = time::seconds(now) + config::number("SESSION_SECONDS")?;
    let session = Session {
        user_id: user.id,
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
        expires: ends.min(time::seconds(now) + lifetimes.refresh),
    };
    Ok(New { session, lifetimes, staff: user.is_staff })
}

impl New {
    /// The write that stores it, for a transaction.
    pub(crate) fn write(&self, db: &Db) -> Result<Write, Error> {
        Ok(Write::put(&db.tables.tokens, self.item()?))
    }

    /// Stores it.
    pub async fn store(&self, db: &Db) -> Result<(), Error> {
        self.write(db)?.send(db).await.map(drop)
    }

    /// Its tokens.
    pub fn tokens(&self, key: &SigningKey) -> Result<Pair, Error> {
        issue(key, &self.session, self.staff, &self.lifetimes)
    }

    fn item(&self) -> Result<Item, Error> {
        let mut item = to_item(&self.session)?;
        item.extend(record_key(self.session.user_id, self.session.sid));
        Ok(item)
    }
}

/// Signs the tokens of a session as it stands, for a user who is staff or not.
fn issue(key: &SigningKey, session: &Session, staff: bool, lifetimes: &Lifetimes) -> Result<Pair, Error> {
    let now = time::seconds(time::now());
    let draft = Draft {
        user_id: session.user_id,
        sid: session.sid,
        staff,
        refresh_jti: session.current_jti.clone(),
        refresh_exp: session.expires,
        access_exp: session.ends.min(now + lifetimes.access),
        now,
    };
    draft.sign(key)
}

/// What it means that a client shows a refresh token of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is the session's refresh token.
    Current,
    /// The client that has just used it up uses it again: a retry, or two requests at once.
    Repeated,
    /// The client that used it up shows it again later, and its successor has not been used: the answer was lost.
    Unanswered,
    /// Anything else: another client has the token too.
    Reused,
}

impl Session {
    /// What it means that `client` shows the refresh token `jti` of this session, with a grace of so many milliseconds.
    fn standing(&self, jti: &str, client: &Client, grace: u64) -> Standing {
        if self.is_current(jti) {
            return Standing::Current;
        }
        // The record names the client that rotated the session last.
        let is_same_client =
            network_of(&self.ip) == client.network() && self.user_agent == client.user_agent();
        if self.previous_jti.as_deref() != Some(jti) || !is_same_client {
            return Standing::Reused;
        }
        let since = time::milliseconds(time::now()).saturating_sub(self.rotated_at);
        if since < grace { Standing::Repeated } else { Standing::Unanswered }
    }
}

/// New tokens for a refresh token, which was verified and whose user is active.
///
/// The first to show a token rotates the session, by a conditional write. The client that did so gets the same successor when
/// it shows the token again within the grace (`REFRESH_GRACE_SECONDS`), and a new successor later, as long as the first one has
/// not been used; the first is dead then. Shown by another client, or after its successor was used, the token is in two hands:
/// the session ends for both.
pub async fn refresh(
    db: &Db,
    key: &SigningKey,
    claims: &Claims,
    account: &Account,
    session: Session,
    client: &Client,
) -> Result<Pair, Error> {
    let lifetimes = Lifetimes::from_env()?;
    let grace = config::number("REFRESH_GRACE_SECONDS")? * 1_000;
    if !session.is_live(account) {
        return Err(Error::TokenNotValid(TokenFault::Blacklisted));
    }
    let shown = session.standing(&claims.jti, client, grace);
    let (session, is_first) = match shown {
        Standing::Current | Standing::Unanswered => {
            rotate(db, session, &claims.jti, &lifetimes, client).await?
        }
        Standing::Repeated | Standing::Reused => (session, false),
    };
    if !session.is_live(account) {
        return Err(Error::TokenNotValid(TokenFault::Blacklisted));
    }
    match (shown, is_first) {
        (Standing::Unanswered, true) => audit::user(Event::RefreshReplaced, claims.user_id, client.ip()),
        (_, true) => {}
        // Another request may have rotated it in the meantime.
        (_, false) if session.standing(&claims.jti, client, grace) == Standing::Repeated => {
            audit::user(Event::RefreshRepeated, claims.user_id, client.ip());
        }
        (_, false) => {
            end(db, claims.user_id, claims.sid).await?;
            audit::user(Event::SessionKilledForReuse, claims.user_id, client.ip());
            return Err(Error::TokenNotValid(TokenFault::Blacklisted));
        }
    }
    issue(key, &session, account.user.is_staff, &lifetimes)
}

/// Gives a session a new refresh token, as the successor of `shown`. Gives the session as it then is, and whether this request
/// made it so, be it by a first try whose answer was lost; otherwise another request did.
async fn rotate(
    db: &Db,
    session: Session,
    shown: &str,
    lifetimes: &Lifetimes,
    client: &Client,
) -> Result<(Session, bool), Error> {
    let now = time::now();
    let read = session.current_jti.clone();
    let before =
        Use { at: session.last_used_at, ip: session.ip.clone(), user_agent: session.user_agent.clone() };
    let next = Session {
        current_jti: new_jti(),
        previous_jti: Some(shown.to_owned()),
        rotated_at: time::milliseconds(now),
        last_used_at: now,
        before: Some(before.clone()),
        ip: client.ip().to_owned(),
        user_agent: client.user_agent().to_owned(),
        expires: session.ends.min(time::seconds(now) + lifetimes.refresh),
        ..session
    };
    let write = Write::update(&db.tables.tokens, record_key(next.user_id, next.sid))
        .if_equals("current_jti", s(read))
        .if_equals("revoked", no())
        .once("current_jti", &next.current_jti)
        .set("previous_jti", s(shown))
        .set("rotated_at", n(next.rotated_at))
        .set("last_used_at", s(next.last_used_at.to_string()))
        .set("before", AttributeValue::M(to_item(&before)?))
        .set("ip", s(&next.ip))
        .set("user_agent", s(&next.user_agent))
        .set("expires", n(next.expires));
    match write.send(db).await? {
        Sent::Written(item) if item.is_empty() => Ok((next, true)),
        // The answer to a first try was lost, and the session may have ended since.
        Sent::Written(item) => Ok((Session::read(item)?, true)),
        // It was deleted in the meantime.
        Sent::Refused(item) if item.is_empty() => Ok((Session { revoked: true, ..next }, false)),
        Sent::Refused(item) => Ok((Session::read(item)?, false)),
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
