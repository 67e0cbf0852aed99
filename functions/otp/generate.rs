//! `POST /otp/generate`: sends a code to a phone number, for anyone.

use serde_json::json as object;
use shared::{
    AnyoneWith, App, Beside, Claimed, Error, Reply, Request, json,
    otp::{Purpose, Record},
    phone::{Phone, PhoneRules, Reach},
    send_code,
    user::{Account, claim::Holder},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(generate).await
}

async fn generate(app: &App, AnyoneWith { caller, beside }: AnyoneWith<Asked>, request: Request) -> Reply {
    let caller = caller.map(|caller| caller.map(|caller| caller.account));
    // It is for the caller if their profile has the number; otherwise it is for an employee's record.
    let record = |phone: &Phone, _: Option<&Holder>, claimant: Option<&Account>| {
        let user = claimant.map(|account| account.user.id);
        let record = Record::by_sms(Purpose::VerifyPhone, phone, user, request.client())?;
        let language = claimant.map_or("", |account| account.user.language());
        Ok(Some(record.by_themselves(user.is_some()).in_language(language)))
    };
    send_code::by_sms(app, &request, beside.0?, caller, record).await?;
    json(200, &object!({ "message": "OTP sent successfully" }))
}

struct Asked(Result<send_code::Asked, Error>);

impl Beside<Option<Claimed>> for Asked {
    async fn load(app: &App, request: &Request, _: Option<Claimed>) -> Self {
        let (phones, reach) = match (PhoneRules::from_env(), Reach::from_env()) {
            (Ok(phones), Ok(reach)) => (phones, reach),
            (Err(error), _) | (_, Err(error)) => return Self(Err(error)),
        };
        let parse = |text: &str| phones.parse(text).and_then(|phone| reach.check(phone));
        let mut form = request.form();
        let phone = form.as_mut().ok().and_then(|form| {
            if form.is_none("phone_number") {
                form.complain("phone_number", "Phone number is required");
                return None;
            }
            form.required("phone_number", parse)
        });
        Self(send_code::ask(app, request, form, phone).await)
    }
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::PhoneNumbers, body, field, post, says};
    use serde_json::json;

    post(PhoneNumbers, "/otp/generate", "Send a code to a phone number")
        .listed_as("phone-otp-generate")
        .about(
            "By SMS, whether or not anybody has the number. Send an access token to verify the number \
             of your own account.",
        )
        .also_by_user()
        .takes(
            body("EmployeePhone", &["phone_number"], json!({ "phone_number": field::phone() })),
            &[json!({ "phone_number": "1234567890" })],
        )
        .answers(200, says("OTP sent successfully"))
}
