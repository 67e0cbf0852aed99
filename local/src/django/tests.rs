//! What models and fields are taken for.

use std::collections::BTreeSet;

use super::*;

fn read(objects: &Value) -> Dump {
    Dump::read(objects.to_string().as_bytes(), &Settings::default()).unwrap()
}

fn user(pk: u32, joined: &str) -> Value {
    json!({ "model": "auth.user", "pk": pk, "fields": { "username": "ada", "password": "!", "date_joined": joined } })
}

#[test]
fn a_user_of_natural_keys_owns_what_names_them() {
    let dump = read(&json!([
        { "model": "auth.user", "fields": { "username": "ada", "password": "!" } },
        { "model": "hr.employee", "pk": 1, "fields": { "owner": ["ada"], "phone": "9881167671" } },
    ]));
    assert_eq!(dump.employees[0].record["owner"], dump.users[0].record["id"]);
}

#[test]
fn a_proof_is_of_what_the_user_logs_in_with() {
    let proofs = |fields: &Value| {
        let mut fields = fields.clone();
        fields["password"] = json!("!");
        let dump = read(&json!([{ "model": "a.user", "pk": 1, "fields": fields }]));
        let record = &dump.users[0].record;
        [&record["is_email_verified"], &record["is_phone_verified"]].map(|flag| flag.as_bool().unwrap())
    };
    assert_eq!(proofs(&json!({ "phone": "9881167671" })), [false, true]);
    assert_eq!(proofs(&json!({ "phone": "9881167671", "is_verified": false })), [false, false]);
    assert_eq!(proofs(&json!({ "phone": "9881167671", "phone_verified": false })), [false, false]);
    assert_eq!(proofs(&json!({ "phone": "9881167671", "email": "a@b.c" })), [false, false]);
    assert_eq!(
        proofs(&json!({ "phone": "9881167671", "email": "a@b.c", "is_verified": true })),
        [false, true]
    );
    assert_eq!(proofs(&json!({ "email": "a@b.c", "phone": "9881167671" })), [false, false]);
    assert_eq!(
        proofs(&json!({ "email": "a@b.c", "phone": "9881167671", "is_verified": true })),
        [true, false]
    );
    assert_eq!(
        proofs(&json!({ "username": "a", "phone": "9881167671", "is_verified": true })),
        [true, false]
    );
    assert_eq!(proofs(&json!({ "username": "a", "phone": "9881167671" })), [false, false]);
}

#[test]
fn who_is_waiting_to_be_verified_is_not_verified_by_what_holds_for_the_others() {
    let settings = Settings { emails_are_verified: true, phones_are_verified: true, ..Settings::default() };
    for login in [None, Some(Login::Username), Some(Login::Email), Some(Login::Phone)] {
        let settings = Settings { login, ..settings.clone() };
        let proofs = |field: &str, value: Value, records: &Value| {
            let mut objects = vec![json!({
                "model": "a.user", "pk": 1, "fields": { "email": "a@b.c", "phone": "9881167671", "password": "!", "last_login": null },
            })];
            objects[0]["fields"][field] = value;
            objects.extend(records.as_array().unwrap().clone());
            let dump = Dump::read(json!(objects).to_string().as_bytes(), &settings).unwrap();
            let record = &dump.users[0].record;
            [&record["is_email_verified"], &record["is_phone_verified"]].map(|flag| flag.as_bool().unwrap())
        };
        let none = json!([]);
        assert_eq!(proofs("is_active", json!(true), &none), [true, true]);
        assert_eq!(proofs("is_active", json!(false), &none), [false, false]);
        for (field, value) in [
            ("is_verified", json!(false)),
            ("verified", json!(null)),
            ("verified_at", json!(null)),
            ("otp_verified", json!(false)),
        ] {
            assert_eq!(proofs(field, value, &none), [false, false], "{field}");
        }
        assert_eq!(proofs("email_verified_at", json!(null), &none), [false, true]);
        assert_eq!(proofs("phone_verified", json!(false), &none), [true, false]);
        let elsewhere = |fields: Value| json!([{ "model": "account.address", "pk": 1, "fields": fields }]);
        let unverified = elsewhere(json!({ "user": 1, "email": "a@b.c", "verified": false }));
        assert_eq!(proofs("is_active", json!(true), &unverified), [false, true]);
        let several = json!([
            { "model": "account.address", "pk": 1, "fields": { "user": 1, "email": "a@b.c", "verified": false } },
            { "model": "account.address", "pk": 2, "fields": { "user": 1, "email": "b@b.c", "verified": true } },
        ]);
        assert_eq!(proofs("is_active", json!(true), &several), [false, true]);
        let another = elsewhere(json!({ "user": 1, "email": "b@b.c", "verified": false }));
        assert_eq!(proofs("is_active", json!(true), &another), [true, true]);
    }
}

#[test]
fn a_time_of_verification_is_a_proof() {
    let fields = json!({ "phone": "9881167671", "email": "a@b.c", "password": "!", "phone_verified_at": "2024-01-01T00:00:00Z" });
    let dump = read(&json!([{ "model": "a.user", "pk": 1, "fields": fields }]));
    assert_eq!(dump.users[0].record["is_phone_verified"], true);
    assert_eq!(dump.users[0].record["is_email_verified"], false);
}

