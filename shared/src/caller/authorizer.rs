//! Callers of other APIs, by the access tokens of this one: for the function `authorizer`.

use std::time::Instant;

use uuid::Uuid;

use super::token::Bearer;
use crate::{App, Error, config, dynamo::BatchGet, id::Id, log};

/// How much is asked of a token before its user may call another API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// That it is right. Nothing but its key is read, and that rarely.
    Signature,
    /// Also that its user is active and its session lives, as for every request here.
    Session,
}

impl Checks {
    /// The checks of this stack, from `AUTHORIZER_CHECKS`.
    pub fn from_env() -> Result<Self, Error> {
        match config::text("AUTHORIZER_CHECKS")?.as_str() {
            "signature" => Ok(Self::Signature),
            "session" => Ok(Self::Session),
            other => {
                Err(Error::internal(format!("AUTHORIZER_CHECKS is neither signature nor session: {other}")))
            }
        }
    }
}

/// A user who may call another API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorized {
    /// Their id.
    pub user_id: Id,
    /// Whether they are staff; without [`Checks::Session`], whether they were when the token was made.
    pub staff: bool,
    /// Their session.
    pub sid: Uuid,
}

/// The user whose access token stands in the header `Authorization`, or why there is none: with the errors of this API. It leaves
/// one line in the log.
pub async fn authorize(app: &App, authorization: Option<&str>, checks: Checks) -> Result<Authorized, Error> {
    let started = Instant::now();
    let authorized = check(app, authorization, checks).await;
    if let Err(error) = &authorized {
        error.log_cause();
    }
    let who = authorized.as_ref().map(|authorized| authorized.user_id).map_err(Error::reason);
    log::authorizer(&who, started.elapsed());
    authorized
}

async fn check(app: &App, authorization: Option<&str>, checks: Checks) -> Result<Authorized, Error> {
    let bearer = Bearer::read(app, authorization).await?;
    let claimed = bearer.claimed();
    let staff = match checks {
        Checks::Signature => claimed.staff,
        Checks::Session => bearer.check(app, BatchGet::default()).await?.0.account.user.is_staff,
    };
    Ok(Authorized { user_id: claimed.user, staff, sid: bearer.sid() })
}
