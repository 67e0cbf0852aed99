//! Refreshing a session, with and without rotation.

use jiff::SignedDuration;

use super::{Session, Use, end, record_key, refresh_token_expires};
use crate::{
    Error,
    audit::{self, Event},
    client::{Client, network_of},
    config,
    dynamo::{AttributeValue, Db, Sent, Write, n, no, s, to_item},
    error::TokenFault,
    time,
    token::{Claims, new_jti},
    user::Account,
};

/// A use that is not a rotation is stored when the last one that was stored is older.
const USES_ARE_STORED_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// A refresh token that was verified and whose user is active, in the hand of a client.
pub struct Shown<'a> {
    /// What the token says.
    pub claims: &'a Claims,
    /// Its user.
    pub account: &'a Account,
    /// The client.
    pub client: &'a Client,
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

impl Shown<'_> {
    /// Rotates the session: the token is used up, and the session that this gives has the next one.
    ///
    /// The first to show a token rotates the session, by a conditional write. The client that did so gets the same successor
    /// when it shows the token again within the grace (`REFRESH_GRACE_SECONDS`), and a new successor later, as long as the first
    /// one has not been used; the first is dead then. Shown by another client, or after its successor was used, the token is in
    /// two hands: the session ends for both.
    pub async fn rotate(&self, db: &Db, session: Session) -> Result<Session, Error> {
        self.check_live(&session)?;
        let standing = self.standing(&session)?;
        let (session, is_first) = match standing {
            Standing::Current | Standing::Unanswered => self.write_next(db, session).await?,
            Standing::Repeated | Standing::Reused => (session, false),
        };
        self.check_live(&session)?;
        if is_first {
            if standing == Standing::Unanswered {
                self.audit(Event::RefreshReplaced);
            }
            return Ok(session);
        }
        // Another request may have rotated it in the meantime.
        if self.standing(&session)? == Standing::Repeated {
            self.audit(Event::RefreshRepeated);
            return Ok(session);
        }
        self.end_for_reuse(db).await
    }

    /// Leaves the session its token, which the client keeps and shows again: that is no attack.
    ///
    /// A token that was used up while refreshes rotated stays used up. The client that used it is answered, for it may have
    /// missed the answer; in the hand of another client it ends the session, as it did then.
    pub async fn keep(&self, db: &Db, session: Session) -> Result<Session, Error> {
        self.check_live(&session)?;
        if self.standing(&session)? == Standing::Reused {
            return self.end_for_reuse(db).await;
        }
        self.store_use(db, &session).await?;
        Ok(session)
    }

    fn check_live(&self, session: &Session) -> Result<(), Error> {
        if session.is_live(self.account) {
            return Ok(());
        }
        Err(Error::TokenNotValid(TokenFault::Blacklisted))
    }

    fn standing(&self, session: &Session) -> Result<Standing, Error> {
        if session.is_current(&self.claims.jti) {
            return Ok(Standing::Current);
        }
        // The record names the client that rotated the session last.
        let is_same_client = network_of(&session.ip) == self.client.network()
            && session.user_agent == self.client.user_agent();
        if session.previous_jti.as_ref() != Some(&self.claims.jti) || !is_same_client {
            return Ok(Standing::Reused);
        }
        let grace = config::number("REFRESH_GRACE_SECONDS")? * 1_000;
        let since = time::milliseconds(time::now()).saturating_sub(session.rotated_at);
        Ok(if since < grace { Standing::Repeated } else { Standing::Unanswered })
    }

    /// Gives the session a new refresh token, as the successor of the one that is shown. Gives the session as it then is, and
    /// whether this request made it so, be it by a first try whose answer was lost; otherwise another request did.
    async fn write_next(&self, db: &Db, session: Session) -> Result<(Session, bool), Error> {
        let (now, shown) = (time::now(), &self.claims.jti);
        let read = session.current_jti.clone();
        let before =
            Use { at: session.last_used_at, ip: session.ip.clone(), user_agent: session.user_agent.clone() };
        let next = Session {
            current_jti: new_jti(),
            previous_jti: Some(shown.clone()),
            rotated_at: time::milliseconds(now),
            last_used_at: now,
            before: Some(before.clone()),
            ip: self.client.ip().to_owned(),
            user_agent: self.client.user_agent().to_owned(),
            expires: session.ends.min(refresh_token_expires(now)?),
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

    /// Stores when and by which client the session was used, at most once an hour.
    async fn store_use(&self, db: &Db, session: &Session) -> Result<(), Error> {
        let now = time::now();
        if now.duration_since(session.last_used_at) < USES_ARE_STORED_EVERY {
            return Ok(());
        }
        let write = Write::update(&db.tables.tokens, record_key(session.user_id, session.sid))
            .if_equals("last_used_at", s(session.last_used_at.to_string()))
            .if_equals("revoked", no())
            .set("last_used_at", s(now.to_string()))
            .set("ip", s(self.client.ip()))
            .set("user_agent", s(self.client.user_agent()));
        // It is refused when another request has stored its use, which serves as well.
        write.send(db).await.map(drop)
    }

    async fn end_for_reuse(&self, db: &Db) -> Result<Session, Error> {
        end(db, self.claims.user_id, self.claims.sid).await?;
        self.audit(Event::SessionKilledForReuse);
        Err(Error::TokenNotValid(TokenFault::Blacklisted))
    }

    fn audit(&self, event: Event) {
        audit::user(event, self.claims.user_id, self.client.ip());
    }
}
