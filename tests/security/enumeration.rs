//! Whether a stranger learns who has an account: from what is said, and from how long it takes.

use serde_json::{Value, json};

use crate::support::{Answer, Api, PASSWORD, unlimited_seeds};

const KNOWN: &str = "+919881167671";
const UNKNOWN: &str = "+919881167672";

/// What a stranger may ask about somebody. `/auth/check-phone` and the "already exists" of a registration are asked for
/// just that, as in the Django systems; both are counted.
fn questions(name: &str, number: &str) -> Vec<(&'static str, Value)> {
    let email = format!("{name}@example.com");
    vec![
        ("/api/token", json!({ "username": name, "password": "a wrong password" })),
        ("/api/login", json!({ "email": email, "password": "a wrong password" })),
        ("/auth/login", json!({ "phone": number, "password": "a wrong password" })),
        ("/api/password/forgot", json!({ "email": email })),
        ("/api/otp/resend", json!({ "email": email })),
        ("/api/otp/verify", json!({ "email": email, "otp": "000000" })),
        (
            "/api/password/forgot/confirm",
            json!({ "email": email, "otp": "000000", "new_password": PASSWORD, "confirm_password": PASSWORD }),
        ),
        ("/api/login/code", json!({ "email": email })),
        ("/api/login/code/confirm", json!({ "email": email, "otp": "000000" })),
        ("/api/login/code", json!({ "phone_number": number })),
        ("/api/login/code/confirm", json!({ "phone_number": number, "otp": "000000" })),
        ("/otp/generate", json!({ "phone_number": number })),
        ("/otp/verify", json!({ "phone_number": number, "otp": "000000" })),
        ("/auth/verify", json!({ "phone": number, "code": "000000" })),
    ]
}

/// Each question about somebody known, and the same about somebody unknown.
fn pairs() -> Vec<(&'static str, Value, Value)> {
    let about_ada = questions("ada", KNOWN).into_iter().zip(questions("eve", UNKNOWN));
    // A code that proves an address is only for who has not proven it.
    let about_bob = questions("bob", KNOWN).into_iter().zip(questions("eve", UNKNOWN));
    let about_bob = about_bob.filter(|((path, _), _)| path.starts_with("/api/otp/"));
    about_ada.chain(about_bob).map(|((path, known), (_, unknown))| (path, known, unknown)).collect()
}

/// `ada`, who has proven her address and her number, and `bob`, who has proven nothing.
async fn with_ada_and_bob() -> Api {
    // The guesses that a code allows stay as they are: how many are left is seen.
    let mut parameters = unlimited_seeds();
    parameters.retain(|(name, _)| *name != "MaxOtpAttempts");
    let api = Api::with(&parameters).await;
    api.registered("bob").await;
    let ada = api.verified("ada").await;
    let admin = api.staff().await;
    let proven = json!({ "phone_number": KNOWN, "is_phone_verified": true });
    let answer = admin.patch(&format!("/api/users/{}", ada["id"].as_str().unwrap()), &proven).await;
    assert_eq!(answer.body["is_phone_verified"], true, "{}", answer.text);
    api
}

/// All that a stranger sees of an answer but its date and its id.
fn seen(answer: &Answer) -> (u16, &str, Vec<(&str, &str)>) {
    let own = ["date", "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"];
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let mut headers: Vec<_> = headers.filter(|(name, _)| !own.contains(name)).collect();
    headers.sort_unstable();
    (answer.status, &answer.text, headers)
}

#[tokio::test]
async fn asvs_6_3_8_accounts_cannot_be_enumerated_by_words() {
    let api = with_ada_and_bob().await;
    for (path, known, unknown) in pairs() {
        let (known, unknown) = (api.post(path, &known).await, api.post(path, &unknown).await);

        assert_eq!(seen(&known), seen(&unknown), "{path}");
    }
    // What nobody gets loses its guesses, too: a write that is refused would be faster.
    for (purpose, known) in [("reset_password", "ada"), ("log_in", "ada"), ("verify_email", "bob")] {
        for name in [known, "eve"] {
            let pk = format!("{purpose}#{name}@example.com");
            let code = api.item("Otps", &pk).await.unwrap();
            assert_eq!(code["attempts_left"], json!({ "N": "2" }), "{pk}");
        }
    }
}

