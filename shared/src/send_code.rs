//! Codes that strangers ask for.

use futures_util::join;

use crate::{
    App, Bearer, Error, Form, Request, audit,
    dynamo::{ATTEMPTS, Refused, pause_before, transact},
    email::Email,
    otp::{
        Channel, Limits, Purpose, Record, address_of_claimant, throttle_of, throttle_of_claimants,
        throttle_of_stack,
    },
    phone::Phone,
    throttle, time,
    user::{
        Account,
        claim::{self, Holder, Holders, Name},
    },
};

/// Answers a stranger who asks for a code to the `email` of the body: one is sent if somebody has the address and
/// `concerns` them. Whether it was is not to be seen: the same limits hold, the same records are read, and the same ones are
/// written, by a decoy that nobody receives.
pub async fn by_email(
    app: &App,
    request: &Request,
    purpose: Purpose,
    concerns: impl Fn(&Holder) -> bool,
) -> Result<(), Error> {
    // A broken body counts like any other attempt, and a limit is told before what is wrong with it.
    let mut form = request.form();
    let email = form.as_mut().ok().and_then(|form| form.required("email", Email::parse));
    let names: Vec<_> = email.iter().map(|email| Name::Email(email.key())).collect();
    let address = email.as_ref().map(Email::key);
    let throttle = throttle_of(request)?;
    let (admitted, holders) =
        join!(throttle::admit(app, [throttle]), claim::read(app, &names, address.as_deref()));
    let counted = admitted?;
    let sent = async {
        let (mut form, holders) = (form?, holders?);
        let (Some(email), Some(name)) = (email, names.first()) else { return Err(form.complaints()) };
        let record = |holder: Option<&Holder>| {
            let user = holder.filter(|holder| concerns(holder)).map(|holder| holder.user_id);
            Record::by_email(purpose, email.typed(), user, request).map(Some)
        };
        store(app, name, &email.key(), holders, record).await.map(drop)
    };
    throttle::settle(app, &counted, sent).await
}

/// Writes the record that `record` makes, when it sees who has the name, in place of any other of its purpose and address,
/// as far as the address's limits allow. False when it makes none.
async fn store(
    app: &App,
    name: &Name,
    address: &str,
    mut holders: Holders,
    record: impl Fn(Option<&Holder>) -> Result<Option<Record>, Error>,
) -> Result<bool, Error> {
    let limits = Limits::from_env()?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            holders = claim::read(app, std::slice::from_ref(name), Some(address)).await?;
        }
        let Some(record) = record(holders.of(name))? else { return Ok(false) };
        let (is_sent, now) = (record.channel != Channel::None, time::seconds(time::now()));
        let allowance = holders.allowance.ask(record.purpose, is_sent, now, limits)?;
        match transact(app, vec![record.write(app, address)?, allowance.write(app, address)?]).await {
            Ok(()) => return Ok(true),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a code found no quiet moment".into()))
}

/// Whether a code can verify the number of this account: it claims the number, and no other user has verified it.
fn may_verify(account: &Account, phone: &Phone, holder: Option<&Holder>) -> bool {
    let is_anothers = holder.is_some_and(|holder| holder.verified && holder.user_id != account.user.id);
    account.claims(phone) && !is_anothers
}

/// Sends a code to a phone number that a stranger typed, if `record`, which sees who has the number and which user the code can
/// verify, makes one; says whether it did.
///
/// The request's network and the whole stack are counted before anything is known; what is not sent is taken back from the
/// stack's count, so that nobody can use it up by asking in vain.
pub async fn by_sms(
    app: &App,
    request: &Request,
    asker: Option<&Bearer>,
    form: Result<Form, Error>,
    phone: Option<Phone>,
    record: impl Fn(&Phone, Option<&Holder>, Option<&Account>) -> Result<Option<Record>, Error>,
) -> Result<bool, Error> {
    let names: Vec<_> = phone.iter().map(|phone| Name::Phone(phone.e164().to_owned())).collect();
    let number = phone.as_ref().map(Phone::e164);
    let limits = [throttle_of(request)?, throttle_of_stack()?];
    let (admitted, holders, asker) = join!(
        throttle::admit(app, limits),
        claim::read(app, &names, number),
        Bearer::account_if_given(asker, app)
    );
    let [of_network, of_stack] =
        admitted.inspect_err(|error| audit::throttled(error, number.unwrap_or_default(), request.ip()))?;
    let sent = async {
        let (mut form, holders, asker) = (form?, holders?, asker?);
        let (Some(phone), Some(name)) = (&phone, names.first()) else { return Err(form.complaints()) };
        let Some(account) = asker.filter(|account| may_verify(account, phone, holders.of(name))) else {
            return store(app, name, phone.e164(), holders, |holder| record(phone, holder, None)).await;
        };
        let address = address_of_claimant(phone.e164(), account.user.id);
        let (admitted, holders) = join!(
            throttle::admit(app, [throttle_of_claimants(phone)?]),
            claim::read(app, &names, Some(&address))
        );
        let [of_claimants] = admitted?;
        let sent = match holders {
            Ok(holders) => {
                store(app, name, &address, holders, |holder| record(phone, holder, Some(&account))).await
            }
            Err(error) => Err(error),
        };
        if !matches!(sent, Ok(true)) {
            throttle::take_back(app, &of_claimants).await;
        }
        sent
    };
    let sent = throttle::settle(app, &[of_network], sent).await;
    if !matches!(sent, Ok(true)) {
        throttle::take_back(app, &of_stack).await;
    }
    sent
}
