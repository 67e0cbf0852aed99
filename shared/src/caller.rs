//! Who calls. The second parameter of an endpoint says who may; each kind proves itself before the endpoint runs, so none
//! is open by forgetting.

use std::future::Future;

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

/// A bearer token that was not verified yet, for an endpoint that reads something beside the authorisation and drops it
/// when that fails. Only [`Bearer::caller`] makes a [`Caller`] of it.
pub struct Bearer(Unverified);

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
        let token = Unverified::read(token).map_err(Error::BearerNotValid)?;
        // A forgery against a known key costs no read, neither here nor in the endpoint.
        if let Some(key) = app.keys.known(&token.kid) {
            let now = time::seconds(time::now());
            token.verify(&key, &app.issuer, now, Some(Kind::Access)).map_err(Error::BearerNotValid)?;
        }
        Ok(Self(token))
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
        self.0.user_id()
    }

    /// Whether the token speaks of somebody who was staff, not to be believed either.
    #[must_use]
    pub fn claims_staff(&self) -> bool {
        self.0.staff()
    }

    /// Verifies the token, and that its user and session live.
    pub async fn caller(&self, app: &App) -> Result<Caller, Error> {
        Ok(self.caller_beside(app, BatchGet::default()).await?.0)
    }

    /// The same, with other records that the endpoint needs in the same read.
    pub(crate) async fn caller_beside(&self, app: &App, batch: BatchGet) -> Result<(Caller, Found), Error> {
        let (shown, found) =
            check(app, &self.0, Some(Kind::Access), batch).await?.map_err(Error::BearerNotValid)?;
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
    let token = Unverified::read(text).map_err(Error::TokenNotValid)?;
    let checked = check(app, &token, kind, BatchGet::default()).await?;
    checked.map(|(shown, _)| shown).map_err(Error::TokenNotValid)
}

/// User, session, what else `batch` asks for and, when this instance does not know it yet, the public key come in one
/// strongly consistent read.
async fn check(
    app: &App,
    token: &Unverified,
    kind: Option<Kind>,
    mut batch: BatchGet,
) -> Result<Result<(Shown, Found), TokenFault>, Error> {
    let now = time::seconds(time::now());
    let known = app.keys.known(&token.kid);
    // A forgery against a known key costs no read.
    if let Some(Err(fault)) = known.as_ref().map(|key| token.verify(key, &app.issuer, now, kind)) {
        return Ok(Err(fault));
    }
    let (user_key, session_key) =
        (user::record_key(token.user_id()), session::record_key(token.user_id(), token.sid()));
    batch.want(&app.tables.users, user_key.clone()).want(&app.tables.tokens, session_key.clone());
    if known.is_none() {
        batch.want(&app.tables.tokens, token::record_key(&token.kid));
    }
    let mut found = batch.send(app).await?;
    let key = match known {
        Some(key) => key,
        None => match app.keys.learn(app, &token.kid, &mut found)? {
            Some(key) => key,
            None => return Ok(Err(TokenFault::Invalid)),
        },
    };
    let claims = match token.verify(&key, &app.issuer, now, kind) {
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
