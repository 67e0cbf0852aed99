//! Requests and answers, in the words of Django REST Framework.

mod body;
mod cors;
mod html;
mod published;
mod reply;
mod request;

pub use crate::{
    error::{Error, FieldErrors, TokenFault},
    form::{Form, Patch},
    precondition::Precondition,
};
pub use body::LONGEST_BODY;
pub(crate) use body::cut;
pub(crate) use cors::Cors;
pub use cors::preflight;
pub use html::{Html, csp_hash};
pub use published::Published;
pub(crate) use reply::finish;
pub use reply::{Reply, Response, json, json_in_version, json_linked, json_public, no_content};
pub use request::Request;
pub(crate) use request::keep_all_lines;
