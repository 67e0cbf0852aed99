//! The tokens of a request: verified, with the user and the session that they name.

use tracing::{Span, field};
use uuid::Uuid;

use crate::{
    App, Error, Request,
    dynamo::{BatchGet, Found},
    error::TokenFault,
    id::{self, Id},
    session::{self, Session},
    time,
    token::{Claims, Kind, Unverified},
    user::Account,
};

/// A user with a live session: an access token in `Authorization: Bearer`.
pub struct Caller {
    /// The user.
    pub account: Account,
    /// The session.
    pub sid: Uuid,
}

impl Caller {
    /// The user's id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.account.user.id
    }

    /// 403 unless they are staff.
    pub(super) fn must_be_staff(&self) -> Result<(), Error> {
        if self.account.user.is_staff { Ok(()) } else { Err(Error::Forbidden) }
    }
}

/// What a verified token says of its user. They may be gone or no longer staff: it is for guessing what is worth loading, and
/// gives no right.
#[derive(Debug, Clone, Copy)]
pub struct Claimed {
    /// The user whose token it is.
    pub user: Id,
    /// Whether they were staff when it was made.
    pub staff: bool,
}

/// A bearer token that is verified, whose user and session are not: they may be gone, inactive or ended. Only
/// [`Bearer::check`] makes a [`Caller`] of it.
pub(super) struct Bearer(Claims);

impl Bearer {
    /// The token of a request; 401 without a valid one.
    pub async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        Self::read(app, request.header("authorization")).await
    }

    /// The token in a header `Authorization`, likewise.
    pub async fn read(app: &App, authorization: Option<&str>) -> Result<Self, Error> {
        let header = authorization.ok_or(Error::NotAuthenticated)?;
        let mut parts = header.split_whitespace();
        let types = &app.compatibility.auth_header_types;
        if !parts.next().is_some_and(|word| types.iter().any(|known| known == word)) {
            return Err(Error::NotAuthenticated);
        }
        let (Some(token), None) = (parts.next(), parts.next()) else {
            return Err(Error::BadAuthorizationHeader);
        };
        verify(app, token, Some(Kind::Access), Error::BearerNotValid).await.map(Self)
    }

    /// The token of a request that need not have one. An invalid token is 401, as with SimpleJWT: what is done for a user must
    /// not be done for a stranger because a token has expired.
    pub async fn if_given(app: &App, request: &Request) -> Result<Option<Self>, Error> {
        match Self::of(app, request).await {
            Err(Error::NotAuthenticated) => Ok(None),
            bearer => bearer.map(Some),
        }
    }

    /// What the token says of its user.
    pub fn claimed(&self) -> Claimed {
        Claimed { user: self.0.user_id, staff: self.0.staff }
    }

    /// The session that the token names.
    pub fn sid(&self) -> Uuid {
        self.0.sid
    }

    /// The caller, once it is known that the token's user is active and its session lives; with other records that the
    /// endpoint needs, in the same read.
    pub async fn check(&self, app: &App, batch: BatchGet) -> Result<(Caller, Found), Error> {
        let (token, found) = VerifiedToken::load(app, self.0.clone(), batch).await?;
        let account = token.account.ok_or(Error::UserNotFound)?;
        if !account.user.is_active {
            return Err(Error::UserInactive);
        }
        if !token.session.is_some_and(|session| session.is_live(&account)) {
            return Err(Error::BearerNotValid(TokenFault::Blacklisted));
        }
        // Every log line of this request then says who made it, also that of a refusal.
        Span::current().record("user_id", field::display(account.user.id));
        Ok((Caller { account, sid: token.claims.sid }, found))
    }
}

/// A token whose signature, times and kind are right, and the records that it names, as far as they exist.
pub struct VerifiedToken {
    /// What it says.
    pub claims: Claims,
    /// Its user.
    pub account: Option<Account>,
    /// Its session.
    pub session: Option<Session>,
}

impl VerifiedToken {
    /// Loads user, session and what else `batch` wants in one strongly consistent call.
    pub(super) async fn load(app: &App, claims: Claims, mut batch: BatchGet) -> Result<(Self, Found), Error> {
        let (users, tokens) = (&app.db.tables.users, &app.db.tables.tokens);
        let user_key = id::record_key(claims.user_id);
        let session_key = session::record_key(claims.user_id, claims.sid);
        batch.want(users, user_key.clone()).want(tokens, session_key.clone());
        let mut found = batch.send(&app.db).await?;
        // The endpoint may want the caller's record, too.
        let account = found.copy(users, &user_key).map(Account::read).transpose()?;
        let session = found.take(tokens, &session_key).map(Session::read).transpose()?;
        Ok((Self { claims, account, session }, found))
    }

    /// Whether the token is live: its user is active, its session lives and it was not rotated out.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let (Some(account), Some(session)) = (&self.account, &self.session) else { return false };
        let is_rotated_out = self.claims.token_type == Kind::Refresh && !session.is_current(&self.claims.jti);
        account.user.is_active && session.is_live(account) && !is_rotated_out
    }
}

/// Verifies a token that came in a body, of one kind or (`None`) of either, and loads what it names.
pub async fn verify_token(app: &App, text: &str, kind: Option<Kind>) -> Result<VerifiedToken, Error> {
    let claims = verify(app, text, kind, Error::TokenNotValid).await?;
    Ok(VerifiedToken::load(app, claims, BatchGet::default()).await?.0)
}

/// What a token says, when its signature, times and kind are right. Nothing but its key is loaded before that is known, and
/// that only when this instance does not know the key.
async fn verify(
    app: &App,
    text: &str,
    kind: Option<Kind>,
    refusal: fn(TokenFault) -> Error,
) -> Result<Claims, Error> {
    let token = Unverified::read(text).map_err(refusal)?;
    let key =
        app.keys.verification_key(&app.db, &token.kid).await?.ok_or_else(|| refusal(TokenFault::Invalid))?;
    token.verify(&key, &app.issuer, time::seconds(time::now()), kind).map_err(refusal)
}
