//! Follows the folder of plan files: at the start, and whenever one changes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use engine::Engine;
use tokio_util::sync::CancellationToken;

/// How soon a saved file is noticed.
const POLL: Duration = Duration::from_secs(2);

/// Stores what changed; a file with mistakes leaves its last good version in force.
pub async fn synchronise(engine: &Engine, folder: &Path) {
    match engine::lifecycle::sync_folder(engine, folder).await {
        Ok(problems) => {
            for problem in problems {
                tracing::error!("{problem}");
            }
        }
        Err(error) => tracing::error!("cannot follow {}: {error}", folder.display()),
    }
}

/// Synchronises again after each change, until cancelled.
pub async fn follow(engine: Engine, folder: PathBuf, stop: CancellationToken) {
    let mut known = look(&folder).await;
    while stop
        .run_until_cancelled(tokio::time::sleep(POLL))
        .await
        .is_some()
    {
        let seen = look(&folder).await;
        if seen != known {
            synchronise(&engine, &folder).await;
            known = seen;
        }
    }
}

type Seen = Vec<(PathBuf, Option<SystemTime>, u64)>;

async fn look(folder: &Path) -> Seen {
    let folder = folder.to_owned();
    let looked = tokio::task::spawn_blocking(move || {
        let mut seen: Seen = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok()?;
                Some((entry.path(), metadata.modified().ok(), metadata.len()))
            })
            .collect();
        seen.sort();
        seen
    });
    looked.await.unwrap_or_default()
}
