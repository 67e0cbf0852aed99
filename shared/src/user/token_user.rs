//! Whom the tokens of the Django system mean that users came from: of each user the key there and the id here.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::{
    Error,
    dynamo::{Db, Item, Write, key, s, text},
    id::Id,
};

/// How many records are written at once.
const PARALLEL: usize = 8;
/// The most bytes of a key in the other system.
const LONGEST: usize = 255;

fn record_key(user: &str) -> Item {
    key(format!("token_user#{user}"))
}

/// The user here who has this key in the other system.
pub(crate) async fn find(db: &Db, user: &str) -> Result<Option<Id>, Error> {
    if user.is_empty() || user.len() > LONGEST {
        return Ok(None);
    }
    let found = db.get(&db.tables.users, record_key(user)).await?;
    Ok(found.and_then(|record| text(&record, "record_id")?.parse().ok()))
}

/// Keeps these users' keys in the other system. The first user with a key keeps it.
pub(super) async fn remember(db: &Db, users: Vec<(String, Id)>) -> Result<(), Error> {
    let writes = users.into_iter().filter(|(user, _)| user.len() <= LONGEST).map(|(user, id)| {
        let mut record = record_key(&user);
        record.insert("record_id".to_owned(), s(id.stored()));
        async move { Write::put(&db.tables.users, record).if_new().send(db).await.map(drop) }
    });
    stream::iter(writes).buffer_unordered(PARALLEL).try_collect().await
}
