//! The limits of logins: random histories agree with a model that counts, waits, begins again and takes back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::{
    model::chance,
    support::{Api, PASSWORD, id_text, no_active_account, otp_invalid, stored_id, unlimited},
};

const FROM_EVERYWHERE: u64 = 5;
const FROM_ONE_NETWORK: u64 = 2;
const OF_NETWORK: u64 = 6;
const WINDOW: u64 = 900;
const IN_A_ROW: u64 = 100;
/// How long a row is kept after its last event, in seconds.
const FORGOTTEN: u64 = 86_400;
/// Two names of Ada, whose address is verified, two of Bob, whose is not, and one of nobody.
const NAMES: [&str; 5] = ["ada", "Ada@Example.com", "bob", "bob@example.com", "nobody"];

/// Failures in a row: how many of each kind, and how many seconds ago the last one was.
#[derive(Default, Debug, Clone, PartialEq)]
struct Row {
    tallies: BTreeMap<String, (u64, u64)>,
}

impl Row {
    /// For how long a tally refuses, in seconds: 0 when it does not.
    fn wait(&self, kind: &str, free: u64) -> u64 {
        let (count, seconds_ago) = self.tallies.get(kind).copied().unwrap_or_default();
        match count {
            _ if count < free => 0,
            IN_A_ROW.. => FORGOTTEN,
            _ => WINDOW.min(30 << (count - free).min(10)).saturating_sub(seconds_ago),
        }
    }

    /// Counts a failure of these kinds; the longest wait when one of them refuses.
    fn count(&mut self, kinds: &[(String, u64)]) -> Result<(), u64> {
        let wait = kinds.iter().map(|(kind, free)| self.wait(kind, *free)).max().unwrap();
        if wait > 0 {
            return Err(wait);
        }
        for (kind, _) in kinds {
            let tally = self.tallies.entry(kind.clone()).or_default();
            *tally = (tally.0 + 1, 0);
        }
        Ok(())
    }
}

