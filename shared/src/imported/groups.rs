//! Many small transactions as few large ones.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::{
    Error,
    dynamo::{Db, Write},
};

/// The most writes of a transaction (DynamoDB's).
const MOST_WRITES: usize = 100;
/// How many transactions are sent at once.
const PARALLEL: usize = 4;

/// Writes that are made together or not at all.
pub(crate) struct Group {
    pub writes: Vec<Write>,
    /// Whether it is one of those that [`write_groups`] counts.
    pub is_counted: bool,
}

/// Makes groups of writes, as many in one transaction as it takes, and returns for each group whether it was made. One group
/// whose conditions fail keeps the others of its transaction from being made.
///
/// `count` is the write that counts a number of groups, if they are counted.
pub(crate) async fn write_groups(
    db: &Db,
    groups: Vec<Group>,
    count: impl Fn(u64) -> Option<Write>,
) -> Result<Vec<bool>, Error> {
    let mut transactions: Vec<(usize, u64, Vec<Write>)> = Vec::new();
    for group in groups {
        // One place is for the count.
        let fits =
            transactions.last().is_some_and(|(.., writes)| writes.len() + group.writes.len() < MOST_WRITES);
        if !fits {
            transactions.push((0, 0, Vec::new()));
        }
        if let Some((members, counted, writes)) = transactions.last_mut() {
            *members += 1;
            *counted += u64::from(group.is_counted);
            writes.extend(group.writes);
        }
    }
    let sent = transactions.into_iter().map(|(members, counted, mut writes)| {
        writes.extend(Some(counted).filter(|counted| *counted > 0).and_then(&count));
        async move { Ok::<_, Error>((members, db.transact(writes).await?)) }
    });
    let made: Vec<(usize, bool)> = stream::iter(sent).buffered(PARALLEL).try_collect().await?;
    Ok(made.into_iter().flat_map(|(members, is_made)| std::iter::repeat_n(is_made, members)).collect())
}
