//! Messages as files, where no mail server is configured.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use crate::Engine;

/// Removes the messages that were written before then. Says how many.
///
/// # Errors
/// A folder that cannot be read; a file that is gone already is none.
pub(crate) async fn prune(engine: &Engine, before: DateTime<Utc>) -> crate::Result<usize> {
    let Some(folder) = engine.settings.mail.folder.clone() else {
        return Ok(0);
    };
    let pruned = tokio::task::spawn_blocking(move || remove_old(&folder, before));
    Ok(pruned.await.map_err(anyhow::Error::new)??)
}

fn remove_old(folder: &Path, before: DateTime<Utc>) -> anyhow::Result<usize> {
    if !folder.exists() {
        return Ok(0);
    }
    let reading = || format!("cannot read {}", folder.display());
    let mut removed = 0;
    for entry in fs::read_dir(folder).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let path = entry.path();
        // What somebody else keeps there is not ours to remove.
        let ours = path
            .extension()
            .is_some_and(|extension| extension == "eml" || extension == "part");
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        if ours && written.is_ok_and(|written| DateTime::<Utc>::from(written) < before) {
            removed += usize::from(fs::remove_file(&path).is_ok());
        }
    }
    Ok(removed)
}

/// Writes `name` into the folder, whole or not at all, for its owner's eyes only.
pub(super) fn write(folder: &Path, name: &str, mail: &[u8]) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let unfinished = folder.join(format!(".{name}.part"));
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .with_context(|| format!("cannot write {}", unfinished.display()))?;
    file.write_all(mail)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", unfinished.display()))?;
    let whole = folder.join(name);
    fs::rename(&unfinished, &whole).with_context(|| format!("cannot write {}", whole.display()))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn old_messages_go_and_everything_else_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["old.eml", "young.eml"] {
            write(folder.path(), name, b"Subject: a test").expect("written");
        }
        fs::write(folder.path().join("notes.txt"), "mine").expect("written");
        let before = DateTime::from_timestamp(1_800_000_000, 0).expect("a moment");
        let (long_ago, lately) = (before - TimeDelta::days(1), before + TimeDelta::days(1));
        for (name, written) in [
            ("old.eml", long_ago),
            ("notes.txt", long_ago),
            ("young.eml", lately),
        ] {
            let file = OpenOptions::new()
                .write(true)
                .open(folder.path().join(name))
                .expect("opened");
            file.set_modified(written.into()).expect("set");
        }
        assert_eq!(remove_old(folder.path(), before).expect("read"), 1);
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .expect("read")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["notes.txt", "young.eml"]);
        let nowhere = folder.path().join("none");
        assert_eq!(remove_old(&nowhere, before).expect("nothing"), 0);
    }
}
