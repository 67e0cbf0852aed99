//! Requests, the fields of their bodies, answers and errors, in the words of Django REST Framework.

mod error;
mod form;
mod html;
mod reply;
mod request;

pub use error::{Error, FieldErrors, TokenFault};
pub(crate) use form::{BLANK, at_most};
pub use form::{Form, Patch};
pub use html::{Html, csp_hash, html};
pub(crate) use reply::finish;
pub use reply::{Reply, Response, json, json_in_version, json_public, no_content, text_public};
pub use request::{LONGEST_BODY, Precondition, Request};
pub(crate) use request::{cut, network_of};
