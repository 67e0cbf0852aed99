//! Twilio's REST API: <https://www.twilio.com/docs/messaging/api/message-resource>.

use std::time::Duration;

use reqwest::redirect;
use serde::Deserialize;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::Sent;
use crate::{Error, config, log, secret, time::Stamp};

/// A call takes at most so long to connect, and in all.
const CONNECT: Duration = Duration::from_secs(1);
const CALL: Duration = Duration::from_secs(5);

/// Sends text messages by Twilio.
pub struct Twilio {
    http: reqwest::Client,
    /// Without a slash at its end.
    url: String,
    /// And when it was fetched.
    account: Mutex<Option<(Stamp, Account)>>,
}

/// The secret that `TWILIO_SECRET_ID` names, with the names that the Django systems had in their settings.
#[derive(Clone, Deserialize)]
struct Account {
    #[serde(rename = "TWILIO_ACCOUNT_SID")]
    sid: String,
    #[serde(rename = "TWILIO_AUTH_TOKEN")]
    auth_token: Zeroizing<String>,
    /// A number in E.164 form, or the SID of a messaging service.
    #[serde(rename = "TWILIO_PHONE_NUMBER")]
    sender: String,
}

/// What Twilio says when it does not take a message.
#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    code: u32,
    #[serde(default)]
    message: String,
}

impl Twilio {
    pub(super) fn from_env() -> Result<Self, Error> {
        // A message goes to whom we have named, and to nobody they name. No connection is kept: while an instance is frozen it
        // may die, and what is sent on a dead one may or may not have been taken.
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(CALL)
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0);
        let http = http.build();
        Ok(Self {
            http: http.map_err(|error| Error::internal(format!("the client of Twilio: {error}")))?,
            url: config::text("TWILIO_API_URL")?.trim_end_matches('/').to_owned(),
            account: Mutex::default(),
        })
    }

    /// Sends a text message, with one more try after a 5xx or a 429: Twilio has taken none then. A call without an answer may
    /// have been taken, so that the next try is left to the stream.
    pub(super) async fn send(&self, text: &str, to: &str) -> Result<Sent, Error> {
        let account = self.account().await?;
        let mut answer = self.call(&account, text, to).await?;
        if is_busy(&answer) {
            answer = self.call(&account, text, to).await?;
        }
        let status = answer.status();
        if status.is_success() {
            return Ok(Sent::Accepted);
        }
        let busy = is_busy(&answer);
        let refusal: Refusal = answer.json().await.unwrap_or_default();
        let words = format!("Twilio answered {status}, error {}: {}", refusal.code, explain(&refusal));
        if busy {
            return Err(Error::Unavailable(words));
        }
        let sent = verdict(status, refusal.code, words);
        if sent.is_err() {
            // What is wrong with the account may be mended in the secret.
            *self.account.lock().await = None;
        }
        sent
    }

    async fn call(&self, account: &Account, text: &str, to: &str) -> Result<reqwest::Response, Error> {
        let Account { sid, auth_token, sender } = account;
        let sender_field = if sender.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        let post = || {
            self.http
                .post(format!("{}/2010-04-01/Accounts/{sid}/Messages.json", self.url))
                .basic_auth(sid, Some(auth_token.as_str()))
                .form(&[("To", to), (sender_field, sender.as_str()), ("Body", text)])
                .send()
        };
        let answer = match post().await {
            // Nothing has been sent.
            Err(error) if error.is_connect() => post().await,
            answer => answer,
        };
        // Without its URL, which names the account.
        answer.map_err(|error| Error::Unavailable(format!("Twilio does not answer: {}", error.without_url())))
    }

    async fn account(&self) -> Result<Account, Error> {
        let mut known = self.account.lock().await;
        if let Some((fetched, account)) = &*known
            && fetched.is_younger_than(secret::FRESH)
        {
            return Ok(account.clone());
        }
        match (Account::fetch().await, &*known) {
            (Ok(account), _) => {
                *known = Some((Stamp::now(), account.clone()));
                Ok(account)
            }
            // Twilio says whether it is still good.
            (Err(error), Some((_, account))) => {
                log::failed_call(&error.cause(), "the secret of Twilio could not be fetched again");
                Ok(account.clone())
            }
            (Err(error), None) => Err(error),
        }
    }
}

impl Account {
    async fn fetch() -> Result<Self, Error> {
        let text = secret::text(&config::text("TWILIO_SECRET_ID")?).await?;
        serde_json::from_str(&text).map_err(|_| {
            Error::internal(
                "the secret of Twilio lacks TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN or TWILIO_PHONE_NUMBER",
            )
        })
    }
}

fn is_busy(answer: &reqwest::Response) -> bool {
    answer.status().is_server_error() || answer.status() == reqwest::StatusCode::TOO_MANY_REQUESTS
}

/// Twilio's words, without the numbers that it repeats in them.
fn explain(refusal: &Refusal) -> String {
    let hint = match refusal.code {
        20003 => " (the account SID or auth token in the secret is wrong)",
        21408 => " (sending to this country is not switched on in Twilio's geographic permissions)",
        21606 | 21659 | 21660 => " (TWILIO_PHONE_NUMBER is not a sender of this account)",
        21608 => " (a trial account sends to verified numbers only)",
        _ => "",
    };
    log::masked(&refusal.message) + hint
}

/// Whether a later try would change anything. What is the account's can be mended; every other refusal is of this message or
/// number, and must not hold up those behind it: anybody can ask for a code to a number that Twilio does not serve.
fn verdict(status: reqwest::StatusCode, code: u32, words: String) -> Result<Sent, Error> {
    // The account's state, the sender, an account that is used up.
    const OF_THE_ACCOUNT: [u32; 9] = [20003, 20005, 21212, 21603, 21606, 21659, 21660, 30001, 30002];
    let is_of_the_account = matches!(
        status,
        reqwest::StatusCode::UNAUTHORIZED | reqwest::StatusCode::FORBIDDEN | reqwest::StatusCode::NOT_FOUND
    );
    if is_of_the_account || status.is_redirection() || OF_THE_ACCOUNT.contains(&code) {
        Err(Error::Unavailable(words))
    } else {
        Ok(Sent::Refused(words))
    }
}