/// How often each is asked in a round.
const SAMPLES: usize = 30;
/// How often chance may have its way before it is none.
const ROUNDS: usize = 4;

/// How likely an answer about somebody known takes longer than one about somebody unknown: the statistic of Mann and Whitney,
/// as a share of all pairs. One half for two samples of one kind, whatever the machine.
fn superiority(known: &[f64], unknown: &[f64]) -> f64 {
    let pairs = known.iter().flat_map(|a| unknown.iter().map(move |b| (a, b)));
    let longer = pairs.filter(|(a, b)| a > b).count();
    let all = u32::try_from(known.len() * unknown.len()).unwrap();
    f64::from(u32::try_from(longer).unwrap()) / f64::from(all)
}

/// Lets every limit's time pass, and has a living code for whoever may have one, which no number of guesses here uses up.
async fn renew(api: &Api) {
    const SENDING: [&str; 4] =
        ["/api/password/forgot", "/api/otp/resend", "/api/login/code", "/otp/generate"];
    api.forget_limits().await;
    for (path, known, unknown) in pairs().into_iter().filter(|(path, ..)| SENDING.contains(path)) {
        for body in [known, unknown] {
            let answer = api.post(path, &body).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
    }
    api.set("Otps", |_| true, "attempts_left", &json!({ "N": "1000000" })).await;
}

/// Asks about both in turn, by instances that are warm.
async fn timed(api: &Api, path: &str, known: &Value, unknown: &Value) -> f64 {
    let bodies = [known, unknown];
    let mut times = [Vec::new(), Vec::new()];
    for n in 0..SAMPLES {
        // Each goes first as often: what a request leaves to be done, such as a delivery, slows the next one here.
        for at in [n % 2, 1 - n % 2] {
            let answer = api.post(path, bodies[at]).await;
            times[at].push(answer.took.as_secs_f64());
            assert!(answer.status < 429, "{}", answer.text);
        }
    }
    superiority(&times[0], &times[1])
}

#[tokio::test]
async fn asvs_6_3_8_accounts_cannot_be_enumerated_by_timing() {
    let api = with_ada_and_bob().await;
    for (path, known, unknown) in pairs() {
        for body in [&known, &unknown] {
            api.post(path, body).await;
        }
        // For samples of this size and one kind, the share's standard deviation is 0.075: a round is outside once in some
        // thousand. One call more to a table, or a hash that is left out, gives 0.9 and above, or 0.1 and below.
        let mut shares = Vec::new();
        while shares.len() < ROUNDS && shares.last().is_none_or(|share: &f64| (share - 0.5).abs() > 0.25) {
            renew(&api).await;
            shares.push(timed(&api, path, &known, &unknown).await);
        }
        assert!((shares[shares.len() - 1] - 0.5).abs() <= 0.25, "{path} tells them apart: {shares:.2?}");
    }
}

/// What was counted at one endpoint is counted at the other, for an address that somebody has verified, that somebody has not, and
/// that nobody has.
#[tokio::test]
async fn failures_at_two_endpoints_do_not_tell_whether_an_address_is_somebodys() {
    let api = Api::start().await;
    api.verified("ada").await;
    api.registered("bob").await;

    for name in ["ada", "bob", "nobody"] {
        let email = format!("{name}@example.com");
        for _ in 0..5 {
            let body = json!({ "email": email, "password": "a wrong password" });
            assert_eq!(api.post("/api/login", &body).await.status, 401);
        }
        api.try_token(&email, "a wrong password").await.is_throttled();
    }
}
