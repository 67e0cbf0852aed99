//! The proof of a phone number: its employee's, and its user's.

use super::{Holder, Holders, Name, list, record_key};
use crate::{
    App, Error,
    claim::{self, Name as UserName},
    dynamo::{ATTEMPTS, Refused, Write, n, pause_before, s, transact, yes},
    log::Changed,
    otp::Redeemed,
    phone::Phone,
    time, user,
};

/// Who has a phone number.
pub struct Bearers {
    employee: Option<Holder>,
    user: Option<user::Id>,
}

/// Finds who has a phone number.
pub async fn find_bearers(app: &App, phone: &Phone) -> Result<Bearers, Error> {
    let number = phone.e164().to_owned();
    let (of_employee, of_user) = ([Name::Phone(number.clone())], UserName::Phone(number));
    let (employee, user) = futures_util::join!(Holders::read(app, &of_employee), claim::find(app, &of_user));
    Ok(Bearers {
        employee: employee?.0.first().map(|(_, holder)| *holder),
        user: user?.map(|holder| holder.user_id),
    })
}

/// Spends a code that was guessed right: the employee who has the number is proven, and the user who had it when the code was
/// asked for. If the employee's record is not that user's own, they must have asked for it themselves: who proves a number to
/// their employer must not prove the account of a stranger who has registered with it. Gives whose records say so now;
/// [`Error::EmployeeNotFound`] when nobody has the number, [`Error::OtpInvalid`] when another request has used the code
/// meanwhile.
pub async fn verify_phone(
    app: &App,
    phone: &Phone,
    code: &Redeemed,
    mut bearers: Bearers,
) -> Result<Vec<Changed>, Error> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            if !code.is_unspent(app).await? {
                return Err(Error::OtpInvalid);
            }
            bearers = find_bearers(app, phone).await?;
        }
        let mut writes = vec![code.spend(app)?];
        if let Some(Holder { id, owner }) = bearers.employee {
            let [(by_shard, in_shard), (by_owner, in_owner)] = list::phone_keys(id, owner, true);
            let proven = Write::to(&app.tables.employees)
                .when("phone_number = :number")
                .value("number", s(phone.e164()))
                .value("yes", yes())
                .value("one", n(1))
                .value("now", s(time::now().to_string()))
                .value("in_shard", s(in_shard))
                .value("in_owner", s(in_owner));
            let set = format!(
                "SET is_phone_verified = :yes, updated_at = :now, version = version + :one, \
                 {by_shard} = :in_shard, {by_owner} = :in_owner"
            );
            writes.push(proven.update(record_key(id), &set)?);
        }
        let is_theirs = |user: user::Id| bearers.employee.is_none_or(|employee| employee.owner == user);
        let user = bearers.user.filter(|user| code.user_id == Some(*user));
        let user = user.filter(|user| code.by_themselves || is_theirs(*user));
        if let Some(user) = user {
            writes.extend(user::prove_phone(app, user, phone.e164())?);
        }
        match transact(app, writes).await {
            Ok(()) if bearers.employee.is_none() && user.is_none() => return Err(Error::EmployeeNotFound),
            Ok(()) => {
                let employee = bearers.employee.map(|employee| Changed::Employee(employee.id));
                return Ok(employee.into_iter().chain(user.map(Changed::User)).collect());
            }
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a proof found no quiet moment".into()))
}
