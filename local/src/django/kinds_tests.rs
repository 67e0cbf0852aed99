//! Kinds of systems: one dump for each.

use super::*;

const HASH: &str = "pbkdf2_sha256$1000$salt$aGFzaA==";

fn read(objects: &Value) -> Dump {
    read_with(objects, &Settings::default())
}

fn read_with(objects: &Value, settings: &Settings) -> Dump {
    Dump::read(objects.to_string().as_bytes(), settings).unwrap()
}

fn object(model: &str, pk: u32, fields: &Value) -> Value {
    json!({ "model": model, "pk": pk, "fields": fields })
}

fn user(pk: u32, fields: &Value) -> Value {
    let mut all =
        json!({ "username": format!("user{pk}"), "password": HASH, "last_login": null, "is_active": true });
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    object("auth.user", pk, &all)
}

fn fields<'a>(record: &'a Value, names: &[&str]) -> Vec<&'a Value> {
    names.iter().map(|name| record.get(*name).unwrap_or(&Value::Null)).collect()
}

#[test]
fn fields_of_users_have_many_names() {
    let dump = read(&json!([
        object(
            "accounts.members",
            1,
            &json!({
                "userName": "ada", "emailid": "ada@example.com", "phonenumber": 9_881_167_671_u64, "password": HASH,
                "fullname": "Ada King Lovelace", "is_admin": true,
            })
        ),
        object(
            "accounts.members",
            2,
            &json!({
                "userName": "bob", "mobile_no": "9881167672", "password": HASH, "firstname": "Bob", "surname": "B", "is_admin": false,
            })
        ),
    ]));
    assert_eq!(
        fields(
            &dump.users[0].record,
            &["username", "email", "phone_number", "first_name", "last_name", "is_staff"]
        ),
        ["ada", "ada@example.com", "+919881167671", "Ada", "King Lovelace"]
            .map(Value::from)
            .iter()
            .chain(&[json!(false)])
            .collect::<Vec<_>>()
    );
    assert_eq!(
        fields(&dump.users[1].record, &["phone_number", "first_name", "last_name"]),
        ["+919881167672", "Bob", "B"]
    );
    assert_eq!(dump.report.no_place, [("accounts.members.is_admin".to_owned(), 1)].into());
}

#[test]
fn a_field_means_what_the_operator_says() {
    let objects = json!([object(
        "app.person",
        1,
        &json!({
            "handle": "ada", "secret": HASH, "is_admin": true, "phone": "9881167671", "line": "9881167672",
        })
    )]);
    assert_eq!((read(&objects).users.len(), read(&objects).report.with_passwords.len()), (0, 1));
    let map = ["handle=username", "secret=password", "is_admin=is_staff", "line=phone_number"];
    let map = map.iter().map(|mapping| format!("app.person.{mapping}").parse().unwrap()).collect();
    let dump = read_with(&objects, &Settings { map, ..Settings::default() });
    assert_eq!(
        fields(&dump.users[0].record, &["username", "password", "phone_number"]),
        ["ada", HASH, "+919881167672"]
    );
    assert_eq!(dump.users[0].record["is_staff"], true);
    assert_eq!(dump.report.no_place, [("app.person.phone".to_owned(), 1)].into());
}

#[test]
fn the_operator_s_word_on_the_login_goes_before_usernames() {
    let settings = Settings { login: Some(Login::Phone), ..Settings::default() };
    let dump = read_with(&json!([user(1, &json!({ "phone": "9881167671" }))]), &settings);
    assert_eq!(dump.users[0].record["is_phone_verified"], true);
}

#[test]
fn an_employee_refers_to_the_user_in_any_field() {
    let dump = read(&json!([
        user(11, &json!({ "first_name": "Ada", "last_name": "L", "phone": "9881167671", "address": "here" })),
        user(12, &json!({ "first_name": "Bob" })),
        object("hr.employees", 1, &json!({ "portal_ref": 12, "department": "Ops", "age": 11, "manager": 2 })),
        object(
            "hr.employees",
            2,
            &json!({ "portal_ref": 11, "department": "Ops", "age": 12, "manager": null })
        ),
    ]));
    let names = ["first_name", "last_name", "phone_number", "address"];
    assert_eq!(
        fields(&dump.employees[0].record, &names),
        [&json!("Bob"), &Value::Null, &Value::Null, &Value::Null]
    );
    assert_eq!(fields(&dump.employees[1].record, &names), ["Ada", "L", "+919881167671", "here"]);
    assert_eq!(dump.employees[0].record["owner"], dump.users[1].record["id"]);
}

