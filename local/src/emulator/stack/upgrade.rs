//! Bringing the data of an earlier release up to date: the tables, then the records in them.
//!
//! Every step can be repeated, and the folder says that it is being upgraded until it is: a stack that was killed in the middle
//! does the rest when it starts again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::StartError;
use crate::{
    Reindex,
    emulator::{
        dynamodb::{self, Change, DynamoDb},
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
}

impl Marker {
    /// The marker of a folder, or what the data of a folder without one tells; `None` without data. A newer release's is refused,
    /// with nothing changed.
    pub(super) fn find(folder: &Path) -> Result<Option<Self>, StartError> {
        let unusable = |error| StartError::Folder(folder.display().to_string(), error);
        let marker: Option<Self> = file::load(Some(&folder.join(MARKER))).map_err(unusable)?;
        let unmarked = || Self { release: UNMARKED.to_owned(), upgrading_from: None };
        let marker = marker.or_else(|| folder.join(dynamodb::FILE).exists().then(unmarked));
        match marker {
            Some(Self { release, .. }) if number(&release) > number(RELEASE) => {
                Err(StartError::NewerFolder(folder.display().to_string(), release))
            }
            marker => Ok(marker),
        }
    }

    fn write(folder: &Path, upgrading_from: Option<String>) -> Result<(), StartError> {
        let marker = Self { release: RELEASE.to_owned(), upgrading_from };
        let written = file::replace(&folder.join(MARKER), &marker);
        written.map_err(|error| StartError::Folder(folder.display().to_string(), error))
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
    folder: Option<PathBuf>,
    /// The release that wrote the records; `None` when there is nothing to upgrade.
    from: Option<String>,
    done: Vec<String>,
}

impl Upgrade {
    /// Gives the tables the template's shape. `folder` has the database in it, and had this marker before that was opened; there is
    /// no folder for a database elsewhere or in memory.
    pub(super) async fn tables(
        folder: Option<&Path>,
        marker: Option<Marker>,
        database: &DynamoDb,
        tables: &[Table],
    ) -> Result<Self, StartError> {
        let mut changes = Vec::new();
        for table in tables {
            changes.extend(database.changes(table).await?);
        }
        // A template may change within a release, while it is being developed.
        let is_altered = changes.iter().any(Change::alters) || (marker.is_some() && !changes.is_empty());
        let outdated = marker.and_then(Marker::outdated);
        let from = outdated.or_else(|| is_altered.then(|| RELEASE.to_owned()));
        if let Some(folder) = folder {
            Marker::write(folder, from.clone())?;
        }
        for change in &changes {
            database.make(change).await?;
        }
        let done = changes.into_iter().filter_map(|change| change.done).collect();
        Ok(Self { folder: folder.map(ToOwned::to_owned), from, done })
    }

    /// Brings the records into this release's shape. Says what was upgraded, in a line, if anything was.
    pub(super) async fn records(mut self, pools: &[Arc<Pool>]) -> Result<Option<String>, StartError> {
        let Some(from) = self.from.take() else { return Ok(None) };
        if let Some(reindex) = lambda::find(pools, Reindex::FUNCTION) {
            let done = rewritten(reindex).await;
            self.done.push(done.map_err(|reason| StartError::Upgrade(self.place(), reason))?);
        }
        if let Some(folder) = &self.folder {
            Marker::write(folder, None)?;
        }
        let releases =
            if from == RELEASE { String::new() } else { format!(" from release {from} to {RELEASE}") };
        Ok(Some(format!("upgraded {}{releases}: {}", self.place(), self.done.join(", "))))
    }

    fn place(&self) -> String {
        self.folder.as_ref().map_or_else(|| "the database".to_owned(), |folder| folder.display().to_string())
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
