//! Many small transactions as few large ones.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::{
    Error,
    dynamo::{self, Db, Write},
    page::Counter,
};

/// The most writes of a transaction (DynamoDB's).
const MOST_WRITES: usize = 100;
/// How many transactions are sent at once.
const PARALLEL: usize = 4;

/// Writes that are made together or not at all.
pub(crate) struct Group {
    pub writes: Vec<Write>,
    /// What counts them. In a transaction, one write counts all of its groups.
    pub tallies: Vec<Tally>,
}

/// A number that counts groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tally {
    pub table: String,
    /// The key of its record, without its part.
    pub key: String,
    /// Into how many records the number is divided, if it is. Their sum counts, so that any of them does.
    pub parts: Option<u8>,
    pub attribute: &'static str,
}

impl Tally {
    /// What counts the records of a list.
    pub fn of(counter: &Counter<'_>) -> Self {
        Self {
            table: counter.table.to_owned(),
            key: counter.key(),
            parts: Some(Counter::PARTS),
            attribute: Counter::ATTRIBUTE,
        }
    }

    /// The write that adds to it, in the part with this number.
    fn add(&self, part: usize, number: i64) -> Write {
        let key = match self.parts {
            Some(parts) => format!("{}#{}", self.key, part % usize::from(parts)),
            None => self.key.clone(),
        };
        Write::update(&self.table, dynamo::key(key)).add(self.attribute, number)
    }
}

/// Groups that are made in one transaction.
#[derive(Default)]
struct Transaction {
    members: usize,
    writes: Vec<Write>,
    tallies: BTreeMap<Tally, i64>,
}

impl Transaction {
    fn fits(&self, group: &Group) -> bool {
        let new = group.tallies.iter().filter(|tally| !self.tallies.contains_key(*tally)).count();
        self.writes.len() + group.writes.len() + self.tallies.len() + new <= MOST_WRITES
    }

    fn add(&mut self, group: Group) {
        self.members += 1;
        self.writes.extend(group.writes);
        for tally in group.tallies {
            *self.tallies.entry(tally).or_default() += 1;
        }
    }
}

/// Makes groups of writes, as many in one transaction as it takes, and returns for each group whether it was made. One group
/// whose conditions fail keeps the others of its transaction from being made.
pub(crate) async fn write_groups(db: &Db, groups: Vec<Group>) -> Result<Vec<bool>, Error> {
    let mut transactions: Vec<Transaction> = Vec::new();
    for group in groups {
        match transactions.last_mut() {
            Some(last) if last.fits(&group) => last.add(group),
            _ => {
                let mut next = Transaction::default();
                next.add(group);
                transactions.push(next);
            }
        }
    }
    // Transactions at the same time add to different parts.
    let sent = transactions.into_iter().enumerate().map(|(part, transaction)| {
        let Transaction { members, mut writes, tallies } = transaction;
        writes.extend(tallies.iter().map(|(tally, number)| tally.add(part, *number)));
        async move { Ok::<_, Error>((members, db.transact(writes).await?)) }
    });
    let made: Vec<(usize, bool)> = stream::iter(sent).buffered(PARALLEL).try_collect().await?;
    Ok(made.into_iter().flat_map(|(members, is_made)| std::iter::repeat_n(is_made, members)).collect())
}
