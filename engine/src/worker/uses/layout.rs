//! One folder with the files of a manifest: filled once, read again for each who uses it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::super::steps::{Mark, mark};
use super::super::workspace::opened_path;
use super::{files, passing, shown};
use crate::Engine;
use crate::lifecycle::{UsedFile, used_chunk};
use crate::tasks::digest::hex;

const PREFIX: &str = "watchbill-uses-";

/// The folder of all layouts of a worker, removed when dropped. It is named by a mark of this
/// process, so that it is known for an orphan later. Who does not know the name of a layout does
/// not find it: the folder can be passed through, and not listed.
pub struct Root {
    path: PathBuf,
    folder: OwnedFd,
}

impl Root {
    /// Makes the folder, under the system's folder for temporary files.
    ///
    /// # Errors
    /// The operating system's reason not to.
    pub fn create(random: Uuid) -> io::Result<Self> {
        let name = format!("{PREFIX}{}", Mark::new(random).as_str());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o711).create(&path)?;
        let folder = OwnedFd::from(std::fs::File::open(&path)?);
        // The mask of this process may have taken something away.
        std::fs::set_permissions(opened_path(&folder), PermissionsExt::from_mode(0o711))?;
        Ok(Self { path, folder })
    }

    /// Tells if it still stands at its name.
    #[must_use]
    pub fn is_there(&self) -> bool {
        is_at(&self.folder, &self.path)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        removed(&self.path);
    }
}

/// A folder of [`Root`], and what is to be in it.
pub struct Layout {
    root: Arc<Root>,
    name: String,
    files: Arc<[UsedFile]>,
    state: Mutex<State>,
}

/// The present content of the folder.
#[derive(Default)]
struct State {
    /// Counts how often it was filled.
    filling: u64,
    /// Held open; `None` where it is not filled.
    folder: Option<Arc<OwnedFd>>,
    /// The sentence about the last filling that was thrown away.
    difference: Option<String>,
}

