//! The one error of every function: what the client reads, and what only the log reads.

use std::{collections::BTreeMap, error::Error as StdError};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use lambda_http::http::StatusCode;
use serde_json::{Value, json};

use crate::log;

/// What is wrong with each field.
pub type FieldErrors = BTreeMap<&'static str, Vec<String>>;

/// Why a request is not answered with success. Words and codes are Django REST Framework's and SimpleJWT's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 400: what is wrong with each field.
    #[error("Invalid input.")]
    Invalid(FieldErrors),
    /// 400: the body is not what its content type says.
    #[error("{0}")]
    Malformed(String),
    /// 400: a code that is wrong, used, expired, exhausted or was never sent: all alike.
    #[error("OTP has expired or is invalid.")]
    OtpInvalid,
    /// 400: the same at `/otp/verify`, in the words of the Django system that has it.
    #[error("OTP has expired or invalid")]
    PhoneOtpInvalid,
    /// 401: no bearer token.
    #[error("Authentication credentials were not provided.")]
    NotAuthenticated,
    /// 401: an `Authorization` header that begins well and does not hold exactly one token.
    #[error("Authorization header must contain two space-delimited values")]
    BadAuthorizationHeader,
    /// 401: the bearer token is no good, and why.
    #[error("Given token not valid for any token type")]
    BearerNotValid(TokenFault),
    /// 401: the user of a good token is gone.
    #[error("User not found")]
    UserNotFound,
    /// 401: the user of a good token is switched off.
    #[error("User is inactive")]
    UserInactive,
    /// 401: wrong password, unknown user or inactive user, all alike.
    #[error("No active account found with the given credentials")]
    NoActiveAccount,
    /// 401: a refresh token whose user is gone or switched off.
    #[error("No active account found for the given token.")]
    NoActiveAccountForToken,
    /// 401: a token in a body is no good, and why.
    #[error("{0}")]
    TokenNotValid(TokenFault),
    /// 403: the right password of a user whose e-mail address is not verified.
    #[error("Email address is not verified.")]
    EmailNotVerified,
    /// 400: the token for a registration is wrong, used or too old, or was never given.
    #[error("Registration token has expired or is invalid.")]
    RegistrationTokenInvalid,
    /// 400: somebody has to be able to manage the rest.
    #[error("The last active staff user can be neither demoted, deactivated nor deleted.")]
    LastStaffUser,
    /// 400: staff ask for a code for the password of a user who could not log in with it.
    #[error("The user is inactive.")]
    InactiveToRecover,
    /// 400: the same for a user to whom no code can go.
    #[error("The user has neither a verified e-mail address nor a verified phone number.")]
    NothingToRecoverBy,
    /// 403: only staff may do this.
    #[error("You do not have permission to perform this action.")]
    Forbidden,
    /// 404: the phone number is proven, but nobody has it.
    #[error("Employee not found")]
    EmployeeNotFound,
    /// 404: a cursor that was not made here for this caller and list.
    #[error("Invalid cursor")]
    InvalidCursor,
    /// 404: a page that the list does not have.
    #[error("Invalid page.")]
    InvalidPage,
    /// 404: what the stack's parameters switch off is as if it were not there.
    #[error("Not found.")]
    SwitchedOff,
    /// 404: no record of that kind with that id, for this caller.
    #[error("No {0} matches the given query.")]
    NotFound(&'static str),
    /// 412: `If-Match` does not hold any more.
    #[error("The record has changed since it was read.")]
    PreconditionFailed,
    /// 413: a body that is longer than [`crate::http::LONGEST_BODY`].
    #[error("Request body too large.")]
    BodyTooLarge,
    /// 415: neither JSON nor a form.
    #[error("Unsupported media type \"{0}\" in request.")]
    UnsupportedMediaType(String),
    /// 429: for so many seconds yet.
    #[error("Request was throttled. Expected available in {0} second{s}.", s = if *.0 == 1 { "" } else { "s" })]
    Throttled(u64),
    /// 500: a fault of ours; the cause is for the log, never for the client.
    #[error("A server error occurred.")]
    Internal(String),
    /// 503: something we depend on does not answer; the cause is for the log.
    #[error("A server error occurred.")]
    Unavailable(String),
}

/// What is wrong with a token, in SimpleJWT's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Garbage, a bad signature, another algorithm, issuer or key.
    #[error("Token is invalid")]
    Invalid,
    /// Past its `exp`.
    #[error("Token is expired")]
    Expired,
    /// A refresh token where an access token belongs, or the other way round.
    #[error("Token has wrong type")]
    WrongType,
    /// Its session has ended, or it was rotated out.
    #[error("Token is blacklisted")]
    Blacklisted,
}

impl Error {
    /// Every code that a client may read.
    pub const CODES: [&str; 9] = [
        "otp_invalid",
        "registration_token_invalid",
        "last_staff_user",
        "bad_authorization_header",
        "token_not_valid",
        "user_not_found",
        "user_inactive",
        "no_active_account",
        "email_not_verified",
    ];

    /// One complaint about one field.
    #[must_use]
    pub fn field(name: &'static str, complaint: impl Into<String>) -> Self {
        Self::Invalid(FieldErrors::from([(name, vec![complaint.into()])]))
    }

