//! What else an operation may answer: the very errors of `shared`, in their words.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::{
    Error,
    http::{LONGEST_BODY, TokenFault},
};

use crate::answers::{reference, response, with_json};

/// Errors of one status that are told together.
#[derive(Clone, Copy)]
pub struct Refusal {
    name: &'static str,
    description: &'static str,
    /// The errors, each with the name of the example that it becomes.
    errors: fn() -> Vec<(&'static str, Error)>,
}

/// What can be wrong with any body.
pub(crate) const OF_A_BODY: [Refusal; 3] = [INVALID, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE];
/// What API Gateway answers when a function takes longer than it waits: the status, and the name of the response.
pub(crate) const BY_GATEWAY: (u16, &str) = (504, "FunctionTimedOut");
/// What can happen to any request.
pub(crate) const FAULTS: [Refusal; 3] = [THROTTLED, FAULT, UNAVAILABLE];

const WRONG: &str = "What is wrong with the request.";

const INVALID: Refusal =
    Refusal { name: "Invalid", description: WRONG, errors: || vec![fields(), malformed()] };
pub(crate) const INVALID_QUERY: Refusal = Refusal {
    name: "InvalidQuery",
    description: WRONG,
    errors: || vec![("parameters", Error::field("is_phone_verified", "Must be a valid boolean."))],
};
/// Something is wrong with the body, or with the code in it.
pub const OTP_INVALID: Refusal = Refusal {
    name: "InvalidCode",
    description: WRONG,
    errors: || vec![fields(), malformed(), ("code", Error::OtpInvalid)],
};
/// Something is wrong with the body, or with the code for a phone number in it.
pub const PHONE_OTP_INVALID: Refusal = Refusal {
    name: "InvalidPhoneCode",
    description: WRONG,
    errors: || vec![fields(), malformed(), ("code", Error::PhoneOtpInvalid)],
};
/// Something is wrong with the body, or with the registration token in it.
pub const REGISTRATION_TOKEN_INVALID: Refusal = Refusal {
    name: "InvalidRegistrationToken",
    description: WRONG,
    errors: || vec![fields(), malformed(), ("registration-token", Error::RegistrationTokenInvalid)],
};
/// Something is wrong with the body, or nobody would be left who can manage the rest.
pub const INVALID_OR_LAST_STAFF: Refusal = Refusal {
    name: "InvalidOrLastStaffUser",
    description: WRONG,
    errors: || vec![fields(), malformed(), ("last-staff-user", Error::LastStaffUser)],
};
/// No code for a new password can go to the user.
pub const CANNOT_RECOVER: Refusal = Refusal {
    name: "CannotRecover",
    description: "No code can go to the user.",
    errors: || {
        vec![
            ("inactive", Error::InactiveToRecover),
            ("unverified", Error::NothingToRecoverBy),
            ("region", Error::field("phone_number", "Messages to this phone number are not supported.")),
        ]
    },
};
/// Nobody would be left who can manage the rest.
pub const LAST_STAFF: Refusal = Refusal {
    name: "LastStaffUser",
    description: "Somebody has to be able to manage the rest.",
    errors: || vec![("last-staff-user", Error::LastStaffUser)],
};
pub(crate) const NOT_AUTHENTICATED: Refusal = Refusal {
    name: "NotAuthenticated",
    description: "There is no live access token.",
    errors: || {
        vec![("none", Error::NotAuthenticated), ("expired", Error::BearerNotValid(TokenFault::Expired))]
    },
};
/// The login is wrong.
pub const LOGIN_REFUSED: Refusal = Refusal {
    name: "LoginRefused",
    description: "A wrong password, an unknown user or an inactive one, all alike.",
    errors: || vec![("login", Error::NoActiveAccount)],
};
/// The token in the body is no good.
pub const TOKEN_REFUSED: Refusal = Refusal {
    name: "TokenRefused",
    description: "The token in the body is no good, or its user is gone.",
    errors: || {
        vec![
            ("expired", Error::TokenNotValid(TokenFault::Expired)),
            ("blacklisted", Error::TokenNotValid(TokenFault::Blacklisted)),
        ]
    },
};
/// The e-mail address is not verified.
pub const EMAIL_NOT_VERIFIED: Refusal = Refusal {
    name: "EmailNotVerified",
    description: "The password is right, but the e-mail address is not verified.",
    errors: || vec![("email", Error::EmailNotVerified)],
};
/// Others may do this.
pub const FORBIDDEN: Refusal = Refusal {
    name: "Forbidden",
    description: "Only staff may do this or, with a record, only staff and its owner.",
    errors: || vec![("staff", Error::Forbidden)],
};
/// There is no such record for this caller.
pub const NOT_FOUND: Refusal = Refusal {
    name: "NotFound",
    description: "There is no such record for this caller.",
    errors: || {
        [("user", "User"), ("employee", "Employee"), ("session", "Session")]
            .map(|(name, kind)| (name, Error::NotFound(kind)))
            .into()
    },
};
/// The stack does not have it.
pub const SWITCHED_OFF: Refusal = Refusal {
    name: "SwitchedOff",
    description: "A parameter of the stack switches it off.",
    errors: || vec![("off", Error::SwitchedOff)],
};
/// There is no such file, or the stack publishes none.
pub const FILE_NOT_FOUND: Refusal = Refusal {
    name: "FileNotFound",
    description: "There is no such file, or a parameter of the stack switches it off.",
    errors: || vec![("file", Error::NotFound("File")), ("off", Error::SwitchedOff)],
};
/// Tokens have the stack's name, which is no URL.
pub const ISSUER_NOT_FOUND: Refusal = Refusal {
    name: "IssuerNotFound",
    description: "The issuer of tokens is not a URL.",
    errors: || vec![("issuer", Error::NotFound("Issuer"))],
};
pub(crate) const INVALID_PAGE: Refusal = Refusal {
    name: "InvalidPage",
    description: "There is no such page, or the cursor was not made for this caller and list.",
    errors: || vec![("page", Error::InvalidPage), ("cursor", Error::InvalidCursor)],
};
/// No employee has the number.
pub const NOBODY_HAS_IT: Refusal = Refusal {
    name: "EmployeeNotFound",
    description: "The code is right, but nobody has the number.",
    errors: || vec![("number", Error::EmployeeNotFound)],
};
pub(crate) const PRECONDITION_FAILED: Refusal = Refusal {
    name: "PreconditionFailed",
    description: "The record is not in the version that `If-Match` names.",
    errors: || vec![("version", Error::PreconditionFailed)],
};
const BODY_TOO_LARGE: Refusal = Refusal {
    name: "BodyTooLarge",
    description: "The body has more than {longest_body} bytes.",
    errors: || vec![("body", Error::BodyTooLarge)],
};
const UNSUPPORTED_MEDIA_TYPE: Refusal = Refusal {
    name: "UnsupportedMediaType",
    description: "The body is neither JSON nor a form.",
    errors: || vec![("text", Error::UnsupportedMediaType("text/plain".to_owned()))],
};
const THROTTLED: Refusal = Refusal {
    name: "Throttled",
    description: "A limit is used up.",
    errors: || vec![("limit", Error::Throttled(42))],
};
const FAULT: Refusal =
    Refusal { name: "Fault", description: "An internal error.", errors: || vec![("fault", fault())] };
const UNAVAILABLE: Refusal = Refusal {
    name: "Unavailable",
    description: "The API is at its limit, or a service that it needs does not answer.",
    errors: || vec![("fault", Error::Unavailable(String::new()))],
};

fn fields() -> (&'static str, Error) {
    ("fields", Error::field("email", "This field is required."))
}

fn malformed() -> (&'static str, Error) {
    let cause = "JSON parse error - EOF while parsing an object at line 1 column 1";
    ("malformed", Error::Malformed(cause.to_owned()))
}

fn fault() -> Error {
    Error::Internal(String::new())
}

impl Refusal {
    /// Its status and the name of its response.
    pub(crate) fn key(&self) -> (u16, &'static str) {
        let status = (self.errors)().first().map_or(0, |(_, error)| error.status().as_u16());
        (status, self.name)
    }

