//! The proof of a phone number: its employee's, and its user's.

use super::{
    Holders, Name,
    names::Holder,
    record::{phone_keys, record_key},
};
use crate::{
    App, Error, Request,
    audit::Changed,
    dynamo::{ATTEMPTS, Refused, Write, n, pause_before, s, transact, yes},
    otp::Redeemed,
    phone::Phone,
    time,
    user::{
        self, Account,
        claim::{self, Losses, Name as UserName},
    },
};

/// Who has a phone number.
pub struct Bearers {
    employee: Option<Holder>,
    users: claim::Holders,
}

/// The field that a proof changes.
const VERIFIED: &[&str] = &["is_phone_verified"];

/// Finds who has a phone number.
pub async fn find_bearers(app: &App, phone: &Phone) -> Result<Bearers, Error> {
    let number = phone.e164().to_owned();
    let (of_employee, of_user) = ([Name::Phone(number.clone())], UserName::Phone(number));
    let (employee, users) =
        futures_util::join!(Holders::read(app, &of_employee), claim::read_twins(app, &of_user));
    Ok(Bearers { employee: employee?.0.first().map(|(_, holder)| *holder), users: users? })
}

/// Spends a code that was guessed right: the number of the employee who has it is verified and, if the caller asked for the
/// code and the number is theirs, the caller's. No other user's is: the owner of a phone must not verify the account of a
/// stranger who has registered with their number.
///
/// Gives whose records have changed and in which fields; [`Error::EmployeeNotFound`] when there are none,
/// [`Error::OtpInvalid`] when another request has used the code in the meantime.
pub async fn verify_phone(
    app: &App,
    request: &Request,
    phone: &Phone,
    code: &Redeemed,
    caller: Option<Account>,
    mut bearers: Bearers,
) -> Result<Vec<(Changed, &'static [&'static str])>, Error> {
    let mut user = caller.filter(|account| code.was_asked_for_by(account.user.id));
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            if !code.is_unspent(app).await? {
                return Err(Error::OtpInvalid);
            }
            bearers = find_bearers(app, phone).await?;
            user = match user {
                Some(account) => user::find(app, account.user.id).await?,
                None => None,
            };
        }
        let mut writes = vec![code.spend(app)];
        if let Some(Holder { id, owner }) = bearers.employee {
            let [(by_shard, in_shard), (by_owner, in_owner)] = phone_keys(id, owner, true);
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
        let (mut changed, mut losses) = (Vec::new(), Losses::default());
        if let Some(employee) = bearers.employee {
            changed.push((Changed::Employee(employee.id), VERIFIED));
        }
        if let Some(account) = &user
            && let Some(proof) = user::prove_phone(app, account, phone, &bearers.users)?
        {
            changed.push((Changed::User(account.user.id), proof.fields));
            writes.extend(proof.writes);
            losses = proof.losses;
        }
        match transact(app, writes).await {
            Ok(()) if changed.is_empty() => return Err(Error::EmployeeNotFound),
            Ok(()) => {
                losses.audit(user.map(|account| account.user.id), request.ip());
                return Ok(changed);
            }
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a proof found no quiet moment".into()))
}
