//! What an instance keeps between requests: clients, names of tables, and what it has fetched or derived.

use crate::{
    Error, aws, config,
    dynamo::{BatchGet, key, key2},
    password::Hasher,
    secret::Secrets,
    token::Keys,
};

/// The parts of a function. Built once for an instance, before its first request; nothing in it calls out before it is
/// used, and what a function never names is not linked into it.
pub struct App {
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) tables: Tables,
    /// The `iss` of every token: the stack's name.
    pub(crate) issuer: String,
    pub(crate) keys: Keys,
    pub(crate) secrets: Secrets,
    /// Hashes passwords.
    pub hasher: Hasher,
}

/// The names of the tables.
pub(crate) struct Tables {
    pub users: String,
    pub employees: String,
    pub tokens: String,
    pub otps: String,
    pub throttles: String,
}

impl App {
    /// Reads the environment. An error here ends the instance before it takes a request.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self {
            dynamodb: aws::dynamodb()?,
            tables: Tables {
                users: config::text("USERS_TABLE")?,
                employees: config::text("EMPLOYEES_TABLE")?,
                tokens: config::text("TOKENS_TABLE")?,
                otps: config::text("OTPS_TABLE")?,
                throttles: config::text("THROTTLES_TABLE")?,
            },
            issuer: config::text("ISSUER")?,
            keys: Keys::default(),
            secrets: Secrets::default(),
            hasher: Hasher::default(),
        })
    }

    /// The stack's name, as its messages and tokens give it.
    #[must_use]
    pub fn stack(&self) -> &str {
        &self.issuer
    }

    /// Whether every table answers.
    pub async fn tables_answer(&self) -> Result<(), Error> {
        let Tables { users, employees, tokens, otps, throttles } = &self.tables;
        let mut probes = BatchGet::default();
        for table in [users, employees, otps, throttles] {
            probes.want(table, key("health"));
        }
        probes.want(tokens, key2("health", "health"));
        probes.send(self).await.map(drop)
    }
}