#[test]
fn a_proof_of_another_number_than_the_user_s_is_none() {
    for (number, is_proven) in [("9881167671", true), ("9881167672", false)] {
        let dump = read(&json!([
            { "model": "a.user", "pk": 1, "fields": { "username": "ada", "password": "!", "phone": "9881167671" } },
            { "model": "a.profile", "pk": 1, "fields": { "user": 1, "phone": number, "phone_verified": true } },
        ]));
        assert_eq!(dump.users[0].record["is_phone_verified"], is_proven, "{number}");
    }
}

#[test]
fn a_sign_up_that_nobody_has_finished_is_no_user() {
    let read = |model: &str, fields: &Value| {
        let mut fields = fields.clone();
        fields["phone"] = json!("9881167671");
        fields["password"] = json!("!");
        read(&json!([{ "model": model, "pk": 1, "fields": fields }]))
    };
    for field in [
        "verification_code",
        "otp",
        "phone_otp",
        "code",
        "code_hash",
        "activation_code",
        "activation_key",
        "token",
        "registration_token",
        "expires_at",
        "code_expires_at",
        "otp_expiry",
        "is_used",
    ] {
        let dump = read("a.signup", &json!({ field: "x", "date_joined": "2024-01-01T00:00:00Z" }));
        assert_eq!(dump.users.len(), 0, "{field}");
        assert_eq!(
            (dump.report.left_out["a.signup"], dump.report.pending.contains("a.signup")),
            (1, true),
            "{field}"
        );
        // A model of users may have such a field, too.
        for of_users in ["last_login", "is_active"] {
            let dump = read("a.user", &json!({ field: "x", of_users: null }));
            assert_eq!((dump.users.len(), dump.report.pending.len()), (1, 0), "{field} {of_users}");
        }
    }
    for field in ["country_code", "postal_code", "referral_code", "fcm_token", "is_verified", "date_joined"] {
        assert_eq!(read("a.user", &json!({ field: null })).users.len(), 1, "{field}");
    }
    assert_eq!(read("a.pendinguser", &json!({ "last_login": null })).users.len(), 0);
}

#[test]
fn beside_users_of_django_a_model_without_their_fields_has_no_users_whatever_its_codes_are_called() {
    let dump = json!([
        { "model": "a.user", "pk": 1, "fields": {
            "username": "ada", "password": "x", "last_login": null, "is_active": true } },
        { "model": "a.signup", "pk": 1, "fields": {
            "phone": "9881167680", "password": "x", "verificationCode": "123456" } },
        { "model": "a.preregistration", "pk": 1, "fields": {
            "phone": "9881167681", "password": "x", "created_at": "2024-01-01T00:00:00Z" } },
    ]);

    let read = Dump::read(dump.to_string().as_bytes(), &Settings::default()).unwrap();

    assert_eq!(read.users.len(), 1);
    assert_eq!(read.report.pending, BTreeSet::from(["a.signup".to_owned(), "a.preregistration".to_owned()]));
}

#[test]
fn a_number_that_waits_for_its_code_is_not_the_user_s() {
    let dump = read(&json!([
        user(1, "2024-01-01T00:00:00Z"),
        { "model": "a.change", "pk": 1, "fields": { "user": 1, "phone": "9881167671", "verification_code": "1234" } },
    ]));
    assert_eq!(dump.users[0].record.get("phone_number"), None);
    assert_eq!(dump.report.left_out, [("a.change".to_owned(), 1)].into());
}

#[test]
fn a_profile_proves_the_number_that_it_has_and_nothing_else() {
    let proofs = |profile: &Value| {
        let mut profile = profile.clone();
        profile["user"] = json!(1);
        profile["is_verified"] = json!(true);
        let dump = read(&json!([
            { "model": "a.user", "pk": 1, "fields": { "username": "ada", "password": "!", "email": "a@b.c" } },
            { "model": "a.profile", "pk": 1, "fields": profile },
        ]));
        let record = &dump.users[0].record;
        [&record["is_email_verified"], &record["is_phone_verified"]].map(|flag| flag.as_bool().unwrap())
    };
    assert_eq!(proofs(&json!({})), [false, false]);
    assert_eq!(proofs(&json!({ "phone": "9881167671" })), [false, true]);
    assert_eq!(proofs(&json!({ "phone": "9881167671", "email": "a@b.c" })), [false, false]);
}

#[test]
fn a_user_who_is_an_employee_has_proven_what_they_log_in_with() {
    let proof = |fields: Value| {
        let mut fields = fields;
        fields["password"] = json!("!");
        fields["is_verified"] = json!(true);
        let dump = read(&json!([{ "model": "hr.employee", "pk": 1, "fields": fields }]));
        dump.employees[0].record.get("is_phone_verified") == Some(&json!(true))
    };
    assert!(!proof(json!({ "username": "ada", "phone": "9881167671" })));
    assert!(proof(json!({ "phone": "9881167671" })));
}

