//! Files that a step leaves in its artifact folder: kept, listed, downloadable.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::workspace::{Workspace, open_folder, open_own_file, opened_path};
use crate::tasks::LeaseRef;
use crate::{Engine, Result};

const MOST_FILES: usize = 1_000;
/// Of one folder so many names are looked at, and so many sentences kept: a step can leave millions.
const MOST_NAMES: usize = 5_000;
const DEEPEST: usize = 16;
const LONGEST_PATH: usize = 512;
const CHUNK_BYTES: usize = 256 * 1024;

/// What was kept of an artifact folder.
#[derive(Debug, Default)]
pub struct Kept {
    /// Path and SHA-256 of each file, by path.
    pub files: Vec<(String, [u8; 32])>,
    /// Sentences on what was not kept.
    pub notes: Vec<String>,
}

#[derive(Debug)]
struct Found {
    path: String,
    bytes: u64,
    sha256: [u8; 32],
}

/// Stores every regular file of the folder, within the caps, without ever holding a
/// whole file in memory and without a transaction that stays open while one streams.
///
/// # Errors
/// Where the database refuses; it may be called again.
pub async fn keep(engine: &Engine, lease: LeaseRef, workspace: &Arc<Workspace>) -> Result<Kept> {
    if workspace.has_no_artifacts() {
        return Ok(Kept::default());
    }
    let cap = engine.settings.artifact_cap_bytes;
    let surveyed = Arc::clone(workspace);
    let (found, mut notes) = tokio::task::spawn_blocking(move || survey(&surveyed, cap))
        .await
        .map_err(anyhow::Error::new)?;
    let mut files = Vec::with_capacity(found.len());
    for file in found {
        if store(engine, lease, workspace, &file).await? {
            files.push((file.path, file.sha256));
        } else {
            notes.push(format!(
                "the artifact {} changed while it was stored and was not kept",
                file.path
            ));
        }
    }
    if !notes.is_empty() {
        mark_unkept(engine, lease).await?;
    }
    Ok(Kept { files, notes })
}

