//! What a function's file says of the function.

use serde_json::Value;

use crate::Operation;

/// What a function does for clients.
pub enum Declared {
    /// It answers these requests.
    Operations(Vec<Operation>),
    /// It answers none, and takes events such as this one.
    Event(Value),
}

impl From<Operation> for Declared {
    fn from(operation: Operation) -> Self {
        Self::Operations(vec![operation])
    }
}

impl<const N: usize> From<[Operation; N]> for Declared {
    fn from(operations: [Operation; N]) -> Self {
        Self::Operations(operations.into())
    }
}

impl From<Value> for Declared {
    fn from(event: Value) -> Self {
        Self::Event(event)
    }
}

/// Operations that belong together: a tag of the document.
#[expect(missing_docs, reason = "they are described below")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Registration,
    Tokens,
    Sessions,
    Profile,
    Passwords,
    Employees,
    PhoneNumbers,
    Users,
    About,
}

impl Group {
    /// The groups in their order, each with its name and what it is about.
    pub(crate) const ALL: [(Self, &str, &str); 9] = [
        (Self::Registration, "Registration", "Accounts by e-mail address, and its proof by a one-time code."),
        (Self::Tokens, "Tokens", "Logging in and out."),
        (Self::Sessions, "Sessions", "What the caller is logged in with."),
        (Self::Profile, "Profile", "The caller."),
        (Self::Passwords, "Passwords", "New ones for old ones, and for codes."),
        (
            Self::Employees,
            "Employees",
            "The directory: everybody keeps their own records, staff see and manage all.",
        ),
        (
            Self::PhoneNumbers,
            "Phone numbers",
            "Accounts by phone number, and proofs of numbers by one-time codes.",
        ),
        (Self::Users, "Users", "For staff; for others, themselves."),
        (Self::About, "About", "The API about itself."),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(group, ..)| *group == self).map_or("", |(_, name, _)| name)
    }
}
