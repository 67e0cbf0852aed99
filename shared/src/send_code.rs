//! Codes that strangers ask for.

use futures_util::join;

use crate::{
    App, Error, Form, Request, audit,
    dynamo::Retry,
    email::Email,
    id::Id,
    otp::{
        Channel, Limits, Purpose, Record, address_of_claimant, throttle_of, throttle_of_claimants,
        throttle_of_stack,
    },
    phone::Phone,
    throttle::{self, Counted},
    time,
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
    let throttle = throttle_of(request.client())?;
    let (admitted, holders) =
        join!(throttle::admit(&app.db, [throttle]), claim::read(&app.db, &names, address.as_deref()));
    let counted = admitted?;
    let sent = async {
        let (mut form, holders) = (form?, holders?);
        let (Some(email), Some(name)) = (email, names.first()) else { return Err(form.complaints()) };
        let record = |holder: Option<&Holder>| {
            let user = holder.filter(|holder| concerns(holder)).map(|holder| holder.user_id);
            let spelling = holder.and_then(|holder| holder.spelling.as_deref());
            let code = Record::by_email(purpose, spelling.unwrap_or(email.typed()), user, request.client())?;
            Ok(Some(code.in_language(holder.map_or("", Holder::language))))
        };
        store(app, name, &email.key(), holders, record).await.map(drop)
    };
    throttle::settle(&app.db, &counted, sent).await
}

/// Writes the record that `record` makes, when it sees who has the name, in place of any other of its purpose and address,
/// as far as the address's limits allow. False when it makes none, or a decoy: then nothing is sent.
pub(crate) async fn store(
    app: &App,
    name: &Name,
    address: &str,
    mut holders: Holders,
    record: impl Fn(Option<&Holder>) -> Result<Option<Record>, Error>,
) -> Result<bool, Error> {
    let limits = Limits::from_env()?;
    let mut retry = Retry::of("a code");
    loop {
        let Some(record) = record(holders.of(name))? else { return Ok(false) };
        let (is_sent, now) = (record.channel != Channel::None, time::seconds(time::now()));
        let allowance = holders.allowance.ask(record.purpose, is_sent, now, limits)?;
        let writes = vec![record.write(&app.db, address)?, allowance.write(&app.db, address)?];
        if app.db.transact(writes).await? {
            return Ok(is_sent);
        }
        retry.again().await?;
        holders = claim::read(&app.db, std::slice::from_ref(name), Some(address)).await?;
    }
}

/// Whether a code can verify the number of this account: it claims the number, and no other user has verified it.
fn may_verify(account: &Account, phone: &Phone, holder: Option<&Holder>) -> bool {
    let is_anothers = holder.is_some_and(|holder| holder.verified && holder.user_id != account.user.id);
    account.claims(phone) && !is_anothers
}

/// A request for a code to a phone number: what is counted and loaded before it is known what is sent.
pub struct Asked {
    form: Result<Form, Error>,
    phone: Option<Phone>,
    counted: Result<[Counted; 2], Error>,
    holders: Result<Holders, Error>,
    has_decoys: bool,
}

/// Counts the request against the limits of its network and of the whole stack, and loads who has the number.
pub async fn ask(
    app: &App,
    request: &Request,
    form: Result<Form, Error>,
    phone: Option<Phone>,
) -> Result<Asked, Error> {
    let limits = [throttle_of(request.client())?, throttle_of_stack()?];
    let (names, number) = (names_of(phone.as_ref()), phone.as_ref().map(Phone::e164));
    let (counted, holders) = join!(throttle::admit(&app.db, limits), claim::read(&app.db, &names, number));
    Ok(Asked { form, phone, counted, holders, has_decoys: false })
}

impl Asked {
    /// The same where the answer must not tell whether a code was sent: then both cases take one write more, and the same time.
    #[must_use]
    pub fn with_decoys(self) -> Self {
        Self { has_decoys: true, ..self }
    }
}

fn names_of(phone: Option<&Phone>) -> Vec<Name> {
    phone.iter().map(|phone| Name::Phone(phone.e164().to_owned())).collect()
}

/// Sends a code to a phone number that a stranger typed, if `record`, which sees who has the number and which user the code can
/// verify, makes one; returns whether it did.
///
/// What is not sent is taken back from the stack's count, so that nobody can use it up by asking in vain.
pub async fn by_sms(
    app: &App,
    request: &Request,
    Asked { form, phone, counted, holders, has_decoys }: Asked,
    asker: Result<Option<Account>, Error>,
    record: impl Fn(&Phone, Option<&Holder>, Option<&Account>) -> Result<Option<Record>, Error>,
) -> Result<bool, Error> {
    let number = phone.as_ref().map(Phone::e164).unwrap_or_default();
    let [of_network, of_stack] =
        counted.inspect_err(|error| audit::throttled(error, number, request.ip()))?;
    let sent = async {
        let (mut form, holders, asker) = (form?, holders?, asker?);
        let Some(phone) = &phone else { return Err(form.complaints()) };
        let name = Name::Phone(phone.e164().to_owned());
        match asker.filter(|account| may_verify(account, phone, holders.of(&name))) {
            None => store(app, &name, phone.e164(), holders, |holder| record(phone, holder, None)).await,
            Some(account) => {
                let record = |holder: Option<&Holder>| record(phone, holder, Some(&account));
                store_for_claimant(app, &name, phone, account.user.id, record).await
            }
        }
    };
    let sent = throttle::settle(&app.db, &[of_network], sent).await;
    if !matches!(sent, Ok(true)) {
        throttle::take_back(&app.db, &of_stack).await;
    } else if has_decoys {
        throttle::keep(&app.db, &of_stack).await;
    }
    sent
}

/// Writes a code for a user who asks for it to verify the number as their own: see [`address_of_claimant`].
async fn store_for_claimant(
    app: &App,
    name: &Name,
    phone: &Phone,
    user: Id,
    record: impl Fn(Option<&Holder>) -> Result<Option<Record>, Error>,
) -> Result<bool, Error> {
    let address = address_of_claimant(phone.e164(), user);
    let limit = [throttle_of_claimants(phone)?];
    let names = std::slice::from_ref(name);
    let (counted, holders) =
        join!(throttle::admit(&app.db, limit), claim::read(&app.db, names, Some(&address)));
    let [counted] = counted?;
    let sent = match holders {
        Ok(holders) => store(app, name, &address, holders, record).await,
        Err(error) => Err(error),
    };
    if !matches!(sent, Ok(true)) {
        throttle::take_back(&app.db, &counted).await;
    }
    sent
}
