//! Bringing the data of an earlier release up to date: the tables, then the records in them.
//!
//! Every step can be repeated, and the folder says that it is being upgraded until it is: a stack that was killed in the middle
//! does the rest when it starts again.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{StartError, folder::unusable};
use crate::{
    Reindex,
    emulator::{
        dynamodb::{self, CallError, DynamoDb},
        file,
        lambda::{self, Pool},
        template::Table,
    },
};

/// Says which release wrote the folder.
const MARKER: &str = "release.json";
/// The release that had no marker.
const UNMARKED: &str = "0.1.0";
pub(super) const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// What a folder says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Marker {
    /// The newest release that has changed anything in it.
    release: String,
    /// The release that wrote what is being upgraded, until that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upgrading_from: Option<String>,
    /// Whether its tables are being made, so that there is nothing to upgrade.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_new: bool,
}

impl Marker {
    /// The marker of a folder, or the one that a folder without any should have. A newer release's is refused, with nothing changed.
    pub(super) fn find(folder: &Path) -> Result<Self, StartError> {
        let file = folder.join(MARKER);
        let marker: Option<Self> = file::load(Some(&file)).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                StartError::Marker(file.display().to_string(), error)
            }
            _ => unusable(folder, error),
        })?;
        let is_new = !folder.join(dynamodb::FILE).exists();
        let release = if is_new { RELEASE } else { UNMARKED }.to_owned();
        let marker = marker.unwrap_or(Self { release, upgrading_from: None, is_new });
        if number(&marker.release) > number(RELEASE) {
            return Err(StartError::NewerFolder(folder.display().to_string(), marker.release));
        }
        Ok(marker)
    }

    /// The same for a folder in which the database is about to be opened. That makes its file, so a new folder has to say first that
    /// it is new.
    pub(super) fn begin(folder: &Path) -> Result<Self, StartError> {
        let marker = Self::find(folder)?;
        if marker.is_new {
            marker.write(folder)?;
        }
        Ok(marker)
    }

    /// The marker of this release, while it upgrades what another one wrote, or after that.
    fn now(upgrading_from: Option<String>) -> Self {
        Self { release: RELEASE.to_owned(), upgrading_from, is_new: false }
    }

    fn write(&self, folder: &Path) -> Result<(), StartError> {
        file::replace(&folder.join(MARKER), self).map_err(|error| unusable(folder, error))
    }

    /// The release whose data is not, or not completely, in this release's shape.
    fn outdated(self) -> Option<String> {
        self.upgrading_from.or_else(|| Some(self.release).filter(|release| release != RELEASE))
    }
}

/// Orders releases; what is after a hyphen does not count.
fn number(release: &str) -> Vec<u64> {
    let numbers = release.split('-').next().unwrap_or_default().split('.');
    numbers.map(|number| number.parse().unwrap_or(u64::MAX)).collect()
}

/// An upgrade of which the tables are done.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// Where the database is; `None` for one elsewhere or in memory, in which nothing is upgraded.
    folder: Option<PathBuf>,
    /// The release that wrote the records; `None` when there is nothing to upgrade.
    from: Option<String>,
    done: Vec<String>,
}

impl Upgrade {
    /// Gives the tables the template's shape. In a database elsewhere or in memory, which has no folder, it only makes those that are
    /// missing: others may use the rest.
    pub(super) async fn tables(
        folder: Option<(&Path, Marker)>,
        database: &DynamoDb,
        tables: &[Table],
    ) -> Result<Self, StartError> {
        let mut changes = Vec::new();
        let Some((folder, marker)) = folder else {
            for table in tables {
                changes.extend(database.additions(table).await?);
            }
            database.make(&changes).await?;
            return Ok(Self { folder: None, from: None, done: Vec::new() });
        };
        for table in tables {
            let found = database.changes(table).await;
            changes.extend(found.map_err(|error| explained(folder, error))?);
        }
        let from = if marker.is_new {
            None
        } else {
            // A template may change within a release, while it is being developed.
            marker.outdated().or_else(|| (!changes.is_empty()).then(|| RELEASE.to_owned()))
        };
        if from.is_some() {
            Marker::now(from.clone()).write(folder)?;
        }
        database.make(&changes).await?;
        let done = changes.into_iter().filter_map(|change| change.done).collect();
        Ok(Self { folder: Some(folder.to_owned()), from, done })
    }

    /// Brings the records into this release's shape. Says what was upgraded, in a line, if anything was.
    pub(super) async fn records(mut self, pools: &[Arc<Pool>]) -> Result<Option<String>, StartError> {
        let Some(folder) = self.folder else { return Ok(None) };
        let place = folder.display().to_string();
        if self.from.is_some()
            && let Some(reindex) = lambda::find(pools, Reindex::FUNCTION)
        {
            let done = rewritten(reindex).await;
            self.done.push(done.map_err(|reason| StartError::Upgrade(place.clone(), reason))?);
        }
        Marker::now(None).write(&folder)?;
        let Some(from) = self.from else { return Ok(None) };
        let releases =
            if from == RELEASE { String::new() } else { format!(" from release {from} to {RELEASE}") };
        Ok(Some(format!("upgraded {place}{releases}: {}", self.done.join(", "))))
    }
}

/// What keeps the tables of a folder from being changed.
fn explained(folder: &Path, error: CallError) -> StartError {
    match error {
        CallError::OtherShape(table) => StartError::OtherKeys(folder.display().to_string(), table),
        error => error.into(),
    }
}

/// Rewrites all records, and says how many there were.
async fn rewritten(reindex: &Arc<Pool>) -> Result<String, String> {
    let (mut read, mut rewritten, mut failed) = (0, 0, 0);
    for kind in Reindex::KINDS {
        let mut run = Reindex::of(kind, None);
        while let Some(event) = run.event() {
            let answer = reindex.invoke_with(&event).await.map_err(|error| error.to_string())?;
            run.add(answer).map_err(|error| error.to_string())?;
        }
        read += run.read;
        rewritten += run.rewritten;
        failed += run.failed.len();
    }
    let done = format!("rewrote {rewritten} of {read} records");
    Ok(if failed == 0 { done } else { format!("{done}, {failed} failed (functions.log says why)") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_by_their_numbers() {
        for (older, newer) in
            [("0.1.0", "0.2.0"), ("0.9.3", "0.10.0"), ("0.10.0", "1.0.0"), ("1.0.0-rc.1", "1.0.1")]
        {
            assert!(number(older) < number(newer), "{older} {newer}");
        }
        assert!(number("nonsense") > number(RELEASE));
    }
}
