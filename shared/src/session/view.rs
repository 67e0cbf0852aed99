//! What users see of their sessions.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Session, Use};
use crate::{Error, config, time};

/// A session as its user sees it.
#[derive(Debug, Serialize)]
pub struct View {
    /// What ends it: `DELETE /api/sessions/{id}`.
    id: Uuid,
    /// When it began.
    created_at: Timestamp,
    /// When its tokens were last refreshed, or else given; to the hour where refreshes do not rotate.
    last_used_at: Timestamp,
    /// From which IP address that was.
    ip: String,
    /// And with which `User-Agent`, cut to 200 characters.
    user_agent: String,
    /// Whether it is the session that asks.
    current: bool,
}

impl Session {
    /// What its user sees of it; `current` is the session that asks.
    ///
    /// A rotation is not seen until its grace is over (`REFRESH_GRACE_SECONDS`): it would tell a thief who also has an access
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
