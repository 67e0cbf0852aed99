//! Logging in with a code in place of the password: for users who are not staff, by an e-mail address or a phone number that they have
//! verified.
//!
//! A code carries the epoch of its user, as a session does, and dies like one: with a new password, when the user is switched off, and
//! when all their sessions are ended.

use futures_util::join;

use crate::{
    App, Error, Form, Request,
    audit::{self, Event},
    config,
    dynamo::Retry,
    email::{self, Email},
    log, login,
    otp::{Channel, Purpose, Record, Redeemed, throttle_of, throttle_of_stack},
    phone::{Phone, PhoneRules, Reach},
    send_code::store,
    session,
    throttle::{self, Counted},
    token::Pair,
    user::{
        self, Account, Id, User,
        claim::{self, Holder, Name},
    },
};

/// By what users log in with a code.
pub struct Ways {
    by_email: bool,
    by_phone: bool,
    phones: PhoneRules,
    reach: Reach,
}

/// Where a code goes.
pub enum To {
    /// An e-mail address.
    Email(Email),
    /// A phone number.
    Phone(Phone),
}

impl Ways {
    /// From `LOGIN_BY_CODE`; [`Error::SwitchedOff`] when there is none.
    pub fn from_env() -> Result<Self, Error> {
        let (by_email, by_phone) = match config::text("LOGIN_BY_CODE")?.as_str() {
            "off" => return Err(Error::SwitchedOff),
            "email" => (true, false),
            "phone" => (false, true),
            "both" => (true, true),
            other => return Err(Error::internal(format!("LOGIN_BY_CODE is no way to log in: {other}"))),
        };
        Ok(Self { by_email, by_phone, phones: PhoneRules::from_env()?, reach: Reach::from_env()? })
    }

    /// The `email` of a body or, where there is none, its `phone_number`. A field by which nobody logs in is not looked at.
    pub fn read(&self, form: &mut Form) -> Option<To> {
        let has_phone_alone = form.has("phone_number") && !form.has("email");
        if self.by_phone && (has_phone_alone || !self.by_email) {
            let parse = |text: &str| self.phones.parse(text).and_then(|phone| self.reach.check(phone));
            return form.required("phone_number", parse).map(To::Phone);
        }
        form.required("email", Email::parse).map(To::Email)
    }
}

impl To {
    /// The address or number in its unique form.
    #[must_use]
    pub fn name(&self) -> Name {
        match self {
            Self::Email(email) => Name::Email(email.key()),
            Self::Phone(phone) => Name::Phone(phone.e164().to_owned()),
        }
    }

    /// A code for this user, or a decoy. It goes to the address as the user wrote it, not as somebody typed it now.
    fn code(&self, user: Option<&Account>, request: &Request) -> Result<Record, Error> {
        let (channel, to) = match self {
            Self::Email(email) => {
                (Channel::Email, user.map_or(email.typed(), |user| user.user.email.as_str()))
            }
            Self::Phone(phone) => (Channel::Sms, phone.e164()),
        };
        let code =
            Record::to_log_in(channel, to, user.map(|user| (user.user.id, user.epoch)), request.client())?;
        Ok(code.in_language(user.map_or("", |user| user.user.language())))
    }
}

/// Whether a user logs in with a code that goes there.
fn logs_in_by(user: &User, name: &Name) -> bool {
    let is_verified = match name {
        Name::Email(address) => user.is_email_verified && email::key(&user.email) == *address,
        Name::Phone(number) => user.is_phone_verified && user.phone_number.as_ref() == Some(number),
        Name::Username(_) => false,
    };
    is_verified && user.is_active && !user.is_staff
}

