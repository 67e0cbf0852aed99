//! What a login writes in a user's record, and the end of all sessions.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::{UpdateItemError, UpdateItemOutput},
    types::ReturnValuesOnConditionCheckFailure,
};
use jiff::Timestamp;

use super::record::Account;
use crate::{
    App, Error,
    dynamo::{AttributeValue, in_the_way, is_refused, n, operation_id, s, string_list, update_expression},
    email, http,
    id::{Id, record_key},
    log,
    password::Hash,
};

/// The most characters of what is typed to log in: no username or address is longer.
pub const LOGIN_LENGTH: usize = email::LONGEST;

/// What is typed to log in: any text that could be a username or an address.
pub fn login_text(text: &str) -> Result<String, String> {
    http::at_most(LOGIN_LENGTH, text).map(str::to_owned)
}

/// Notes a login and its network and counts its session, with a new hash of the same password when the old one was made by rules
/// that are no longer ours. When it fails, the login stands; of two logins at once, one network is noted.
pub async fn note_login(app: &App, account: &Account, network: &str, at: Timestamp, rehashed: Option<&Hash>) {
    let mut noted = try_note_login(app, account, network, at, rehashed).await;
    if rehashed.is_some() && noted.as_ref().is_err_and(is_refused) {
        // Another login has renewed the hash.
        noted = try_note_login(app, account, network, at, None).await;
    }
    if let Err(error) = noted
        && !is_refused(&error)
    {
        log::failed_call(&Error::from_aws(error).cause(), "a login was not noted");
    }
}

async fn try_note_login(
    app: &App,
    account: &Account,
    network: &str,
    at: Timestamp,
    rehashed: Option<&Hash>,
) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
    let mut set = vec!["last_login = :now"];
    let mut update = app
        .client
        .update_item()
        .table_name(&app.tables.users)
        .set_key(Some(record_key(account.user.id)))
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":now", s(at.to_string()));
    let networks = account.networks_after(network);
    if networks != account.known_networks {
        set.push("known_networks = :networks");
        update = update.expression_attribute_values(":networks", string_list(&networks));
    }
    // A first try whose answer was lost has counted the session: it is refused.
    let mut condition =
        "attribute_exists(pk) AND (attribute_not_exists(last_login) OR last_login <> :now)".to_owned();
    if let Some(hash) = rehashed {
        set.push("password = :new");
        condition.push_str(" AND password = :old");
        update = update
            .expression_attribute_values(":old", s(account.password.text()))
            .expression_attribute_values(":new", s(hash.text()));
    }
    update
        .update_expression(format!("SET {} ADD sessions_begun :one", set.join(", ")))
        .condition_expression(condition)
        .send()
        .await
}

/// As if that login had not been noted: it has failed. The new hash stays, it is of the same password.
pub async fn forget_login(app: &App, account: &Account, at: Timestamp) {
    let networks = &account.known_networks;
    let before = [
        ("last_login", account.user.last_login.map(|before| s(before.to_string()))),
        ("known_networks", (!networks.is_empty()).then(|| string_list(networks))),
    ];
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    let mut update = app
        .client
        .update_item()
        .table_name(&app.tables.users)
        .set_key(Some(record_key(account.user.id)))
        .condition_expression("last_login = :at")
        .expression_attribute_values(":less", AttributeValue::N("-1".to_owned()))
        .expression_attribute_values(":at", s(at.to_string()));
    for (name, before) in before {
        match before {
            None => remove.push(name.to_owned()),
            Some(before) => {
                set.push(format!("{name} = :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), before);
            }
        }
    }
    let set_and_remove = update_expression(&set, &remove);
    let update = update.update_expression(format!("{set_and_remove} ADD sessions_begun :less"));
    if let Err(error) = update.send().await
        && !is_refused(&error)
    {
        log::failed_call(&Error::from_aws(error).cause(), "a login that failed stays noted");
    }
}

/// Ends every session of a user that has begun by now. False when the user is gone.
pub async fn end_sessions(app: &App, id: Id) -> Result<bool, Error> {
    let ended = app
        .client
        .update_item()
        .table_name(&app.tables.users)
        .set_key(Some(record_key(id)))
        .update_expression("SET ended_by = :op ADD epoch :one")
        .condition_expression("attribute_exists(pk) AND (attribute_not_exists(ended_by) OR ended_by <> :op)")
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":op", s(operation_id()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    match ended {
        Ok(_) => Ok(true),
        // Somebody who is there has been written by a first try whose answer was lost.
        Err(error) => match in_the_way(&error) {
            Some(user) => Ok(!user.is_empty()),
            None => Err(Error::from_aws(error)),
        },
    }
}