#[test]
fn a_directory_with_an_owner_takes_nothing_from_the_owner() {
    let dump = read_with(
        &json!([
            user(1, &json!({ "first_name": "Ada", "phone": "9881167671" })),
            object("hr.employee", 1, &json!({ "owner": 1, "name": "Cher", "phone": "" })),
            object(
                "hr.employee",
                2,
                &json!({ "owner": null, "name": "", "phone": "", "email": "x.y@example.com" })
            ),
        ]),
        &Settings { owner: Some("boss".to_owned()), ..Settings::default() },
    );
    let names = ["first_name", "last_name", "phone_number", "owner_username"];
    assert_eq!(
        fields(&dump.employees[0].record, &names),
        [&json!("Cher"), &Value::Null, &Value::Null, &Value::Null]
    );
    assert_eq!(
        fields(&dump.employees[1].record, &names),
        [&json!("x.y"), &Value::Null, &Value::Null, &json!("boss")]
    );
}

#[test]
fn a_table_of_employees_whose_keys_are_those_of_users_by_chance_does_not_inherit() {
    let dump = read(&json!([
        user(1, &json!({ "email": "ada@example.com" })),
        object("hr.employee", 1, &json!({ "first_name": "Grace", "phone": "9881167671" })),
    ]));
    assert_eq!(dump.refused[0].reason, "owner: the record names none; name one with --owner");
}

#[test]
fn a_profile_whose_key_is_the_user_is_the_user_s() {
    let dump = read(&json!([
        user(1, &json!({})),
        user(2, &json!({})),
        object("app.userprofile", 2, &json!({ "mobile": "9881167671", "dob": "1990-01-02T00:00:00" })),
    ]));
    assert_eq!(
        fields(&dump.users[1].record, &["phone_number", "date_of_birth"]),
        ["+919881167671", "1990-01-02"]
    );
    assert_eq!(dump.users[0].record.get("phone_number"), None);
}

#[test]
fn an_order_is_no_profile_although_each_user_has_one() {
    let dump = read(&json!([
        user(1, &json!({})),
        object("shop.order", 1, &json!({ "user": 1, "phone": "9881167671", "address": "here" })),
    ]));
    assert_eq!(fields(&dump.users[0].record, &["phone_number", "address"]), [&Value::Null, &Value::Null]);
    assert_eq!(dump.report.left_out, [("shop.order".to_owned(), 1)].into());
}

#[test]
fn nobody_who_was_there_is_pending() {
    let pending = |fields: &Value, code: &Value| {
        let mut inactive = json!({ "is_active": false, "email": "ada@example.com" });
        for (name, value) in fields.as_object().unwrap() {
            inactive[name] = value.clone();
        }
        let model = code["model"].as_str().unwrap_or("users.otp").to_owned();
        let mut code = code.clone();
        code.as_object_mut().unwrap().remove("model");
        let dump = read(&json!([user(1, &json!({})), user(2, &inactive), object(&model, 1, &code)]));
        dump.users[1].record.get("is_pending") == Some(&json!(true))
    };
    let code = json!({ "user": 2, "code": "1234" });
    assert!(pending(&json!({}), &code));
    assert!(pending(&json!({}), &json!({ "email": "ADA@example.com", "otp": "1234", "is_used": false })));
    assert!(pending(&json!({ "otp": "1234" }), &json!({ "user": 1, "code": "1" })));
    for (what, fields, code) in [
        ("no code", json!({}), json!({ "user": 1, "code": "1234" })),
        ("a login", json!({ "last_login": "2024-01-01T00:00:00Z" }), code.clone()),
        ("staff", json!({ "is_staff": true }), code.clone()),
        ("verified", json!({ "is_verified": true }), code.clone()),
        ("used", json!({}), json!({ "user": 2, "code": "1234", "is_used": true })),
        ("used at", json!({}), json!({ "user": 2, "code": "1234", "used_at": "2024-01-01T00:00:00Z" })),
        ("a new password", json!({}), json!({ "user": 2, "code": "1234", "purpose": "password_reset" })),
        (
            "a model for passwords",
            json!({}),
            json!({ "user": 2, "code": "1234", "model": "users.passwordresetotp" }),
        ),
        (
            "a token",
            json!({}),
            json!({ "user": 2, "token": "x", "model": "token_blacklist.outstandingtoken" }),
        ),
        ("nowhere to send a code", json!({ "email": "" }), code.clone()),
    ] {
        assert!(!pending(&fields, &code), "{what}");
    }
}

