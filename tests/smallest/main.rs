//! Reads an item of the Users table, as the examples of AWS's SDK do.

use std::env;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use lambda_http::{Error, Request, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = &Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let table = &env::var("USERS_TABLE")?;
    run(service_fn(async |_: Request| {
        let key = AttributeValue::S("user#smallest".to_owned());
        let found = client.get_item().table_name(table).key("pk", key).send().await?;
        Ok::<_, Error>(Response::new(format!("{{\"found\":{}}}", found.item.is_some())))
    }))
    .await
}
