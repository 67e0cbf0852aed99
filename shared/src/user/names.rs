//! The unique names that a request speaks of, and who may have them.

use super::{
    claim::{Holders, Name, PROVEN, Terms},
    username::Username,
};
use crate::{
    Error,
    client::Client,
    config::{self, Policy},
    email::Email,
    error::FieldErrors,
    id::Id,
    phone::Phone,
    throttle::{HOUR, Throttle},
};

/// The limit on names asked for from one network, by registrations and by changes.
pub fn throttle_of_names(client: &Client) -> Result<Throttle, Error> {
    let most = config::number("REGISTRATIONS_PER_IP_PER_HOUR")?;
    Ok(Throttle::new("registrations_from", &client.network(), HOUR).at_most(most, "made"))
}

/// The unique names among these.
#[must_use]
pub fn names(username: Option<&Username>, email: Option<&Email>, phone: Option<&Phone>) -> Vec<Name> {
    let username = username.map(|username| Name::Username(username.key()));
    let email = email.map(|email| Name::Email(email.key()));
    let phone = phone.map(|phone| Name::Phone(phone.e164().to_owned()));
    username.into_iter().chain(email).chain(phone).collect()
}

/// For how many seconds nobody can take over an address that is not verified; `None` is for good.
fn reservation() -> Result<Option<u64>, Error> {
    Ok(match Policy::from_env()? {
        Policy::Strict => Some(config::number("OTP_LIFETIME_SECONDS")?),
        Policy::Seeds => None,
    })
}

/// How one is had that nothing has proven yet.
pub(super) fn unproven() -> Result<Terms, Error> {
    Ok(Terms { verified: false, reserved_for: reservation()?, ..PROVEN })
}

/// Complaints about names that `user`, who has proven none of them, cannot have because another user has them. Who is only
/// about to register has no id yet: nil.
pub fn taken(names: &[Name], holders: &Holders, user: Id) -> Result<FieldErrors, Error> {
    let claimed = Terms { verified: false, ..PROVEN };
    taken_on(names.iter().map(|name| (name, &claimed)), holders, user)
}

/// The same for names that are to be had on these terms.
pub(super) fn taken_on<'a>(
    wanted: impl Iterator<Item = (&'a Name, &'a Terms)>,
    holders: &Holders,
    user: Id,
) -> Result<FieldErrors, Error> {
    let mut complaints = FieldErrors::new();
    for (name, terms) in wanted {
        if holders.refuse(name, user, terms)? {
            complaints.insert(name.field(), vec![name.taken().into()]);
        }
    }
    Ok(complaints)
}
