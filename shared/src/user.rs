//! Users: what the API shows of them, how they are stored, and every write that touches one of their unique names.

pub mod claim;
mod delete;
mod edit;
mod fields;
mod import;
mod list;
mod logins;
mod names;
mod notices;
mod password;
mod pending;
mod record;
mod register;
mod staff;
mod superuser;
pub(crate) mod token_user;
mod update;
mod username;
mod verify;

pub use crate::id::Id;
pub use delete::delete;
pub use edit::{Edit, EditForm};
pub use fields::FIELDS;
pub use import::{delete_imported, import};
pub use list::{List, Unseen, list};
pub use logins::{LOGIN_LENGTH, end_sessions, forget_login, log_in_by_code, login_text, note_login};
pub use names::{names, taken, throttle_of_names};
pub use password::{change_password, recover_password};
pub(crate) use record::rewrite;
pub use record::{Account, PROJECTED, User, find, searched_fields};
pub use register::{Registration, register, register_by_phone};
pub use superuser::{Promoted, Superuser, create_or_promote};
pub use username::key as username_key;
pub use username::{LONGEST as USERNAME_LENGTH, Username};
pub(crate) use verify::prove_phone;
pub use verify::verify_email;