    /// A fault of ours.
    #[must_use]
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::Internal(cause.into())
    }

    /// What AWS did not do for us. A call that AWS refused for what it says (no permission, no such table) is a fault
    /// of ours; everything else (no answer, one that cannot be read, 5xx, throttling) passes.
    #[expect(clippy::needless_pass_by_value, reason = "it ends here: `map_err(Error::from_aws)`")]
    pub fn from_aws<E>(error: SdkError<E>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let refused =
            error.code().is_some() && error.raw_response().is_some_and(|r| r.status().as_u16() < 500);
        let busy = error.code().is_some_and(|code| BUSY.iter().any(|busy| code.contains(busy)));
        let cause = describe(&error);
        if refused && !busy { Self::Internal(cause) } else { Self::Unavailable(cause) }
    }

    /// What the log reads of it.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Internal(cause) | Self::Unavailable(cause) => cause.clone(),
            other => other.to_string(),
        }
    }

    /// What an operator who invokes a function reads of it: all that is wrong with each field, or the cause, which is logged
    /// too.
    #[must_use]
    pub fn for_operator(&self) -> String {
        if let Self::Invalid(fields) = self {
            let fields =
                fields.iter().map(|(field, complaints)| format!("{field}: {}", complaints.join(" ")));
            return fields.collect::<Vec<_>>().join(" ");
        }
        let cause = self.cause();
        // Throttling counts for its alarm, whoever called: a command makes the most calls of all.
        let event = match log::Event::of_failed_call(&cause) {
            log::Event::CallThrottled => log::Event::CallThrottled,
            _ => log::Event::CommandRefused,
        };
        tracing::error!(event = event.id(), cause, "refused");
        cause
    }

    /// Why somebody is refused, in a few words: what is wrong with a bearer token rather than that something is.
    #[must_use]
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::BearerNotValid(fault) => fault.to_string(),
            other => other.to_string(),
        }
    }

    /// The same, as something that passes.
    #[must_use]
    pub fn into_unavailable(self) -> Self {
        match self {
            Self::Internal(cause) => Self::Unavailable(cause),
            other => other,
        }
    }

    /// The status code of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_)
            | Self::Malformed(_)
            | Self::OtpInvalid
            | Self::PhoneOtpInvalid
            | Self::RegistrationTokenInvalid
            | Self::LastStaffUser
            | Self::InactiveToRecover
            | Self::NothingToRecoverBy => StatusCode::BAD_REQUEST,
            Self::NotAuthenticated
            | Self::BadAuthorizationHeader
            | Self::BearerNotValid(_)
            | Self::UserNotFound
            | Self::UserInactive
            | Self::NoActiveAccount
            | Self::NoActiveAccountForToken
            | Self::TokenNotValid(_) => StatusCode::UNAUTHORIZED,
            Self::EmailNotVerified | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::EmployeeNotFound
            | Self::InvalidCursor
            | Self::InvalidPage
            | Self::SwitchedOff
            | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether it is no fault of the client's, who may ask for the same again.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.status().is_server_error()
    }

    /// Whether the client has to log in first.
    #[must_use]
    pub fn asks_to_log_in(&self) -> bool {
        self.status() == StatusCode::UNAUTHORIZED
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::OtpInvalid | Self::PhoneOtpInvalid => Some("otp_invalid"),
            Self::RegistrationTokenInvalid => Some("registration_token_invalid"),
            Self::LastStaffUser => Some("last_staff_user"),
            Self::BadAuthorizationHeader => Some("bad_authorization_header"),
            Self::BearerNotValid(_) | Self::TokenNotValid(_) => Some("token_not_valid"),
            Self::UserNotFound => Some("user_not_found"),
            Self::UserInactive => Some("user_inactive"),
            Self::NoActiveAccount | Self::NoActiveAccountForToken => Some("no_active_account"),
            Self::EmailNotVerified => Some("email_not_verified"),
            _ => None,
        }
    }

    /// What the client reads.
    #[must_use]
    pub fn body(&self) -> Value {
        if let Self::Invalid(fields) = self {
            return json!(fields);
        }
        let mut body = json!({ "detail": self.to_string() });
        if let Some(code) = self.code() {
            body["code"] = json!(code);
        }
        if let Self::BearerNotValid(fault) = self {
            body["messages"] = json!([{ "token_class": "AccessToken", "token_type": "access", "message": fault.to_string() }]);
        }
        body
    }
}

/// An error and what caused it, in words: never its `Debug` form, which holds whole answers. Addresses are masked.
fn describe<E: StdError + ProvideErrorMetadata + Send + Sync + 'static>(error: &SdkError<E>) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    if let (Some(code), Some(message)) = (error.code(), error.message()) {
        words = format!("{code}: {message} ({words})");
    }
    log::masked(&words)
}

/// Parts of the codes by which AWS says "later" with a 4xx status.
const BUSY: [&str; 7] = [
    "Throttl",
    "ThroughputExceeded",
    "RequestLimitExceeded",
    "LimitExceeded",
    "TransactionConflict",
    "TransactionInProgress",
    "TooManyRequests",
];