impl Layout {
    /// A folder of this name that has yet to be filled.
    #[must_use]
    pub fn new(root: Arc<Root>, name: String, files: Vec<UsedFile>) -> Self {
        Self {
            root,
            name,
            files: files.into(),
            state: Mutex::default(),
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.root.path.join(&self.name)
    }

    /// The folder that it stands in.
    #[must_use]
    pub const fn root(&self) -> &Arc<Root> {
        &self.root
    }

    /// Fills the folder, if nobody did, and reads it again. Returns which filling it is.
    ///
    /// # Errors
    /// A sentence that says why there is nothing to use: the disk is full, say, or a file is not
    /// what was kept. What was laid out is thrown away then.
    pub async fn fill(&self, engine: &Engine) -> Result<u64, String> {
        let mut state = self.state.lock().await;
        if state.folder.is_none() {
            state.filling += 1;
            let filled = self.make(engine).await;
            if filled.is_err() {
                self.clear().await;
            }
            state.folder = Some(filled?);
        }
        self.compare(&mut state).await?;
        Ok(state.filling)
    }

    /// Reads it again for one who used this filling.
    ///
    /// # Errors
    /// A sentence that names the file and both hashes. What was laid out is thrown away then.
    pub async fn check(&self, filling: u64) -> Result<(), String> {
        let mut state = self.state.lock().await;
        if state.folder.is_none() || state.filling != filling {
            let why = state.difference.clone();
            return Err(why.unwrap_or_else(|| "the files that it uses are gone".to_owned()));
        }
        self.compare(&mut state).await
    }

    /// Throws away what is laid out, if nobody but the caller and the list of layouts has it.
    /// Who comes meanwhile fills it anew.
    pub async fn empty(self: &Arc<Self>) {
        let mut state = self.state.lock().await;
        if Arc::strong_count(self) <= 2 {
            state.folder = None;
            self.clear().await;
        }
    }

    async fn compare(&self, state: &mut State) -> Result<(), String> {
        let Some(folder) = state.folder.clone() else {
            return Err("the files that it uses are gone".to_owned());
        };
        let (path, files) = (self.path(), Arc::clone(&self.files));
        let compared = blocking(move || {
            if is_at(&folder, &path) {
                files::compare(&folder, &files)
            } else {
                Err("the folder of the files that it uses was replaced by another".to_owned())
            }
        })
        .await;
        if let Err(difference) = &compared {
            state.difference = Some(difference.clone());
            state.folder = None;
            self.clear().await;
        }
        compared
    }

    async fn make(&self, engine: &Engine) -> Result<Arc<OwnedFd>, String> {
        let no_room = |error: io::Error| format!("the files that it uses have no room: {error}");
        let (root, name, path) = (Arc::clone(&self.root), self.name.clone(), self.path());
        // What is there is a filling that was not finished.
        let made = move || {
            files::remove(&path)?;
            files::make_folder(&root.folder, &name)
        };
        let folder = Arc::new(blocking(move || made().map_err(no_room)).await?);
        for file in self.files.iter() {
            write(engine, &folder, file).await?;
        }
        let sealed = Arc::clone(&folder);
        blocking(move || files::seal(&sealed).map_err(no_room)).await?;
        Ok(folder)
    }

    async fn clear(&self) {
        let path = self.path();
        let _ = blocking(move || {
            removed(&path);
            Ok(())
        })
        .await;
    }
}

/// Streams a file from the database, never holding more than a chunk of it.
async fn write(engine: &Engine, folder: &Arc<OwnedFd>, file: &UsedFile) -> Result<(), String> {
    let name = shown(&file.task, &file.path);
    let refused =
        |error: io::Error| format!("the file {name} that it uses cannot be laid out: {error}");
    let mut written = {
        let (folder, task, path) = (Arc::clone(folder), file.task.clone(), file.path.clone());
        let made = move || files::make_file(&folder, &task, &path);
        blocking(move || Ok(made())).await?.map_err(refused)?
    };
    let (mut hash, mut bytes, mut after) = (Sha256::new(), 0_u64, None);
    loop {
        let chunk = match used_chunk(engine, file, after).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(error) => {
                passing(&error).await?;
                continue;
            }
        };
        after = Some(chunk.0);
        bytes += chunk.1.len() as u64;
        hash.update(&chunk.1);
        if bytes > file.bytes {
            break;
        }
        written = blocking(move || Ok(files::write_on(written, &chunk.1)))
            .await?
            .map_err(refused)?;
    }
    let found = hash.finalize();
    if bytes != file.bytes || found[..] != file.sha256 {
        return Err(format!(
            "the file {name} that it uses is not what was kept: what is stored by now has sha256:{}, and sha256:{} was kept",
            hex(&found),
            hex(&file.sha256)
        ));
    }
    Ok(())
}

/// Removes what workers that were killed had laid out. Returns how many folders there were.
pub fn remove_orphans() -> usize {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .and_then(|name| name.strip_prefix(PREFIX))
                .is_some_and(mark::is_orphaned)
        })
        .filter(|entry| files::remove(&entry.path()).is_ok())
        .count()
}

fn removed(path: &Path) {
    if let Err(error) = files::remove(path) {
        tracing::warn!("the folder {} stays: {error}", path.display());
    }
}

/// Tells if the open folder is the one that stands at this path.
fn is_at(folder: &OwnedFd, path: &Path) -> bool {
    let look = || -> io::Result<bool> {
        let (held, named) = (
            std::fs::metadata(opened_path(folder))?,
            std::fs::symlink_metadata(path)?,
        );
        Ok((held.dev(), held.ino()) == (named.dev(), named.ino()))
    };
    look().unwrap_or(false)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!("the files that a task uses cannot be laid out: {error}");
            Err("the files that it uses cannot be laid out".to_owned())
        }
    }
}
