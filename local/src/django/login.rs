//! What the users of a model log in with.

use super::{
    model::Model,
    phone::{Phones, text_of},
    settings::{Login, Settings},
    words::Field,
};

/// What the users of a model log in with, and how that is known.
#[derive(Debug)]
pub(crate) struct LoginWith<'a> {
    pub(crate) login: Login,
    /// The field.
    pub(crate) column: &'a str,
    pub(crate) why: String,
    /// Whether only the order of the fields tells. Then it verifies nothing.
    pub(crate) is_guess: bool,
    /// Whether most usernames are numbers and e-mail addresses: then users logged in with these.
    pub(crate) by_addresses: bool,
}

impl<'a> LoginWith<'a> {
    /// The operator's word goes before everything. Then values tell: a field that is empty everywhere is no identifier, and one
    /// that some users lack is not what all log in with.
    pub(crate) fn of(model: &Model<'a>, settings: &Settings, phones: &Phones) -> Self {
        let count =
            |field| model.objects.iter().filter(|object| model.value(object, field).is_some()).count();
        let (usernames, emails, numbers) = (count(Field::Username), count(Field::Email), count(Field::Phone));
        let all = model.objects.len();
        let (login, why, is_guess) = if let Some(login) = settings.login {
            (login, "--login says so".to_owned(), false)
        } else if usernames > 0 {
            (Login::Username, format!("{usernames} of {all} users have one"), false)
        } else if emails == 0 || numbers == 0 {
            let login = if emails > 0 { Login::Email } else { Login::Phone };
            (login, "users have no other identifier".to_owned(), false)
        } else if emails == all && numbers < all {
            (Login::Email, format!("every user has one, and {numbers} of {all} a phone number"), false)
        } else if numbers == all && emails < all {
            (Login::Phone, format!("every user has one, and {emails} of {all} an e-mail address"), false)
        } else {
            (
                first_named(model),
                "a guess, because the model names it first; --login says what they do".to_owned(),
                true,
            )
        };
        let of_addresses = model.objects.iter().filter(|object| {
            let username = model.value(object, Field::Username).and_then(text_of).unwrap_or_default();
            username.contains('@') || phones.parse_username(&username).is_some()
        });
        let by_addresses = login == Login::Username && 2 * of_addresses.count() > usernames;
        let column = model.columns(login.field()).first().copied().unwrap_or(login.name());
        Self { login, column, why, is_guess, by_addresses }
    }
}

impl Login {
    pub(crate) fn field(self) -> Field {
        match self {
            Self::Username => Field::Username,
            Self::Email => Field::Email,
            Self::Phone => Field::Phone,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Phone => "phone_number",
        }
    }
}

/// The address that the model names first: Django writes fields in the order of the model.
fn first_named(model: &Model<'_>) -> Login {
    let is_address = |column: &&&str| matches!(model.meaning(column), Some(Field::Email | Field::Phone));
    let first = model.names.iter().find(is_address).and_then(|column| model.meaning(column));
    if first == Some(Field::Email) { Login::Email } else { Login::Phone }
}
