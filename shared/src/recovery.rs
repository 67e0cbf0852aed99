//! Codes for a new password that staff ask for. They go to the user; staff see neither the code nor the password.

use futures_util::join;

use crate::{
    App, Error,
    client::Client,
    dynamo::{Db, Retry},
    email, log,
    otp::{self, Channel, Limits, Purpose, Record, throttle_of_stack},
    phone::{Phone, Reach},
    throttle, time,
    user::{self, Account, User, claim},
};

/// Sends a code for a new password to the verified e-mail address of a user or, when they have none, to their verified number. Gives
/// how it goes out.
///
/// It is limited by what was really sent there: strangers who ask in vain do not stop it. The code is written in the version in
/// which the user was read, so that no code outlives a password that is changed at the same moment.
pub async fn send(app: &App, client: &Client, mut account: Account) -> Result<Channel, Error> {
    let mut retry = Retry::of("a code");
    loop {
        let (record, address) = code_for(&account.user, client)?;
        let record = record.by_staff(account.known_networks.clone());
        let channel = record.channel;
        let stored = async {
            match channel {
                Channel::Sms => store_text(&app.db, &account, &record, &address).await,
                Channel::Email | Channel::None => store(&app.db, &account, &record, &address).await,
            }
        };
        // Strangers who have guessed at an earlier code do not keep this one from its user.
        let (is_stored, forgotten) = join!(stored, otp::forget_guesses(&app.db, &address));
        if let Err(error) = forgotten {
            // The code is good where its user is known, and staff can unlock them.
            log::failed_call(&error.cause(), "guesses were not forgotten");
        }
        if is_stored? {
            return Ok(channel);
        }
        retry.again().await?;
        account = user::find(&app.db, account.user.id).await?.ok_or(Error::NotFound("User"))?;
    }
}

/// The code, and the address or number to which it goes, in its unique form.
fn code_for(user: &User, client: &Client) -> Result<(Record, String), Error> {
    if !user.is_active {
        return Err(Error::InactiveToRecover);
    }
    if user.is_email_verified && !user.email.is_empty() {
        let code = Record::by_email(Purpose::ResetPassword, &user.email, Some(user.id), client)?;
        return Ok((code.in_language(user.language()), email::key(&user.email)));
    }
    let number = user.phone_number.as_ref().filter(|_| user.is_phone_verified);
    let number = number.ok_or(Error::NothingToRecoverBy)?;
    let phone = Reach::from_env()?.check(Phone::stored(number));
    let phone = phone.map_err(|complaint| Error::field("phone_number", complaint))?;
    let code = Record::recovery_by_sms(&phone, Some(user.id), client)?;
    Ok((code.in_language(user.language()), number.clone()))
}

/// The same as [`store`], counted as a text message of the stack if it is sent.
async fn store_text(db: &Db, account: &Account, record: &Record, address: &str) -> Result<bool, Error> {
    let [counted] = throttle::admit(db, [throttle_of_stack()?]).await?;
    let stored = store(db, account, record, address).await;
    if !matches!(stored, Ok(true)) {
        throttle::take_back(db, &counted).await;
    }
    stored
}

/// Writes the code, as far as the limits of the address allow. False when the user has changed since they were read, or another code
/// was sent at the same moment.
async fn store(db: &Db, account: &Account, record: &Record, address: &str) -> Result<bool, Error> {
    let sent = claim::read(db, &[], Some(address)).await?.allowance;
    let allowance = sent.send(record.purpose, time::seconds(time::now()), Limits::from_env()?)?;
    let writes = [account.if_unchanged(db), record.write(db, address)?, allowance.write(db, address)?];
    db.transact(writes.into()).await
}
