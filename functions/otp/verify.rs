//! `POST /otp/verify`: proves a phone number with the code sent to it: an employee's, by anyone, and a user's own, when both
//! the code was asked for and it is entered with that user's token.

use futures_util::join;
use serde_json::json as object;
use shared::{
    AnyoneWith, App, Beside, Caller, Claimed, Error, Reply, Request,
    audit::{self, Event},
    employee::{self, Bearers},
    json,
    otp::{self, Purpose, Redeemed},
    phone::{Phone, PhoneRules},
    user::Id,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(verify).await
}

async fn verify(app: &App, with: AnyoneWith<Guess>, request: Request) -> Reply {
    match prove(app, with, &request).await {
        Err(Error::OtpInvalid) => Err(Error::PhoneOtpInvalid),
        reply => reply,
    }
}

async fn prove(app: &App, AnyoneWith { caller, beside }: AnyoneWith<Guess>, request: &Request) -> Reply {
    let Guessed { phone, redeemed, bearers } = beside.0?;
    let audit = |error: &Error| audit::code_refused(error, phone.e164(), request.ip());
    let code = redeemed.inspect_err(audit)?;
    let actor = caller.as_ref().ok().and_then(Option::as_ref).map(Caller::id);
    // A code whose user is signed out is kept: they can log in and enter it again.
    let verified = code.use_for(&app.db, async {
        let account = caller?.map(|caller| caller.account);
        employee::verify_phone(&app.db, request.client(), &phone, &code, account, bearers?).await
    });
    for (record, fields) in verified.await.inspect_err(audit)? {
        audit::change(Event::Verified, actor, record, fields, request.ip());
    }
    json(200, &object!({ "message": "Phone number verified successfully" }))
}

/// A number, what a guess at its code came to, and who has it.
struct Guessed {
    phone: Phone,
    redeemed: Result<Redeemed, Error>,
    bearers: Result<Bearers, Error>,
}

/// Or what is wrong with the body.
struct Guess(Result<Guessed, Error>);

impl Beside<Option<Claimed>> for Guess {
    async fn load(app: &App, request: &Request, claimed: Option<Claimed>) -> Self {
        let (phone, guess) = match read(request) {
            Ok(given) => given,
            Err(error) => return Self(Err(error)),
        };
        let user = claimed.map(|claimed| claimed.user);
        let (redeemed, bearers) =
            join!(redeem(app, user, request, &phone, &guess), employee::find_bearers(&app.db, &phone));
        Self(Ok(Guessed { phone, redeemed, bearers }))
    }
}

fn read(request: &Request) -> Result<(Phone, String), Error> {
    let phones = PhoneRules::from_env()?;
    let mut form = request.form()?;
    let phone = form.required("phone_number", |text| phones.parse(text));
    let guess = form.required("otp", otp::guess);
    phone.zip(guess).ok_or_else(|| form.complaints())
}

/// Checks a guess: at the code that the caller has asked for to verify their own number, or else at the one that anyone may ask
/// for.
async fn redeem(
    app: &App,
    user: Option<Id>,
    request: &Request,
    phone: &Phone,
    guess: &str,
) -> Result<Redeemed, Error> {
    let own = user.map(|user| otp::address_of_claimant(phone.e164(), user));
    let address = match own {
        Some(own) if otp::is_waiting(&app.db, Purpose::VerifyPhone, &own).await? => own,
        _ => phone.e164().to_owned(),
    };
    app.codes().redeem(request.client(), Purpose::VerifyPhone, &address, guess).await
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::PhoneNumbers, NOBODY_HAS_IT, PHONE_OTP_INVALID, body, field, post, says};
    use serde_json::json;

    post(PhoneNumbers, "/otp/verify", "Prove a phone number with its code")
        .listed_as("phone-otp-verify")
        .about(
            "The number of the employee who has it, for anyone with the code. The number of your own account, \
             if you send your access token both here and with the request for the code.",
        )
        .also_by_user()
        .takes(body("EmployeePhoneProof", &["phone_number", "otp"], json!({ "phone_number": field::phone(), "otp": field::code() })), &[json!({ "phone_number": "1234567890", "otp": "1234" })])
        .refuses(&[PHONE_OTP_INVALID, NOBODY_HAS_IT])
        .answers(200, says("Phone number verified successfully"))
}
