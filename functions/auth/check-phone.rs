//! `POST /auth/check-phone`: whether anyone has an account with a phone number; if not, a code goes there to begin one. Under
//! `Policy=strict` only a verified number counts: an unverified one keeps nobody from signing up with it.

use serde_json::json as object;
use shared::{
    Anyone, App, Reply, Request, json,
    otp::{Purpose, Record},
    phone::{Phone, PhoneRules, Reach},
    send_code,
    user::{Account, claim::Holder},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(check).await
}

async fn check(app: &App, _: Anyone, request: Request) -> Reply {
    let (phones, reach) = (PhoneRules::from_env()?, Reach::from_env()?);
    let mut form = request.form();
    let parse = |text: &str| phones.parse(text).and_then(|phone| reach.check(phone));
    let phone = form.as_mut().ok().and_then(|form| form.required("phone", parse));
    let record = |phone: &Phone, holder: Option<&Holder>, _: Option<&Account>| {
        let is_free = holder.map_or(Ok(true), Holder::yields_to_proof)?;
        is_free.then(|| Record::by_sms(Purpose::SignUp, phone, None, request.client())).transpose()
    };
    let asked = send_code::ask(app, &request, form, phone).await?;
    if send_code::by_sms(app, &request, asked, Ok(None), record).await? {
        return json(200, &object!({ "exists": false, "message": "OTP sent." }));
    }
    json(200, &object!({ "exists": true, "message": "Phone number is registered. Please log in." }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::PhoneNumbers, body, field, post, shown, such_as};
    use serde_json::json;

    post(PhoneNumbers, "/auth/check-phone", "Ask whether anyone has an account with a phone number").listed_as("phone-check")
        .about("If not, a code goes there to make one. An unverified number is no account, unless `Policy` is `seeds`.")
        .takes(body("Phone", &["phone"], json!({ "phone": field::phone() })), &[json!({ "phone": "09101234567" })])
        .answers(
            200,
            such_as(
                shown("Whether anyone has.", "PhoneCheck"),
                &json!({ "exists": false, "message": "OTP sent." }),
            ),
        )
}
