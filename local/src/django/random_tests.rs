//! Random dumps: nothing breaks the reader, and no record is forgotten.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample};

use super::*;

/// Any value that a field of an old table may have.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!("")),
        any::<bool>().prop_map(Value::from),
        (-2..5_i64).prop_map(Value::from),
        (0..5_u64).prop_map(|number| json!(9_881_167_600 + number)),
        (0..5_u64).prop_map(|number| json!(format!("098811676{number:02}"))),
        "[a-cA-C]{1,2}".prop_map(Value::from),
        "[a-b]@[a-b]\\.(com|de)".prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("pbkdf2_sha256$1000$salt$aGFzaA==")),
        Just(json!("2024-02-30T00:00:00")),
        Just(json!("2024-02-03T04:05:06Z")),
        Just(json!([1, "a"])),
        Just(json!(["a"])),
        Just(json!({ "a": 1 })),
    ]
}

fn any_record() -> impl Strategy<Value = Value> {
    let models = [
        "auth.user",
        "shop.customer",
        "hr.employee",
        "hr.staff",
        "hr.profile",
        "hr.department",
        "account.emailaddress",
        "auth.group",
        "users.otp",
        "users.pendinguser",
        "shop.order",
        "app.historicaluser",
    ];
    let fields = [
        "username",
        "email",
        "phone",
        "mobile",
        "password",
        "first_name",
        "name",
        "is_active",
        "is_staff",
        "last_login",
        "date_joined",
        "user",
        "owner",
        "employee_ref",
        "department",
        "verified",
        "is_phone_verified",
        "primary",
        "otp",
        "groups",
        "address",
        "dob",
        "salary",
    ];
    let fields = proptest::collection::btree_map(sample::select(fields.to_vec()), any_value(), 0..12);
    (sample::select(models.to_vec()), 1..40_u32, fields)
        .prop_map(|(model, pk, fields)| json!({ "model": model, "pk": pk, "fields": fields }))
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let logins = [None, Some(Login::Username), Some(Login::Email), Some(Login::Phone)];
    let inactive = [None, Some(Inactive::Pending), Some(Inactive::Disabled)];
    let owner = [None, Some("ada".to_owned())];
    let choices =
        (sample::select(logins.to_vec()), sample::select(inactive.to_vec()), sample::select(owner.to_vec()));
    (choices, any::<bool>(), any::<bool>()).prop_map(|((login, inactive, owner), emails, phones)| Settings {
        login,
        inactive,
        owner,
        emails_are_verified: emails,
        phones_are_verified: phones,
        ..Settings::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_dump_breaks_the_reader_and_every_record_is_accounted_for(
        records in proptest::collection::vec(any_record(), 1..20),
        settings in any_settings(),
    ) {
        let known = &mut BTreeSet::new();
        let records: Vec<_> =
            records.into_iter().filter(|record| known.insert(format!("{} {}", record["model"], record["pk"]))).collect();
        let dump = Dump::read(json!(records).to_string().as_bytes(), &settings).unwrap();

        let is_once = |source: &&Source| !source.is_both;
        let employees = dump.employees.iter().map(|entry| &entry.source).filter(is_once).count();
        let refused = dump.refused.iter().map(|refusal| &refusal.source).filter(is_once).count();
        let rest = dump.report.left_out.values().chain(dump.report.parts.values()).sum::<usize>();
        prop_assert_eq!(dump.users.len() + employees + refused + rest, records.len(), "{}", dump.report);

        let unique = |name: &str, entries: &[Entry]| {
            let values: Vec<_> = entries.iter().filter_map(|entry| entry.record[name].as_str()).map(str::to_lowercase).collect();
            values.len() == values.iter().collect::<BTreeSet<_>>().len()
        };
        for name in ["username", "email", "phone_number"] {
            prop_assert!(unique(name, &dump.users), "{}", name);
        }
        for name in ["email", "phone_number"] {
            prop_assert!(unique(name, &dump.employees), "{}", name);
        }
        for user in &dump.users {
            let is = |flag: &str| user.record.get(flag) == Some(&json!(true));
            prop_assert!(!(is("is_pending") && (is("is_active") || is("is_email_verified") || is("is_phone_verified"))));
        }
        let again = Dump::read(json!(records).to_string().as_bytes(), &settings).unwrap();
        prop_assert_eq!(format!("{:?}", again.users), format!("{:?}", dump.users));
    }
}