/// Remembers that files were left which nobody will see: what they hold is not known, so a gate
/// that looks at files stops.
async fn mark_unkept(engine: &Engine, lease: LeaseRef) -> Result<()> {
    sqlx::query!(
        "INSERT INTO unkept_files (task_id, attempt)
         SELECT $1, $2 WHERE EXISTS (SELECT 1 FROM leases WHERE task_id = $1 AND token = $3)
         ON CONFLICT (task_id, attempt) DO NOTHING",
        lease.task.0,
        lease.attempt.0,
        lease.token,
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}

/// Streams one file in; false where it is no longer what was surveyed.
async fn store(
    engine: &Engine,
    lease: LeaseRef,
    workspace: &Arc<Workspace>,
    found: &Found,
) -> Result<bool> {
    let id = sqlx::query_scalar!(
        r#"
        INSERT INTO artifacts (task_id, attempt, path, bytes, sha256)
        SELECT $1, $2, $3, $4, $5
        WHERE EXISTS (SELECT 1 FROM leases WHERE task_id = $1 AND token = $6)
        ON CONFLICT (task_id, attempt, path) DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256
        RETURNING id
        "#,
        lease.task.0,
        lease.attempt.0,
        found.path,
        i64::try_from(found.bytes).unwrap_or(i64::MAX),
        &found.sha256[..],
        lease.token,
    )
    .fetch_optional(&engine.pool)
    .await?;
    let Some(id) = id else {
        // The lease is gone: nothing of this attempt will be recorded.
        return Ok(false);
    };
    let mut file = open(workspace, &found.path).ok();
    let mut hash = Sha256::new();
    let mut seq = 0;
    while let Some(open) = file.take() {
        let (back, chunk) = tokio::task::spawn_blocking(move || next_chunk(open))
            .await
            .map_err(anyhow::Error::new)?;
        let Ok(chunk) = chunk else { break };
        if chunk.is_empty() {
            break;
        }
        hash.update(&chunk);
        sqlx::query!(
            "INSERT INTO artifact_chunks (artifact_id, seq, content) VALUES ($1, $2, $3)
             ON CONFLICT (artifact_id, seq) DO UPDATE SET content = excluded.content",
            id,
            seq,
            chunk,
        )
        .execute(&engine.pool)
        .await?;
        seq += 1;
        file = Some(back);
    }
    if <[u8; 32]>::from(hash.finalize()) == found.sha256 {
        return Ok(true);
    }
    sqlx::query!("DELETE FROM artifacts WHERE id = $1", id)
        .execute(&engine.pool)
        .await?;
    Ok(false)
}

fn next_chunk(file: File) -> (File, io::Result<Vec<u8>>) {
    let mut chunk = Vec::new();
    let read = (&file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
    (file, read.map(|_| chunk))
}

/// Opens a surveyed file again, folder by folder, so that no link can lead elsewhere.
fn open(workspace: &Workspace, path: &str) -> io::Result<File> {
    let mut folder = workspace.open_artifacts()?;
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        folder = open_folder(&folder, part)?;
    }
    open_own_file(&folder, name, workspace.owner())
}

/// Which files there are, in order of their paths, and what is wrong with the others.
fn survey(workspace: &Workspace, cap: u64) -> (Vec<Found>, Vec<String>) {
    let mut survey = Survey {
        owner: workspace.owner(),
        left: cap,
        found: Vec::new(),
        refused: Vec::new(),
        beyond_cap: Vec::new(),
        beyond_count: 0,
    };
    match workspace.open_artifacts() {
        Ok(folder) => survey.folder(&folder, "", 1),
        Err(error) => survey
            .refused
            .push(format!("the artifact folder cannot be read: {error}")),
    }
    survey.found.sort_by(|one, other| one.path.cmp(&other.path));
    let mut notes = shortened(survey.refused, "more artifacts were not kept");
    if !survey.beyond_cap.is_empty() {
        let names = shortened(survey.beyond_cap, "more").join(", ");
        notes.push(format!(
            "artifacts beyond the limit of {cap} bytes were not kept: {names}"
        ));
    }
    if survey.beyond_count > 0 {
        notes.push(format!(
            "{} artifacts beyond the limit of {MOST_FILES} files were not kept",
            survey.beyond_count
        ));
    }
    (survey.found, notes)
}

struct Survey {
    owner: Option<u32>,
    left: u64,
    found: Vec<Found>,
    refused: Vec<String>,
    beyond_cap: Vec<String>,
    beyond_count: usize,
}

impl Survey {
    fn folder(&mut self, folder: &impl AsFd, above: &str, depth: usize) {
        let entries = match std::fs::read_dir(opened_path(folder)) {
            Ok(entries) => entries,
            Err(error) => return self.refuse(above, &error.to_string()),
        };
        let mut entries = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let kind = entry.file_type().ok()?;
            Some((entry.file_name(), kind))
        });
        let mut names: Vec<_> = entries.by_ref().take(MOST_NAMES).collect();
        // Of more than can be kept only their number is held.
        self.beyond_count += entries.count();
        names.sort_by(|one, other| one.0.cmp(&other.0));
        for (name, kind) in names {
            let shown = format!("{above}{}", name.to_string_lossy());
            let Some(name) = name
                .to_str()
                .filter(|name| !name.chars().any(char::is_control))
            else {
                self.refuse(&shown, "its name is not plain UTF-8");
                continue;
            };
            let path = format!("{above}{name}");
            if path.len() > LONGEST_PATH {
                self.refuse(&path, "its path is longer than 512 bytes");
            } else if kind.is_dir() {
                if depth == DEEPEST {
                    self.refuse(&path, "it lies more than 16 folders deep");
                    continue;
                }
                match open_folder(folder, name) {
                    Ok(inner) => self.folder(&inner, &format!("{path}/"), depth + 1),
                    Err(error) => self.refuse(&path, &error.to_string()),
                }
            } else if kind.is_file() {
                self.file(folder, name, path);
            } else if kind.is_symlink() {
                self.refuse(&path, "it is a link");
            } else {
                self.refuse(&path, "it is not a regular file");
            }
        }
    }

    fn file(&mut self, folder: &impl AsFd, name: &str, path: String) {
        if self.found.len() == MOST_FILES {
            self.beyond_count += 1;
            return;
        }
        let measured = open_own_file(folder, name, self.owner).and_then(|file| {
            // A sparse file of a petabyte is not read to find that it is too large.
            if file.metadata()?.len() > self.left {
                return Ok(None);
            }
            measure(&file, self.left)
        });
        match measured {
            Ok(Some((bytes, sha256))) => {
                self.left -= bytes;
                self.found.push(Found {
                    path,
                    bytes,
                    sha256,
                });
            }
            Ok(None) if self.beyond_cap.len() < MOST_NAMES => self.beyond_cap.push(path),
            Ok(None) => self.beyond_count += 1,
            Err(error) => self.refuse(&path, &error.to_string()),
        }
    }

    fn refuse(&mut self, path: &str, reason: &str) {
        if self.refused.len() == MOST_NAMES {
            self.beyond_count += 1;
            return;
        }
        self.refused
            .push(format!("the artifact {path} was not kept: {reason}"));
    }
}