#[test]
fn a_field_that_says_no_is_evidence_where_it_says_yes_of_others() {
    let pending = |others: bool| {
        let dump = read(&json!([
            user(1, &json!({ "email_verified": others })),
            user(2, &json!({ "email_verified": false, "is_active": false, "email": "a@b.com" })),
        ]));
        dump.users[1].record.get("is_pending") == Some(&json!(true))
    };
    assert!(pending(true));
    assert!(!pending(false));
}

#[test]
fn groups_come_by_key_or_by_name() {
    let dump = read(&json!([
        object("auth.group", 7, &json!({ "name": "HR", "permissions": [] })),
        user(1, &json!({ "groups": [7, 8] })),
        user(2, &json!({ "groups": [["Ops"]] })),
    ]));
    assert_eq!(
        [&dump.users[0].record["groups"], &dump.users[1].record["groups"]],
        [&json!(["HR"]), &json!(["Ops"])]
    );
}

#[test]
fn old_keys_that_are_numbers_stay_and_those_of_a_second_model_do_not() {
    let mut objects = vec![
        object("shop.customer", 1, &json!({ "username": "eve", "password": HASH, "last_login": null })),
        user(1, &json!({})),
        user(2, &json!({})),
    ];
    objects.push(json!({ "model": "auth.user", "pk": "x", "fields": { "username": "x", "password": HASH, "last_login": null } }));
    objects.push(json!({ "model": "auth.user", "pk": 9_007_199_254_740_992_u64, "fields": { "username": "y", "password": HASH, "last_login": null } }));
    let dump = read(&json!(objects));
    let numbers: Vec<_> =
        dump.users.iter().map(|user| user.record.get("number").and_then(Value::as_u64)).collect();
    assert_eq!(numbers, [None, Some(1), Some(2), None, None]);
}

#[test]
fn what_cannot_be_is_dropped_and_reported() {
    let dump = read(&json!([
        user(
            1,
            &json!({
                "email": "nobody", "phone": "N/A", "password": "md5$salt$hash", "first_name": "x".repeat(151), "dob": "1990-02-30",
                "date_joined": "9000-01-01T00:00:00Z", "last_login": "yesterday", "address": { "street": "here" },
            })
        ),
        user(2, &json!({ "username": "USER1", "date_joined": "1900-01-01" })),
        user(3, &json!({ "username": "with space" })),
    ]));
    let dropped: Vec<_> = dump.users[0]
        .dropped
        .iter()
        .map(|dropped| format!("{}: {}", dropped.field, dropped.reason))
        .collect();
    assert_eq!(
        dropped,
        [
            "phone_number: not a valid phone number",
            "email: not a valid e-mail address",
            "password: not hashed by PBKDF2, Argon2, bcrypt or scrypt",
            "first_name: too long",
            "address: not a text",
            "date_of_birth: not a date",
            "last_login: not a time that has been",
            "date_joined: in the future",
        ]
    );
    assert_eq!(
        fields(&dump.users[1].record, &["username", "date_joined"]),
        ["USER1_2", "1970-01-01T00:00:00Z"]
    );
    assert_eq!(dump.users[2].record["username"], "with_space_3");
}

#[test]
fn a_user_without_an_identifier_that_can_stay_has_the_old_one_as_username() {
    let of = |field: &str, value: &str| {
        let fields = json!({ field: value, "password": HASH, "last_login": null });
        read(&json!([object("app.user", 7, &fields)])).users[0].record["username"].clone()
    };
    assert_eq!(of("phone", "12"), "12");
    assert_eq!(of("email", "nobody"), "nobody");
    // Not what reads like the number of the first.
    let dump = read(&json!([
        object("app.user", 1, &json!({ "phone": "9881167671", "password": HASH, "last_login": null })),
        object("app.user", 2, &json!({ "phone": "09881167671", "password": HASH, "last_login": null })),
    ]));
    assert_eq!(
        fields(&dump.users[1].record, &["username", "phone_number"]),
        [&json!("user_2"), &Value::Null]
    );
}

#[test]
fn department_keys_become_names() {
    let dump = read_with(
        &json!([
            user(1, &json!({})),
            object("hr.departments", 4, &json!({ "name": "Engineering" })),
            object("hr.designation", 5, &json!({ "title": "Admiral" })),
            object("hr.employee", 1, &json!({ "user": 1, "department": 4, "designation": 5 })),
            object("hr.employee", 2, &json!({ "user": 1, "department": 9, "designation": "Captain" })),
        ]),
        &Settings::default(),
    );
    assert_eq!(fields(&dump.employees[0].record, &["department", "job_title"]), ["Engineering", "Admiral"]);
    assert_eq!(
        fields(&dump.employees[1].record, &["department", "job_title"]),
        [&Value::Null, &json!("Captain")]
    );
    assert_eq!(dump.employees[1].dropped[0].field, "department");
}
