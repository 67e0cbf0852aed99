//! The tables.

use crate::{Error, aws, config};

/// A client of DynamoDB and the names of the tables: what a store needs, and nothing else of an instance.
pub struct Db {
    pub(super) client: aws_sdk_dynamodb::Client,
    pub(crate) tables: Tables,
}

/// The names of the tables.
pub(crate) struct Tables {
    pub users: String,
    pub employees: String,
    pub tokens: String,
    pub otps: String,
    pub throttles: String,
}

impl Db {
    /// Reads the environment. Nothing is called before the first read or write.
    pub(crate) fn from_env() -> Result<Self, Error> {
        Ok(Self {
            client: aws::dynamodb()?,
            tables: Tables {
                users: config::text("USERS_TABLE")?,
                employees: config::text("EMPLOYEES_TABLE")?,
                tokens: config::text("TOKENS_TABLE")?,
                otps: config::text("OTPS_TABLE")?,
                throttles: config::text("THROTTLES_TABLE")?,
            },
        })
    }
}