/// Size and SHA-256, unless there is more than `most`.
pub(super) fn measure(file: &File, most: u64) -> io::Result<Option<(u64, [u8; 32])>> {
    let mut reader = file.take(most.saturating_add(1));
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let length = reader.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        bytes += length as u64;
        hash.update(&buffer[..length]);
    }
    Ok((bytes <= most).then(|| (bytes, hash.finalize().into())))
}

/// The first ten, and how many more there are.
fn shortened(mut items: Vec<String>, rest: &str) -> Vec<String> {
    if items.len() > 10 {
        let more = items.len() - 10;
        items.truncate(10);
        items.push(format!("{more} {rest}"));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::steps::Mark;

    fn workspace() -> Workspace {
        let random = crate::Random::uuid(&crate::SystemRandom);
        Workspace::create(&Mark::new(random), None, false).unwrap()
    }

    #[test]
    fn only_regular_files_within_the_caps_are_found() {
        let workspace = workspace();
        let root = workspace.artifacts();
        std::fs::create_dir_all(root.join("deep/er")).unwrap();
        std::fs::write(root.join("deep/er/a.txt"), "hello").unwrap();
        std::fs::write(root.join("large"), vec![0; 101]).unwrap();
        std::fs::write(root.join("b\nc"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("folder")).unwrap();
        nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let sparse = File::create(root.join("sparse")).unwrap();
        sparse.set_len(1 << 40).unwrap();

        let (found, notes) = survey(&workspace, 100);

        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].path.as_str(), found[0].bytes),
            ("deep/er/a.txt", 5)
        );
        assert_eq!(found[0].sha256, <[u8; 32]>::from(Sha256::digest(b"hello")));
        let notes = notes.join("\n");
        for expected in [
            "folder was not kept: it is a link",
            "pipe was not kept: it is not a regular file",
            "link was not kept",
            "not plain UTF-8",
            "limit of 100 bytes were not kept: large, sparse",
        ] {
            assert!(notes.contains(expected), "{notes}");
        }
        let path = workspace.folder();
        drop(workspace);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_was_replaced_by_a_link_is_not_read() {
        let workspace = workspace();
        std::fs::remove_dir(workspace.artifacts()).unwrap();
        std::os::unix::fs::symlink("/etc", workspace.artifacts()).unwrap();
        let (found, notes) = survey(&workspace, 100);
        assert!(found.is_empty());
        assert!(notes[0].contains("cannot be read"), "{notes:?}");
    }

    #[test]
    fn the_thousand_and_first_file_is_counted_not_kept() {
        let workspace = workspace();
        for number in 0..=MOST_FILES {
            std::fs::write(workspace.artifacts().join(format!("{number}")), "x").unwrap();
        }
        let (found, notes) = survey(&workspace, 1 << 20);
        assert_eq!(found.len(), MOST_FILES);
        assert_eq!(
            notes,
            ["1 artifacts beyond the limit of 1000 files were not kept"]
        );
    }
}
