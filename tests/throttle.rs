//! The windows of limits: random histories of logins agree with a model that counts, begins anew and takes back.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::{
    model::{chance, one_of},
    support::{Api, PASSWORD, no_active_account},
};

const PER_IDENTIFIER: u64 = 5;
const PER_IDENTIFIER_AND_ADDRESS: u64 = 2;
const PER_ADDRESS: u64 = 6;
const WINDOW: u64 = 900;
/// Two who are there, and one who is not.
const NAMES: [&str; 3] = ["ada", "bob", "nobody"];

/// A counter in its window: what it has counted of each kind, and whether its time has passed.
#[derive(Default, Debug)]
struct Counter {
    tallies: BTreeMap<String, u64>,
    has_passed: bool,
}

/// Every counter that there is, by its key.
type Counters = BTreeMap<String, Counter>;

/// Counts an event of each of these kinds if none has reached its limit. The first event after a window begins the next one.
fn count(counters: &mut Counters, key: &str, kinds: &[(String, u64)]) -> bool {
    let counter = counters.entry(key.to_owned()).or_default();
    if counter.has_passed {
        *counter = Counter::default();
    }
    let is_full = kinds.iter().any(|(kind, limit)| counter.tallies.get(kind).is_some_and(|n| n >= limit));
    if !is_full {
        for (kind, _) in kinds {
            *counter.tallies.entry(kind.clone()).or_default() += 1;
        }
    }
    !is_full
}

/// Counts an event in every counter or, when one of them refuses, in none.
fn admit(counters: &mut Counters, limits: &[(&str, &[(String, u64)])]) -> bool {
    let counted: Vec<bool> = limits.iter().map(|(key, kinds)| count(counters, key, kinds)).collect();
    let all = counted.iter().all(|counted| *counted);
    for ((key, kinds), _) in limits.iter().zip(&counted).filter(|(_, counted)| **counted && !all) {
        take_back(counters, key, kinds);
    }
    all
}

/// As if the event had not been counted; its window stays open.
fn take_back(counters: &mut Counters, key: &str, kinds: &[(String, u64)]) {
    for (kind, _) in kinds {
        *counters.get_mut(key).unwrap().tallies.get_mut(kind).unwrap() -= 1;
    }
}

fn fingerprint(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    format!("{:032x}", u128::from_be_bytes(hash.as_ref()[..16].try_into().unwrap()))
}

/// What the table holds of counters, as the model has it.
async fn stored(api: &Api) -> BTreeMap<String, BTreeMap<String, u64>> {
    let is_counter = |key: &str| key.starts_with("login#") || key.starts_with("logins_from#");
    let is_tally = |name: &str| name == "everywhere" || name == "failed" || name.starts_with("from_");
    let tallies = |item: &Value| {
        let tallies = item.as_object().unwrap().iter().filter(|(name, _)| is_tally(name));
        tallies.map(|(name, value)| (name.clone(), value["N"].as_str().unwrap().parse().unwrap())).collect()
    };
    let items = api.items("Throttles").await.into_iter().filter(|(key, _)| is_counter(key));
    items.map(|(key, item)| (key, tallies(&item))).collect()
}

#[tokio::test]
async fn a_random_history_of_logins_agrees_with_a_model_of_their_limits() {
    let number = |number: u64| number.to_string();
    let api = Api::with(&[
        ("LoginFailuresPerIdentifier", &number(PER_IDENTIFIER)),
        ("LoginFailuresPerIdentifierAndIp", &number(PER_IDENTIFIER_AND_ADDRESS)),
        ("LoginFailuresPerIp", &number(PER_ADDRESS)),
        ("LoginFailureWindowSeconds", &number(WINDOW)),
    ])
    .await;
    api.registered("ada").await;
    api.registered("bob").await;
    let (mut chance, mut counters, mut known) = (chance(), Counters::new(), BTreeSet::new());
    for _ in 0..150 {
        let (name, address) = (one_of(&mut chance, &NAMES), chance.u8(2..5));
        let network = format!("127.0.0.{address}");
        let of_name = format!("login#{}", fingerprint(name));
        let of_network = format!("logins_from#{}", fingerprint(&network));
        if chance.u8(..8) == 0 {
            let key = if chance.bool() { of_name } else { of_network };
            if let Some(counter) = counters.get_mut(&key) {
                counter.has_passed = true;
                api.set("Throttles", |other| other == key, "expires", &json!({ "N": "1000000000" })).await;
            }
            continue;
        }
        let password = if chance.u8(..4) == 0 { PASSWORD } else { "a wrong password" };

        let answer = api.at([127, 0, 0, address]).try_token(name, password).await;

        let by_name = [
            ("everywhere".to_owned(), PER_IDENTIFIER),
            (format!("from_{}", fingerprint(&network)), PER_IDENTIFIER_AND_ADDRESS),
        ];
        let by_network = [("failed".to_owned(), PER_ADDRESS)];
        // A network from which the user has logged in before has its own count alone.
        let is_admitted = admit(&mut counters, &[(&of_name, &by_name), (&of_network, &by_network)])
            || (known.contains(&(name, address))
                && admit(&mut counters, &[(&of_name, &by_name[1..]), (&of_network, &by_network)]));
        if !is_admitted {
            assert!(answer.is_throttled() <= WINDOW);
        } else if password == PASSWORD && name != "nobody" {
            assert_eq!(answer.status, 200, "{}", answer.text);
            known.insert((name, address));
            counters.remove(&of_name);
            take_back(&mut counters, &of_network, &by_network);
        } else {
            answer.is(401, &no_active_account());
        }
        let expected: BTreeMap<_, _> =
            counters.iter().map(|(key, counter)| (key.clone(), counter.tallies.clone())).collect();
        assert_eq!(stored(&api).await, expected);
    }
}