    /// Its response.
    pub(crate) fn response(&self) -> Value {
        let errors = (self.errors)();
        let headers: &[_] = match self.key().0 {
            401 => &[("x-amzn-Remapped-WWW-Authenticate", "WwwAuthenticate")],
            429 | 503 => &[("Retry-After", "RetryAfter")],
            _ => &[],
        };
        let schema = if errors.iter().any(|(_, error)| matches!(error, Error::Invalid(_))) {
            json!({ "anyOf": [reference("FieldErrors"), reference("Error")] })
        } else {
            reference("Error")
        };
        let examples =
            errors.iter().map(|(name, error)| ((*name).to_owned(), json!({ "value": error.body() })));
        let description = self.description.replace("{longest_body}", &LONGEST_BODY.to_string());
        let mut response = with_json(response(&description, headers), &schema);
        response["content"]["application/json"]["examples"] = Value::Object(examples.collect());
        response
    }
}

/// The responses of refusals that operations give, and of API Gateway without a function.
pub(crate) fn responses(given: impl IntoIterator<Item = Refusal>) -> Value {
    let mut by_gateway = with_json(response("A function has taken too long.", &[]), &reference("Error"));
    by_gateway["content"]["application/json"]["examples"] = json!({ "gateway": { "value": fault().body() } });
    let mut responses: BTreeMap<_, _> =
        given.into_iter().map(|refusal| (refusal.key(), refusal.response())).collect();
    responses.insert(BY_GATEWAY, by_gateway);
    responses
        .into_iter()
        .map(|((_, name), response)| (name.to_owned(), response))
        .collect::<Map<_, _>>()
        .into()
}
