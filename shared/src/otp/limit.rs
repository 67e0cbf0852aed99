//! How many codes may be asked for.

use crate::{
    Error,
    client::Client,
    config,
    id::Id,
    phone::Phone,
    throttle::{DAY, HOUR, Throttle},
};

/// As many users can use up what they may ask for to verify one number, before there is no more for that number.
const CLAIMANTS: u64 = 5;

/// The limit on codes asked for from one network.
pub fn throttle_of(client: &Client) -> Result<Throttle, Error> {
    Ok(Throttle::new("codes_from", &client.network(), HOUR)
        .at_most(config::number("OTP_PER_IP_PER_HOUR")?, "sent"))
}

/// The limit on new addresses of one user, each of which tells the present one.
pub fn throttle_of_changes(user: Id) -> Result<Throttle, Error> {
    Ok(Throttle::new("changes_of", &user.stored(), HOUR).at_most(config::number("OTP_PER_HOUR")?, "staged"))
}

/// The brake on text messages of the whole stack: whoever makes it send them to their own expensive numbers earns nothing
/// after so many a day.
pub(crate) fn throttle_of_stack() -> Result<Throttle, Error> {
    Ok(Throttle::new("sms", "", DAY).at_most(config::number("SMS_PER_DAY")?, "sent"))
}

/// The limit on codes that all users together ask for to verify one number as their own, beside what each may ask for.
pub(crate) fn throttle_of_claimants(phone: &Phone) -> Result<Throttle, Error> {
    let most = CLAIMANTS * config::number("OTP_PER_DAY")?;
    Ok(Throttle::new("codes_of_claimants", phone.e164(), DAY).at_most(most, "sent"))
}
