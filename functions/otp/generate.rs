//! `POST /otp/generate`: sends a code to a phone number, for anyone.

use serde_json::json as object;
use shared::{
    Anyone, App, Reply, Request, json,
    otp::{self, Purpose},
    phone::{PhoneRules, Reach},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(generate).await
}

async fn generate(app: &App, _: Anyone, request: Request) -> Reply {
    let (phones, reach) = (PhoneRules::from_env()?, Reach::from_env()?);
    let parse = |text: &str| phones.parse(text).and_then(|phone| reach.check(phone));
    let mut form = request.form();
    let phone = form.as_mut().ok().and_then(|form| {
        if form.is_none("phone_number") {
            form.complain("phone_number", "Phone number is required.");
            return None;
        }
        form.required("phone_number", parse)
    });
    // If a user has the number, the code is for them; it proves an employee's in any case.
    let to_its_user = |holder: Option<&shared::claim::Holder>| Some(holder.map(|holder| holder.user_id));
    otp::send_by_sms(app, &request, Purpose::VerifyPhone, form, phone, to_its_user).await?;
    json(200, &object!({ "message": "OTP sent successfully" }))
}
