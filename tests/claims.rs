//! Proof beats claim: random histories of accounts that register, claim, verify, let lapse, change, give up and delete addresses and
//! numbers. After every step, the account that has proven an identifier logs in with it, and no other does; one that no account has proven
//! is free.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    model::chance,
    support::{Answer, Api, Client, User, unlimited},
};

const EMAILS: [&str; 3] = ["a@example.com", "b@example.com", "c@example.com"];
const PHONES: [&str; 2] = ["+919881167671", "+919881167672"];
const ACCOUNTS: usize = 3;

struct Account {
    user: User,
    password: String,
}

#[derive(Default)]
struct World {
    accounts: BTreeMap<usize, Account>,
    /// Which account has proven an identifier.
    proven: BTreeMap<&'static str, usize>,
    /// For which account the newest code to an address is.
    code_of: BTreeMap<&'static str, usize>,
    /// How many accounts and passwords there have been.
    made: usize,
}

impl World {
    fn new_password(&mut self) -> String {
        self.made += 1;
        format!("a long phrase with a number {}", self.made)
    }

    fn is_anothers(&self, identifier: &str, account: usize) -> bool {
        self.proven.get(identifier).is_some_and(|owner| *owner != account)
    }

    /// An account has proven an identifier, which takes the place of its last one of this kind.
    fn prove(&mut self, identifier: &'static str, account: usize) {
        self.give_up(account, |other| other.contains('@') == identifier.contains('@'));
        let before = self.proven.insert(identifier, account);
        assert_eq!(before, None, "{identifier} was taken from its owner");
    }

    fn give_up(&mut self, account: usize, which: impl Fn(&str) -> bool) {
        self.proven.retain(|identifier, owner| *owner != account || !which(identifier));
    }
}

/// The first number in the newest message to an address; empty if there is none.
async fn newest_code(api: &Api, address: &str) -> String {
    if address.contains('@') {
        api.mails_to(address).await;
    } else {
        api.texts_to(address).await;
    }
    let body = api.stack.messages(address).pop().map(|message| message.body).unwrap_or_default();
    body.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect()
}

async fn register(api: &Api, world: &mut World, email: &str, phone: Option<&str>) -> (Answer, Account) {
    let password = world.new_password();
    let username = format!("user{}", world.made);
    let body = json!({ "username": username, "email": email, "password": password, "phone_number": phone });
    let answer = api.post("/api/register", &body).await;
    let registered = answer.status == 201;
    let tokens = if registered { api.try_token(&username, &password).await.body } else { nothing() };
    (answer, Account { user: User::new(api, &tokens), password })
}

/// What is in place of tokens where there are none.
fn nothing() -> Value {
    json!({ "access": "", "refresh": "" })
}

/// Signs up with a number, if that is possible.
async fn sign_up(api: &Api, world: &mut World, phone: &str) -> Option<Account> {
    api.post("/auth/check-phone", &json!({ "phone": phone })).await;
    let code = newest_code(api, phone).await;
    let verified = api.post("/auth/verify", &json!({ "phone": phone, "code": code })).await;
    let token = verified.body["registration_token"].as_str()?;
    let password = world.new_password();
    let body = json!({ "reg_token": token, "password": password });
    let answer = api.post("/auth/register", &body).await;
    (answer.status == 201).then(|| Account { user: User::new(api, &answer.body), password })
}

/// Lets the time of every code and of every reservation pass.
async fn let_lapse(api: &Api) {
    let long_ago = json!({ "N": "1000000000" });
    for (table, attribute) in [("Otps", "expires"), ("Users", "reserved_until")] {
        for (_, mut item) in api.items(table).await {
            if item.get(attribute).is_some() {
                item[attribute] = long_ago.clone();
                api.put_item(table, &item).await;
            }
        }
    }
}