fn fingerprint(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    format!("{:032x}", u128::from_be_bytes(hash.as_ref()[..16].try_into().unwrap()))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn number(item: &Value, name: &str) -> u64 {
    item[name]["N"].as_str().unwrap().parse().unwrap()
}

/// Makes a row in the table as old as the model has it.
async fn age(api: &Api, key: &str, row: &Row) {
    let Some(mut item) = api.item("Throttles", key).await else { return assert_eq!(*row, Row::default()) };
    let now = now();
    for (kind, (count, seconds_ago)) in &row.tallies {
        item[kind] = json!({ "N": count.to_string() });
        item[format!("{kind}_at")] = json!({ "N": (now - seconds_ago).to_string() });
    }
    api.put_item("Throttles", &item).await;
}

/// The counts of a row in the table, none when its time has passed.
async fn counts(api: &Api, key: &str) -> BTreeMap<String, u64> {
    let item = api.item("Throttles", key).await;
    let Some(item) = item.filter(|item| number(item, "expires") > now()) else { return BTreeMap::new() };
    let is_tally = |name: &&String| *name == "everywhere" || name.starts_with("from_");
    let names = item.as_object().unwrap().keys().filter(is_tally).filter(|name| !name.ends_with("_at"));
    names.map(|name| (name.clone(), number(&item, name))).collect()
}

/// The model: the failures of each user or of what names nobody, those of each network in their window, and where each user has
/// logged in.
#[derive(Default)]
struct Model {
    rows: BTreeMap<String, Row>,
    of_networks: BTreeMap<String, u64>,
    known: BTreeSet<(String, String)>,
}

impl Model {
    /// Counts a try, or says how long it has to wait.
    fn count(&mut self, row: &str, network: &str) -> Result<(), u64> {
        let of_network = self.of_networks.entry(network.to_owned()).or_default();
        if *of_network >= OF_NETWORK {
            return Err(WINDOW);
        }
        let from_here = (format!("from_{}", &fingerprint(network)[..16]), FROM_ONE_NETWORK);
        let from_everywhere = ("everywhere".to_owned(), FROM_EVERYWHERE);
        let counted = self.rows.entry(row.to_owned()).or_default();
        let mut result = counted.count(&[from_here.clone(), from_everywhere]);
        if result.is_err() && self.known.contains(&(row.to_owned(), network.to_owned())) {
            result = counted.count(&[from_here]);
        }
        *of_network += u64::from(result.is_ok());
        result
    }

    /// A try has logged in.
    fn succeed(&mut self, row: &str, network: &str) {
        self.rows.remove(row);
        *self.of_networks.get_mut(network).unwrap() -= 1;
        self.known.insert((row.to_owned(), network.to_owned()));
    }
}

#[tokio::test]
async fn a_random_history_of_logins_agrees_with_a_model_of_their_limits() {
    let text = |number: u64| number.to_string();
    let api = Api::with(&[
        ("LoginFailuresPerIdentifier", &text(FROM_EVERYWHERE)),
        ("LoginFailuresPerIdentifierAndIp", &text(FROM_ONE_NETWORK)),
        ("LoginFailuresPerIp", &text(OF_NETWORK)),
        ("LoginFailureWindowSeconds", &text(WINDOW)),
    ])
    .await;
    let (admin, ada, bob) = (api.staff().await, api.verified("ada").await, api.registered("bob").await);
    let row_of = |name: &str| match name {
        "ada" | "Ada@Example.com" => format!("logins_of#{}", fingerprint(&stored_id(&ada["id"]))),
        "bob" => format!("logins_of#{}", fingerprint(&stored_id(&bob["id"]))),
        name => format!("logins_at#{}", fingerprint(name)),
    };
    let (mut chance, mut model) = (chance(), Model::default());
    for _ in 0..200 {
        let (name, address) = (NAMES[chance.usize(..NAMES.len())], chance.u8(2..6));
        let (row, network) = (row_of(name), format!("127.0.0.{address}"));
        match chance.u8(..12) {
            // Time passes for the failures of a user, but not close to the end of a wait.
            0..2 => {
                let seconds = [90, 180, 360, 690, 2_000][chance.usize(..5)];
                let tallies = model.rows.entry(row.clone()).or_default().tallies.values_mut();
                tallies.for_each(|(_, seconds_ago)| *seconds_ago = seconds);
            }
            // Many failures that are not worth trying out.
            2 => {
                let tallies = model.rows.entry(row.clone()).or_default().tallies.values_mut();
                tallies.for_each(|(count, _)| *count = (*count).max(IN_A_ROW - 2));
            }
            // A day passes.
            3 if chance.bool() && model.rows.remove(&row).is_some() => {
                if api.item("Throttles", &row).await.is_some() {
                    let long_ago = json!({ "N": "1000000000" });
                    api.set("Throttles", |key| key == row, "expires", &long_ago).await;
                }
                continue;
            }
            // The window of a network passes.
            4 | 5 if model.of_networks.remove(&network).is_some() => {
                let of_network = format!("logins_from#{}", fingerprint(&network));
                let long_ago = json!({ "N": "1000000000" });
                api.set("Throttles", |key| key == of_network, "expires", &long_ago).await;
                continue;
            }
            // Staff unlock somebody. What names nobody has nobody to be unlocked.
            6 if chance.bool() => {
                let (user, name) = if chance.bool() { (&ada, "ada") } else { (&bob, "bob") };
                let path = format!("/api/users/{}/unlock", id_text(&user["id"]));
                assert_eq!(admin.post(&path, &json!({})).await.status, 200);
                model.rows.remove(&row_of(name));
                continue;
            }
            _ => {}
        }
        if let Some(row_before) = model.rows.get(&row) {
            if row_before.tallies.is_empty() {
                model.rows.remove(&row);
            } else {
                age(&api, &row, row_before).await;
            }
        }
        let password = if chance.u8(..4) == 0 { PASSWORD } else { "a wrong password" };

        let answer = api.at([127, 0, 0, address]).try_token(name, password).await;

        let is_right = password == PASSWORD && ["ada", "Ada@Example.com", "bob"].contains(&name);
        match model.count(&row, &network) {
            // The wait that is told ends when the model's does, or before.
            Err(wait) => assert!(answer.is_throttled() <= wait, "{answer:?}"),
            Ok(()) if is_right => {
                assert_eq!(answer.status, 200, "{}", answer.text);
                model.succeed(&row, &network);
            }
            Ok(()) => answer.is(401, &no_active_account()),
        }
        let row_after = model.rows.get(&row).cloned().unwrap_or_default();
        let expected: BTreeMap<_, _> =
            row_after.tallies.into_iter().map(|(kind, (count, _))| (kind, count)).collect();
        assert_eq!(counts(&api, &row).await, expected);
    }
}

/// The tallies of networks in a counter's record.
fn networks(item: &Value) -> BTreeSet<&String> {
    let names = item.as_object().unwrap().keys();
    names.filter(|name| name.starts_with("from_") && !name.ends_with("_at")).collect()
}

/// DynamoDB takes no record of more than 400 KB, and a write costs a unit for each KB.
#[tokio::test]
async fn a_counter_stays_small_however_many_networks_come_and_whatever_the_limits_allow() {
    let api = Api::with(&[unlimited(), vec![("TrustedProxies", "1")]].concat()).await;
    api.verified("ada").await;
    let guess = json!({
        "email": "ada@example.com", "otp": "000000", "new_password": PASSWORD, "confirm_password": PASSWORD,
    });
    let at_no_code = json!({ "email": "nobody@example.com", "otp": "000000" });
    for network in 0..150 {
        let client = api.header("X-Forwarded-For", &format!("192.0.2.{network}"));
        // Networks that asked for the code count for themselves, and so do guesses at no code.
        client.post("/api/password/forgot", &json!({ "email": "ada@example.com" })).await;
        client.post("/api/password/forgot/confirm", &guess).await.is(400, &otp_invalid());
        client.post("/api/otp/verify", &at_no_code).await.is(400, &otp_invalid());
    }
    for counter in api.all_items("Throttles").await.values() {
        assert!(networks(counter).len() <= 128 && counter.to_string().len() < 16_384, "{counter}");
    }
}

#[tokio::test]
async fn the_network_that_failed_longest_ago_is_the_first_to_be_forgotten() {
    let api = Api::with(&unlimited()).await;
    api.try_token("nobody", "wrong").await.is(401, &no_active_account());
    let key = format!("logins_at#{}", fingerprint("nobody"));
    let mut row = api.item("Throttles", &key).await.unwrap();
    let named = |number: u64| format!("from_{number:016}");
    for number in 1..=130 {
        row[named(number)] = json!({ "N": "1" });
        row[format!("{}_at", named(number))] = json!({ "N": (now() - number).to_string() });
    }
    row["everywhere"] = json!({ "N": "131" });
    api.put_item("Throttles", &row).await;

    api.at([127, 0, 0, 2]).try_token("nobody", "wrong").await.is(401, &no_active_account());

    let after = api.item("Throttles", &key).await.unwrap();
    let here = |address: &str| format!("from_{}", &fingerprint(address)[..16]);
    let mut expected: BTreeSet<String> = (1..=94).map(named).collect();
    expected.extend(["127.0.0.1", "127.0.0.2"].map(here));
    assert_eq!(networks(&after).into_iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(number(&after, "everywhere"), 132);
    assert_eq!(after.as_object().unwrap().keys().filter(|name| name.ends_with("_at")).count(), 96 + 1);
}