/// Answers a stranger who asks for a code to log in: one is sent if it is of use to the user who has the address or number. Whether it
/// was is not to be seen: the same limits hold, the same records are read, and the same ones are written, by a decoy that nobody
/// receives.
pub async fn ask(app: &App, request: &Request) -> Result<To, Error> {
    let ways = Ways::from_env()?;
    // A broken body counts like any other attempt, and a limit is told before what is wrong with it.
    let mut form = request.form();
    let to = form.as_mut().ok().and_then(|form| ways.read(form));
    let name = to.as_ref().map(To::name);
    let address = name.as_ref().map(Name::text);
    let is_text = matches!(to, Some(To::Phone(_)));
    let (counted, holders) =
        join!(count(app, request, is_text), claim::read(&app.db, name.as_slice(), address));
    let audit = |error: &Error| audit::throttled(error, address.unwrap_or_default(), request.ip());
    let (of_network, of_stack) = counted.inspect_err(audit)?;
    let sent = throttle::settle(&app.db, &[of_network], async {
        let (mut form, holders) = (form?, holders?);
        let (Some(to), Some(name)) = (&to, &name) else { return Err(form.complaints()) };
        // Nobody has the nil id: for an unknown address a user is read, too.
        let holder = holders.of(name).map_or(Id::nil(), |holder| holder.user_id);
        let account = user::find(&app.db, holder).await?.filter(|account| logs_in_by(&account.user, name));
        let code = |holder: Option<&Holder>| {
            let account = account
                .as_ref()
                .filter(|account| holder.is_some_and(|holder| holder.user_id == account.user.id));
            to.code(account, request).map(Some)
        };
        store(app, name, name.text(), holders, code).await
    })
    .await;
    // What is not sent is taken back from the stack's count, with the same write that leaves it.
    match (&of_stack, &sent) {
        (Some(counted), Ok(true)) => throttle::keep(&app.db, counted).await,
        (Some(counted), _) => throttle::take_back(&app.db, counted).await,
        (None, _) => {}
    }
    sent?;
    to.ok_or_else(|| Error::internal("a code that went nowhere"))
}

/// Counts the request against the limit of its network and, for a text message, that of the whole stack.
async fn count(app: &App, request: &Request, is_text: bool) -> Result<(Counted, Option<Counted>), Error> {
    let of_network = throttle_of(request.client())?;
    if is_text {
        let [of_network, of_stack] = throttle::admit(&app.db, [of_network, throttle_of_stack()?]).await?;
        return Ok((of_network, Some(of_stack)));
    }
    let [of_network] = throttle::admit(&app.db, [of_network]).await?;
    Ok((of_network, None))
}

/// Logs in the user to whose address or number the code went. Every reason to refuse it is [`Error::OtpInvalid`].
pub async fn log_in(app: &App, request: &Request, name: &Name, guess: &str) -> Result<Pair, Error> {
    let audit = |error: &Error| audit::code_refused(error, name.text(), request.ip());
    let redeemed = app.codes().redeem(request.client(), Purpose::LogIn, name.text(), guess).await;
    let code = redeemed.inspect_err(audit)?;
    let user = code.holder()?;
    let begun = code.use_for(&app.db, begin(app, request, name, user, &code)).await;
    let tokens = begun.inspect_err(audit)?;
    audit::user(Event::LoggedIn, user, request.ip());
    Ok(tokens)
}

/// Begins a session with a code that was guessed right, in one transaction that uses it up: of two who have it, one logs in. When
/// another request has changed the user since they were read, they are read again.
async fn begin(app: &App, request: &Request, name: &Name, user: Id, code: &Redeemed) -> Result<Pair, Error> {
    let (found, key) = join!(user::find(&app.db, user), app.signing_key());
    let (mut found, key) = (found?, key?);
    let mut retry = Retry::of("a login");
    loop {
        let is_its_user =
            |account: &Account| code.epoch == Some(account.epoch) && logs_in_by(&account.user, name);
        let account = found.filter(is_its_user).ok_or(Error::OtpInvalid)?;
        let session = session::begin(&account, account.epoch, request.client())?;
        // The right code shows whose account it is: strangers' failures must not keep its owner out.
        let (begun, unlocked) = join!(
            user::log_in_by_code(&app.db, &account, request.client(), code, &session),
            login::unlock_recovered(app, &account.user, name.text()),
        );
        if let Err(error) = unlocked {
            // The login stands; failures of before pass by themselves.
            log::failed_call(&error.cause(), "failures were not cleared");
        }
        if begun? {
            return session.tokens(&key, &account.user, &app.compatibility.access_token_claims);
        }
        retry.again().await?;
        let (is_unspent, read) = join!(code.is_unspent(&app.db), user::find(&app.db, user));
        if !is_unspent? {
            return Err(Error::OtpInvalid);
        }
        found = read?;
    }
}
