//! Guessing passwords and codes, from one address and from many.

use serde_json::json;

use crate::support::{Api, PASSWORD, no_active_account, otp_invalid, registration, wrong_code};

/// The doors at which a password is taken, and the name of the identifier there.
const DOORS: [(&str, &str, &str); 3] = [
    ("/api/token", "username", "ada"),
    ("/api/login", "email", "ada@example.com"),
    ("/auth/login", "phone", "+919881167671"),
];

#[tokio::test]
async fn asvs_6_3_1_a_password_is_not_guessed_from_many_addresses() {
    let api =
        Api::with(&[("LoginFailuresPerIdentifier", "6"), ("LoginFailuresPerIdentifierAndIp", "2")]).await;
    api.registered("ada").await;
    for (path, field, identifier) in DOORS {
        let guess = |address: u8, password: &str| {
            let client = api.at([127, 0, 0, address]);
            let body = json!({ field: identifier, "password": password });
            async move { client.post(path, &body).await }
        };
        for address in 2..8 {
            guess(address, "wrong").await.is(401, &no_active_account());
        }

        guess(8, PASSWORD).await.is_throttled();
        // The doors lead to one account, whose failures are one count.
        api.forget_limits().await;
    }
    assert_eq!(api.sessions().await.len(), 0);
}

#[tokio::test]
async fn asvs_6_3_1_one_password_is_not_tried_on_many_users_from_one_address() {
    let api = Api::with(&[("LoginFailuresPerIp", "6")]).await;
    api.registered("ada").await;
    for n in 0..2 {
        for (path, field, _) in DOORS {
            let identifier = match field {
                "username" => format!("user{n}"),
                "email" => format!("user{n}@example.com"),
                _ => format!("+91988116767{n}"),
            };
            api.post(path, &json!({ field: identifier, "password": PASSWORD }))
                .await
                .is(401, &no_active_account());
        }
    }

    for (path, field, identifier) in DOORS {
        api.post(path, &json!({ field: identifier, "password": PASSWORD })).await.is_throttled();
    }
}

#[tokio::test]
async fn asvs_6_6_3_a_code_is_not_guessed_from_many_addresses() {
    let api = Api::with(&[("OtpWrongPerDay", "5"), ("OtpCooldownSeconds", "0")]).await;
    api.registered("ada").await;
    let mut code = api.code_for("ada@example.com").await;
    for n in 0..5_u8 {
        if n == 3 {
            // A code allows three guesses; the address's day does not begin anew with the next one.
            let mails = api.mails_to("ada@example.com").await;
            api.post("/api/otp/resend", &json!({ "email": "ada@example.com" })).await;
            code = api.code_after("ada@example.com", mails).await;
        }
        let body = json!({ "email": "ada@example.com", "otp": wrong_code(&code, n.into()) });
        api.at([127, 0, 0, 2 + n]).post("/api/otp/verify", &body).await.is(400, &otp_invalid());
    }

    // Strangers have used up the day of all strangers, but not the guesses of the network that asked for the code.
    let body = json!({ "email": "ada@example.com", "otp": code });
    api.at([127, 0, 0, 9]).post("/api/otp/verify", &body).await.is_throttled();
    assert_eq!(api.post("/api/otp/verify", &body).await.status, 200);
}

#[tokio::test]
async fn asvs_4_1_3_no_header_moves_a_client_to_another_address() {
    let api = Api::with(&[("LoginFailuresPerIdentifierAndIp", "1")]).await;
    api.try_token("ada", "wrong").await.is(401, &no_active_account());

    for header in [
        "X-Forwarded-For",
        "X-Real-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
        "X-Original-Forwarded-For",
    ] {
        let spoofed = api.header(header, "203.0.113.9");
        spoofed.post("/api/token", &json!({ "username": "ada", "password": "wrong" })).await.is_throttled();
    }
    let spoofed = api.header("Forwarded", "for=203.0.113.9");
    spoofed.post("/api/token", &json!({ "username": "ada", "password": "wrong" })).await.is_throttled();
}

#[tokio::test]
async fn api6_2023_unrestricted_access_to_sensitive_business_flows() {
    let limits = [("RegistrationsPerIpPerHour", "2"), ("OtpPerIpPerHour", "4"), ("SmsPerDay", "3")];
    let api = Api::with(&limits).await;
    let text = async |address: u8, number: u8| {
        let body = json!({ "phone_number": format!("+91988116767{number}") });
        api.at([127, 0, 0, address]).post("/otp/generate", &body).await
    };
    // Accounts: each is a registration and a code.
    for name in ["ada", "bob"] {
        api.registered(name).await;
    }
    api.post("/api/register", &registration("eve")).await.is_throttled();

    // Text messages: of a network, and of everybody.
    for number in 0..2 {
        assert_eq!(text(1, number).await.status, 200);
    }
    text(1, 2).await.is_throttled();
    assert_eq!(text(2, 2).await.status, 200);
    text(3, 3).await.is_throttled();
}
