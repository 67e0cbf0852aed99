//! Who calls. The second parameter of an endpoint says who may; each kind proves itself before the endpoint runs, so none
//! is open by forgetting.

use std::future::Future;

use jsonwebtoken::DecodingKey;
use tracing::{Span, field};
use uuid::Uuid;

use crate::{
    App, Error, Request,
    dynamo::{BatchGet, Found},
    http::TokenFault,
    session::{self, Session},
    time,
    token::{self, Claims, Kind, Unverified},
    user::{self, Account, Id},
};

/// A kind of caller.
pub trait Who: Sized + Send + 'static {
    /// The caller of this request, or why it is not one of this kind.
    fn of(app: &App, request: &Request) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// Whoever it is.
#[derive(Debug)]
pub struct Anyone;

impl Who for Anyone {
    async fn of(_: &App, _: &Request) -> Result<Self, Error> {
        Ok(Self)
    }
}

/// A user with a live session: an access token in `Authorization: Bearer`.
pub struct Caller {
    /// The user.
    pub account: Account,
    /// The session.
    pub sid: Uuid,
}

impl Who for Caller {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        Bearer::of(app, request).await?.caller(app).await
    }
}

impl Caller {
    /// The user's id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.account.user.id
    }

    /// 403 unless they are staff.
    pub fn must_be_staff(&self) -> Result<(), Error> {
        if self.account.user.is_staff { Ok(()) } else { Err(Error::Forbidden) }
    }
}

/// A caller who sees and manages everybody.
pub struct Staff(pub Caller);

impl Who for Staff {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        let caller = Caller::of(app, request).await?;
        caller.must_be_staff()?;
        Ok(Self(caller))
    }
}

/// A bearer token that may not be verified yet, for an endpoint that reads something beside the authorisation and drops it
/// when that fails. Only [`Bearer::caller`] makes a [`Caller`] of it.
pub struct Bearer(Received);

impl Who for Bearer {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        let header = request.header("authorization").ok_or(Error::NotAuthenticated)?;
        let mut parts = header.split_whitespace();
        if parts.next() != Some("Bearer") {
            return Err(Error::NotAuthenticated);
        }
        let (Some(token), None) = (parts.next(), parts.next()) else {
            return Err(Error::BadAuthorizationHeader);
        };
        Received::read(app, token, Some(Kind::Access)).map(Self).map_err(Error::BearerNotValid)
    }
}

/// Somebody who may say who they are; a header that is no good says nothing.
impl Who for Option<Bearer> {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        Ok(Bearer::of(app, request).await.ok())
    }
}

impl Bearer {
    /// The user of whom the token speaks, not to be believed yet.
    #[must_use]
    pub fn claimed_user(&self) -> Id {
        self.0.token.user_id()
    }

    /// Whether the token speaks of somebody who was staff, not to be believed either.
    #[must_use]
    pub fn claims_staff(&self) -> bool {
        self.0.token.staff()
    }

    /// Verifies the token, and that its user and session live.
    pub async fn caller(&self, app: &App) -> Result<Caller, Error> {
        Ok(self.caller_beside(app, BatchGet::default()).await?.0)
    }

    /// The same, with other records that the endpoint needs in the same read.
    pub(crate) async fn caller_beside(&self, app: &App, batch: BatchGet) -> Result<(Caller, Found), Error> {
        let (shown, found) = self.0.check(app, batch).await?.map_err(Error::BearerNotValid)?;
        let account = shown.account.ok_or(Error::UserNotFound)?;
        if !account.user.is_active {
            return Err(Error::UserInactive);
        }
        if !shown.session.is_some_and(|session| session.is_live(&account)) {
            return Err(Error::BearerNotValid(TokenFault::Blacklisted));
        }
        // Whatever this request leaves in the log, a refusal too, says who asked.
        Span::current().record("user_id", field::display(account.user.id));
        Ok((Caller { account, sid: shown.claims.sid }, found))
    }
}

/// A token whose signature, times and kind are right, and the records it speaks of, as far as they exist.
pub struct Shown {
    /// What it says.
    pub claims: Claims,
    /// Its user.
    pub account: Option<Account>,
    /// Its session.
    pub session: Option<Session>,
}

impl Shown {
    /// Whether the token is: its user is active, its session lives and it was not rotated out.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let (Some(account), Some(session)) = (&self.account, &self.session) else { return false };
        let is_rotated_out = self.claims.token_type == Kind::Refresh && !session.is_current(&self.claims.jti);
        account.user.is_active && session.is_live(account) && !is_rotated_out
    }
}

/// Verifies a token that came in a body, of one kind or (`None`) of either.
pub async fn shown(app: &App, text: &str, kind: Option<Kind>) -> Result<Shown, Error> {
    let token = Received::read(app, text, kind).map_err(Error::TokenNotValid)?;
    let checked = token.check(app, BatchGet::default()).await?;
    checked.map(|(shown, _)| shown).map_err(Error::TokenNotValid)
}

/// A token that came with a request, of one kind or (`None`) of either. It is verified once: at once when its key is known,
/// so that a forgery costs no read, or else when the key has come with the records.
struct Received {
    token: Unverified,
    kind: Option<Kind>,
    verified: Option<Claims>,
}

impl Received {
    fn read(app: &App, text: &str, kind: Option<Kind>) -> Result<Self, TokenFault> {
        let mut received = Self { token: Unverified::read(text)?, kind, verified: None };
        if let Some(key) = app.keys.known(&received.token.kid) {
            received.verified = Some(received.verify(app, &key)?);
        }
        Ok(received)
    }

    fn verify(&self, app: &App, key: &DecodingKey) -> Result<Claims, TokenFault> {
        self.token.verify(key, &app.issuer, time::seconds(time::now()), self.kind)
    }

    /// User, session, what else `batch` asks for and, when this instance does not know it yet, the public key come in one
    /// strongly consistent read.
    async fn check(
        &self,
        app: &App,
        mut batch: BatchGet,
    ) -> Result<Result<(Shown, Found), TokenFault>, Error> {
        let token = &self.token;
        let (user_key, session_key) =
            (user::record_key(token.user_id()), session::record_key(token.user_id(), token.sid()));
        batch.want(&app.tables.users, user_key.clone()).want(&app.tables.tokens, session_key.clone());
        if self.verified.is_none() {
            batch.want(&app.tables.tokens, token::record_key(&token.kid));
        }
        let mut found = batch.send(app).await?;
        let verified = match &self.verified {
            Some(claims) => Ok(claims.clone()),
            None => match app.keys.learn(app, &token.kid, &mut found)? {
                Some(key) => self.verify(app, &key),
                None => Err(TokenFault::Invalid),
            },
        };
        let claims = match verified {
            Ok(claims) => claims,
            Err(fault) => return Ok(Err(fault)),
        };
        let shown = Shown {
            claims,
            account: found.take(&app.tables.users, &user_key).map(Account::read).transpose()?,
            session: found.take(&app.tables.tokens, &session_key).map(Session::read).transpose()?,
        };
        Ok(Ok((shown, found)))
    }
}
