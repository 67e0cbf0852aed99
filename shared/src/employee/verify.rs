//! The proof of a phone number: its employee's, and its user's.

use super::{
    Holders, Name,
    names::Holder,
    record::{phone_keys, record_key},
};
use crate::{
    Error,
    audit::Changed,
    client::Client,
    dynamo::{Db, Retry, Write, s, yes},
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
pub async fn find_bearers(db: &Db, phone: &Phone) -> Result<Bearers, Error> {
    let number = phone.e164().to_owned();
    let (of_employee, of_user) = ([Name::Phone(number.clone())], UserName::Phone(number));
    let (employee, users) =
        futures_util::join!(Holders::read(db, &of_employee), claim::read_twins(db, &of_user));
    Ok(Bearers { employee: employee?.0.first().map(|(_, holder)| *holder), users: users? })
}

/// Spends a code that was guessed right: the number of the employee who has it is verified and, if the caller asked for the
/// code and the number is theirs, the caller's. No other user's is: the owner of a phone must not verify the account of a
/// stranger who has registered with their number.
///
/// Gives whose records have changed and in which fields; [`Error::EmployeeNotFound`] when there are none,
/// [`Error::OtpInvalid`] when another request has used the code in the meantime.
pub async fn verify_phone(
    db: &Db,
    client: &Client,
    phone: &Phone,
    code: &Redeemed,
    caller: Option<Account>,
    mut bearers: Bearers,
) -> Result<Vec<(Changed, &'static [&'static str])>, Error> {
    let mut user = caller.filter(|account| code.was_asked_for_by(account.user.id));
    let mut retry = Retry::of("the verification of a phone number");
    loop {
        let mut writes = vec![code.spend(db)];
        let (mut changed, mut losses) = (Vec::new(), Losses::default());
        if let Some(employee) = bearers.employee {
            writes.push(verify(db, employee, phone));
            changed.push((Changed::Employee(employee.id), VERIFIED));
        }
        if let Some(account) = &user
            && let Some(proof) = user::prove_phone(db, account, phone, &bearers.users)?
        {
            changed.push((Changed::User(account.user.id), proof.fields));
            writes.extend(proof.writes);
            losses = proof.losses;
        }
        if db.transact(writes).await? {
            if changed.is_empty() {
                return Err(Error::EmployeeNotFound);
            }
            losses.audit(user.map(|account| account.user.id), client.ip());
            return Ok(changed);
        }
        retry.again().await?;
        if !code.is_unspent(db).await? {
            return Err(Error::OtpInvalid);
        }
        bearers = find_bearers(db, phone).await?;
        user = match user {
            Some(account) => user::find(db, account.user.id).await?,
            None => None,
        };
    }
}

/// The write that verifies the number of an employee who has it.
fn verify(db: &Db, employee: Holder, phone: &Phone) -> Write {
    let write = Write::update(&db.tables.employees, record_key(employee.id))
        .if_equals("phone_number", s(phone.e164()))
        .set("is_phone_verified", yes())
        .set("updated_at", s(time::now().to_string()))
        .increment_version();
    let keys = phone_keys(employee.id, employee.owner, true);
    keys.into_iter().fold(write, |write, (name, value)| write.set(name, s(value)))
}
