//! The folder that one attempt has to itself, for its report and its artifacts.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::process::{Mark, StepsUser, mark};
use crate::Random;

const PREFIX: &str = "watchbill-step-";
const ARTIFACTS: &str = "artifacts";
const REPORT: &str = "report.json";

/// A folder that belongs to the step's user, removed when dropped. It is held open,
/// so that nothing the step puts in its place can lead a reader elsewhere.
pub struct Workspace {
    path: PathBuf,
    folder: OwnedFd,
    owner: Option<u32>,
}

impl Workspace {
    /// Makes the folder, under the system's folder for temporary files.
    ///
    /// # Errors
    /// The operating system's reason not to.
    pub fn create(mark: &Mark, user: Option<&StepsUser>) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("{PREFIX}{}", mark.as_str()));
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700);
        builder.create(&path)?;
        let folder = OwnedFd::from(File::open(&path)?);
        let workspace = Self {
            path,
            folder,
            owner: user.map(|user| user.uid),
        };
        builder.create(workspace.artifacts())?;
        if let Some(user) = user {
            let (uid, gid) = (Some(user.uid), Some(user.gid));
            std::os::unix::fs::chown(workspace.artifacts(), uid, gid)?;
            std::os::unix::fs::fchown(&workspace.folder, uid, gid)?;
        }
        Ok(workspace)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the step may leave files.
    #[must_use]
    pub fn artifacts(&self) -> PathBuf {
        self.path.join(ARTIFACTS)
    }

    /// Where the step may leave its report.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.path.join(REPORT)
    }

    /// Writes a file for the step to read. Returns its path.
    ///
    /// # Errors
    /// The operating system's reason not to.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::write(&path, content)?;
        if self.owner.is_some() {
            std::os::unix::fs::chown(&path, self.owner, None)?;
        }
        Ok(path)
    }

    /// Opens the report, if there is one.
    ///
    /// # Errors
    /// Where it is not a file of the step's own.
    pub fn open_report(&self) -> io::Result<Option<File>> {
        match open_own_file(&self.folder, REPORT, self.owner) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the folder of artifacts.
    ///
    /// # Errors
    /// Where the step has put something else in its place.
    pub fn open_artifacts(&self) -> io::Result<OwnedFd> {
        open_folder(&self.folder, ARTIFACTS)
    }

    /// Whether the folder still stands at its name: it may have waited for long, and
    /// temporary folders are tidied.
    fn is_there(&self) -> bool {
        self.artifacts().is_dir()
    }

    /// Whether the step left nothing in its folder of artifacts, which is the rule.
    #[must_use]
    pub fn has_no_artifacts(&self) -> bool {
        self.open_artifacts()
            .and_then(|folder| std::fs::read_dir(opened_path(&folder)))
            .is_ok_and(|mut entries| entries.next().is_none())
    }

    /// Only files of this user are the step's own; `None` where it has no user of its own.
    #[must_use]
    pub const fn owner(&self) -> Option<u32> {
        self.owner
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("the folder {} stays: {error}", self.path.display());
        }
    }
}

/// Makes folders for attempts, one ahead of need: an attempt that begins should not
/// wait for the file system, which may be busy with the database's own writes.
pub struct Workspaces {
    spare: Arc<Mutex<Option<(Mark, Workspace)>>>,
    random: Arc<dyn Random>,
    user: Option<StepsUser>,
}

impl Workspaces {
    /// Folders that belong to `user`, or to this process's own user.
    #[must_use]
    pub fn new(random: Arc<dyn Random>, user: Option<StepsUser>) -> Self {
        Self {
            spare: Arc::default(),
            random,
            user,
        }
    }

    /// A folder and the mark that names it. Has the next one made meanwhile.
    ///
    /// # Errors
    /// The operating system's reason not to make it.
    pub fn take(&self) -> io::Result<(Mark, Workspace)> {
        let spare = locked(&self.spare).take();
        let (slot, next) = (Arc::clone(&self.spare), Mark::new(self.random.uuid()));
        let user = self.user.clone();
        // Where it fails, the attempt that finds no spare one fails in its own name.
        tokio::task::spawn_blocking(move || {
            if let Ok(workspace) = Workspace::create(&next, user.as_ref()) {
                *locked(&slot) = Some((next, workspace));
            }
        });
        match spare {
            Some(spare) if spare.1.is_there() => Ok(spare),
            Some(_) | None => {
                let mark = Mark::new(self.random.uuid());
                let workspace = Workspace::create(&mark, self.user.as_ref())?;
                Ok((mark, workspace))
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A path that leads to an open folder, whatever stands at its name by now.
#[must_use]
pub fn opened_path(folder: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd())
}

/// Opens a folder inside an open folder, following no link.
///
/// # Errors
/// Where it is none.
pub fn open_folder(parent: impl AsFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(parent, name, flags, Mode::empty())?)
}

/// Opens a regular file inside an open folder, following no link; it must belong to
/// `owner`, since a hard link could name somebody else's file.
///
/// # Errors
/// Where it is no such file.
pub fn open_own_file(parent: impl AsFd, name: &str, owner: Option<u32>) -> io::Result<File> {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = File::from(openat(parent, name, flags, Mode::empty())?);
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if owner.is_some_and(|owner| found.uid() != owner) {
        return Err(io::Error::other("it does not belong to the step's user"));
    }
    Ok(file)
}

/// Removes the folders of workers that were killed. Returns how many there were.
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
        .filter(|entry| std::fs::remove_dir_all(entry.path()).is_ok())
        .count()
}