/// One step of one account, or of a stranger.
async fn step(api: &Api, world: &mut World, chance: &mut fastrand::Rng) {
    let account = chance.usize(..ACCOUNTS);
    let email = EMAILS[chance.usize(..EMAILS.len())];
    let phone = PHONES[chance.usize(..PHONES.len())];
    if !world.accounts.contains_key(&account) {
        if chance.u8(..3) == 0 {
            if let Some(made) = sign_up(api, world, phone).await {
                world.accounts.insert(account, made);
                world.prove(phone, account);
            }
            return;
        }
        let (answer, made) = register(api, world, email, chance.bool().then_some(phone)).await;
        if answer.status == 201 {
            assert!(!world.proven.contains_key(email), "{email} is another's");
            world.accounts.insert(account, made);
            world.code_of.insert(email, account);
        }
        return;
    }
    let user = &world.accounts[&account].user;
    match chance.u8(..12) {
        0 | 1 => {
            let answer = user.patch("/api/profile", &json!({ "email": email })).await;
            if world.is_anothers(email, account) {
                assert_eq!(answer.status, 400, "{}", answer.text);
            } else if answer.body["pending_email"] == email {
                world.code_of.insert(email, account);
            }
        }
        // The code, by its user, by another one or by a stranger.
        2..5 => {
            let Some(owner) = world.code_of.get(email).copied() else { return };
            let code = newest_code(api, email).await;
            let client: &Client = match chance.u8(..4) {
                0 => api,
                1 => user,
                _ => world.accounts.get(&owner).map_or(&**api, |owner| &owner.user),
            };
            let answer = client.post("/api/otp/verify", &json!({ "email": email, "otp": code })).await;
            if answer.status == 200 {
                world.prove(email, owner);
                world.code_of.remove(email);
            }
        }
        5 => {
            let answer = user.patch("/api/profile", &json!({ "phone_number": phone })).await;
            assert!(!world.is_anothers(phone, account) || answer.status == 400, "{}", answer.text);
        }
        // The code for a number, asked for and entered by its user; or both by a stranger, which proves nothing.
        6..9 => {
            let client: &Client = if chance.u8(..4) == 0 { api } else { user };
            let asked = client.post("/otp/generate", &json!({ "phone_number": phone })).await;
            let code = newest_code(api, phone).await;
            let body = json!({ "phone_number": phone, "otp": code });
            let entered = client.post("/otp/verify", &body).await;
            if asked.status == 200 && entered.status == 200 {
                assert_eq!(user.profile().await["phone_number"], phone, "{}", entered.text);
                world.prove(phone, account);
            }
        }
        9 => {
            assert_eq!(user.patch("/api/profile", &json!({ "phone_number": null })).await.status, 200);
            world.give_up(account, |identifier| identifier.starts_with('+'));
        }
        10 => {
            assert_eq!(user.delete(&format!("/api/users/{}", user.id())).await.status, 204);
            world.accounts.remove(&account);
            world.give_up(account, |_| true);
            world.code_of.retain(|_, of| *of != account);
        }
        _ => let_lapse(api).await,
    }
}

/// The account that has proven an identifier logs in with it, and no other.
async fn identifiers_are_their_owners(api: &Api, world: &World) {
    let identifiers = EMAILS.iter().chain(&PHONES);
    let tries = identifiers.flat_map(|identifier| {
        world.accounts.iter().map(move |(account, Account { user, password })| async move {
            let answer = api.try_token(identifier, password).await;
            let is_in = answer.status == 200;
            assert!(is_in || answer.status == 401, "{identifier}: {}", answer.text);
            assert_eq!(is_in, world.proven.get(identifier) == Some(account), "{identifier} by {account}");
            if is_in {
                assert_eq!(User::new(api, &answer.body).id(), user.id());
            }
        })
    });
    join_all(tries).await;
}

/// An identifier that no account has proven is free, once no code lives.
async fn what_nobody_has_proven_is_free(api: &Api, world: &mut World, identifier: &'static str) {
    let_lapse(api).await;
    world.code_of.clear();
    let somebody = if identifier.contains('@') {
        let (answer, made) = register(api, world, identifier, None).await;
        assert_eq!(answer.status, 201, "{identifier}: {}", answer.text);
        made
    } else {
        sign_up(api, world, identifier).await.unwrap_or_else(|| panic!("{identifier} is not free"))
    };
    let user = somebody.user;
    assert_eq!(user.delete(&format!("/api/users/{}", user.id())).await.status, 204);
}

#[tokio::test]
async fn an_identifier_is_of_use_to_the_account_that_has_proven_it_alone() {
    let policy = ("Policy", "strict");
    let api = Api::with(&[policy].into_iter().chain(unlimited()).collect::<Vec<_>>()).await;
    let (mut chance, mut world) = (chance(), World::default());
    for _ in 0..60 {
        step(&api, &mut world, &mut chance).await;
        identifiers_are_their_owners(&api, &world).await;
        let identifiers = EMAILS.iter().chain(&PHONES).copied();
        let unproven: Vec<_> = identifiers.filter(|it| !world.proven.contains_key(it)).collect();
        if chance.u8(..8) == 0
            && let Some(identifier) = unproven.get(chance.usize(..unproven.len().max(1)))
        {
            what_nobody_has_proven_is_free(&api, &mut world, identifier).await;
            identifiers_are_their_owners(&api, &world).await;
        }
    }
}