#[test]
fn of_two_addresses_the_first_is_a_guess_and_the_operator_may_say() {
    let users = json!([
        { "model": "a.user", "pk": 1, "fields": { "mobile": "9881167671", "email": "a@b.c", "password": "!" } },
    ]);
    let guessed = read(&users);
    assert_eq!(guessed.report.guesses, [("a.user".to_owned(), "mobile".to_owned())].into());
    for (login, username, is_proven) in
        [(Login::Phone, None, true), (Login::Email, Some(&json!("a@b.c")), false)]
    {
        let settings = Settings { login: Some(login), ..Settings::default() };
        let told = Dump::read(users.to_string().as_bytes(), &settings).unwrap();
        assert_eq!(told.report.guesses, BTreeMap::new());
        let record = &told.users[0].record;
        assert_eq!((record.get("username"), &record["is_phone_verified"]), (username, &json!(is_proven)));
    }
}

#[test]
fn a_key_is_not_the_name_that_reads_like_it() {
    let user = |pk: u32, name: &str| json!({ "model": "auth.user", "pk": pk, "fields": { "username": name, "password": "!" } });
    let owned = |pk: u32, owner: Value| json!({ "model": "hr.employee", "pk": pk, "fields": { "owner": owner, "phone": "9881167671" } });
    let dump = read(&json!([
        user(1001, "ada"),
        user(7, "1001"),
        owned(1, json!(1001)),
        owned(2, json!(["1001"])),
        { "model": "a.profile", "pk": 1, "fields": { "user": 1001, "phone": "9881167672" } },
    ]));
    for at in 0..2 {
        assert_eq!(dump.employees[at].record["owner"], dump.users[at].record["id"]);
    }
    assert_eq!(dump.users[0].record["phone_number"], "+919881167672");
    assert_eq!(dump.users[1].record.get("phone_number"), None);
}

#[test]
fn nothing_belongs_to_either_of_two_users() {
    let user = |model: &str, name: &str| json!({ "model": model, "pk": 1, "fields": { "username": name, "password": "!" } });
    let dump = read(&json!([
        user("auth.user", "ada"),
        user("shop.customer", "bob"),
        { "model": "hr.employee", "pk": 1, "fields": { "owner": 1, "phone": "9881167671" } },
        { "model": "hr.employee", "pk": 2, "fields": { "owner": ["bob"], "phone": "9881167672" } },
        { "model": "a.profile", "pk": 1, "fields": { "user": 1, "phone": "9881167673" } },
    ]));
    assert_eq!(dump.refused[0].reason, "owner: 1 may be of either of two users in the dump");
    assert_eq!(dump.employees[0].record["owner"], dump.users[1].record["id"]);
    assert!(dump.users.iter().all(|user| user.record.get("phone_number").is_none()));
    assert_eq!(dump.report.left_out, [("a.profile".to_owned(), 1)].into());
}

#[test]
fn an_employee_is_called_so_and_is_neither_a_document_nor_the_past() {
    let fields =
        json!({ "owner": 1, "phone": "9881167671", "code": "E7", "department": ["acme", "Engineering"] });
    let mut past = fields.clone();
    past["history_type"] = json!("~");
    let was_user = json!({ "username": "ada", "password": "!", "history_id": 1 });
    let dump = read(&json!([
        user(1, "2024-01-01T00:00:00Z"),
        { "model": "hr.employee", "pk": 1, "fields": fields },
        { "model": "hr.employeedocument", "pk": 1, "fields": fields },
        { "model": "hr.historicalemployee", "pk": 1, "fields": past },
        { "model": "auth.historicaluser", "pk": 1, "fields": was_user },
    ]));
    assert_eq!((dump.users.len(), dump.employees.len()), (1, 1));
    assert_eq!(dump.employees[0].record["department"], "Engineering");
    assert_eq!(dump.report.left_out.values().sum::<usize>(), 3);
}

#[test]
fn codes_and_what_is_unknown_are_left_out() {
    let dump = read(&json!([
        user(1, "2024-01-01T00:00:00Z"),
        { "model": "a.emailotp", "pk": 1, "fields": { "user": 1, "otp": "1234", "is_verified": true } },
        { "model": "a.profile", "pk": 1, "fields": { "user": 9, "phone": "9881167671" } },
        { "model": "a.profile", "pk": 2, "fields": { "user": 1, "phone": "9881167672", "email": "" } },
        { "model": "shop.order", "pk": 1, "fields": { "user": 1, "address": "here" } },
        { "model": "shop.order", "pk": 2, "fields": { "user": 1, "address": "there" } },
        { "model": "sessions.session", "pk": "x", "fields": {} },
    ]));
    assert_eq!(dump.users[0].record["phone_number"], "+919881167672");
    assert_eq!(dump.users[0].record.get("address"), None);
    assert_eq!(dump.users[0].record["is_email_verified"], false);
    assert_eq!(
        dump.report.left_out.keys().collect::<Vec<_>>(),
        ["a.emailotp", "a.profile", "sessions.session", "shop.order"]
    );
}
