//! Who calls. The second parameter of an endpoint says who may; each kind proves itself before the endpoint runs, so none
//! is open by forgetting.

use std::future::Future;

use tracing::{Span, field};
use uuid::Uuid;

use crate::{
    App, Error, Request,
    dynamo::{BatchGet, Found},
    http::TokenFault,
    id::{self, Id},
    session::{self, Session},
    time,
    token::{Claims, Kind, Unverified},
    user::Account,
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

/// A bearer token that is verified, whose user and session are still to be read: for an endpoint that reads something beside
/// the authorisation and drops it when that fails. Only [`Bearer::caller`] makes a [`Caller`] of it.
pub struct Bearer(Claims);

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
        verify(app, token, Some(Kind::Access), Error::BearerNotValid).await.map(Self)
    }
}

/// Anyone, or a user: without an `Authorization: Bearer` header nobody, and with an invalid token 401, as `SimpleJWT` has it. What is
/// done for a user must not be done for nobody because their token has expired.
impl Who for Option<Bearer> {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        match Bearer::of(app, request).await {
            Err(Error::NotAuthenticated) => Ok(None),
            bearer => bearer.map(Some),
        }
    }
}

impl Bearer {
    /// The user whose token it is. They may be gone, and their session may have ended.
    #[must_use]
    pub fn claimed_user(&self) -> Id {
        self.0.user_id
    }

    /// Whether they were staff when it was made.
    #[must_use]
    pub fn claims_staff(&self) -> bool {
        self.0.staff
    }

    /// The account of a caller who may be nobody.
    pub async fn account_if_given(bearer: Option<&Self>, app: &App) -> Result<Option<Account>, Error> {
        match bearer {
            Some(bearer) => Ok(Some(bearer.caller(app).await?.account)),
            None => Ok(None),
        }
    }

    /// Sees to it that the token's user and session live.
    pub async fn caller(&self, app: &App) -> Result<Caller, Error> {
        Ok(self.caller_beside(app, BatchGet::default()).await?.0)
    }

    /// The same, with other records that the endpoint needs in the same read.
    pub(crate) async fn caller_beside(&self, app: &App, batch: BatchGet) -> Result<(Caller, Found), Error> {
        let (shown, found) = Shown::read(app, self.0.clone(), batch).await?;
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
    /// Reads user, session and what else `batch` asks for in one strongly consistent call.
    async fn read(app: &App, claims: Claims, mut batch: BatchGet) -> Result<(Self, Found), Error> {
        let user_key = id::record_key(claims.user_id);
        let session_key = session::record_key(claims.user_id, claims.sid);
        batch.want(&app.tables.users, user_key.clone()).want(&app.tables.tokens, session_key.clone());
        let mut found = batch.send(app).await?;
        let shown = Self {
            claims,
            account: found.take(&app.tables.users, &user_key).map(Account::read).transpose()?,
            session: found.take(&app.tables.tokens, &session_key).map(Session::read).transpose()?,
        };
        Ok((shown, found))
    }

    /// Whether the token is: its user is active, its session lives and it was not rotated out.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let (Some(account), Some(session)) = (&self.account, &self.session) else { return false };
        let is_rotated_out = self.claims.token_type == Kind::Refresh && !session.is_current(&self.claims.jti);
        account.user.is_active && session.is_live(account) && !is_rotated_out
    }
}

/// Verifies a token that came in a body, of one kind or (`None`) of either, and reads what it speaks of.
pub async fn shown(app: &App, text: &str, kind: Option<Kind>) -> Result<Shown, Error> {
    let claims = verify(app, text, kind, Error::TokenNotValid).await?;
    Ok(Shown::read(app, claims, BatchGet::default()).await?.0)
}

/// What a token says, when its signature, times and kind are right. Nothing but its key is read for it before that is known, and
/// that only when this instance does not know the key.
async fn verify(
    app: &App,
    text: &str,
    kind: Option<Kind>,
    refusal: fn(TokenFault) -> Error,
) -> Result<Claims, Error> {
    let token = Unverified::read(text).map_err(refusal)?;
    let key = app.verification_key(&token.kid).await?.ok_or_else(|| refusal(TokenFault::Invalid))?;
    token.verify(&key, &app.issuer, time::seconds(time::now()), kind).map_err(refusal)
}
