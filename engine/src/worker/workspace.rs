//! The folder that one attempt has to itself, for its report and its artifacts.

use std::ffi::OsString;
use std::fs::{File, Metadata};
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

/// A folder that belongs to the step's user, removed when dropped. It is named by a mark of
/// this process, so that it is known for an orphan later, and held open, so that nothing the step puts in its place can lead a reader elsewhere.
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
    pub fn create(name: &Mark, user: Option<&StepsUser>) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("{PREFIX}{}", name.as_str()));
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

    /// Whether it stands at its name as it was made, with nothing in it: a step may have done
    /// anything to its own.
    fn is_untouched(&self) -> bool {
        let same = |metadata: &Metadata| {
            metadata.is_dir()
                && metadata.mode() & 0o7777 == 0o700
                && self.owner.is_none_or(|owner| metadata.uid() == owner)
        };
        let entries = |folder: &OwnedFd| -> io::Result<Vec<OsString>> {
            std::fs::read_dir(opened_path(folder))?
                .map(|entry| Ok(entry?.file_name()))
                .collect()
        };
        let look = || -> io::Result<bool> {
            let (held, named) = (
                std::fs::metadata(opened_path(&self.folder))?,
                std::fs::symlink_metadata(&self.path)?,
            );
            let artifacts = self.open_artifacts()?;
            Ok(same(&held)
                && (held.dev(), held.ino()) == (named.dev(), named.ino())
                && same(&std::fs::metadata(opened_path(&artifacts))?)
                && entries(&self.folder)? == [ARTIFACTS]
                && entries(&artifacts)?.is_empty())
        };
        look().unwrap_or(false)
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

/// How many folders are kept for attempts to come.
const MOST_SPARE: usize = 16;

/// Keeps folders for attempts: those that a step left untouched, and one made ahead of
/// need. An attempt that begins should not wait for the file system, which may be busy with
/// the database's own writes, and to which a folder made soon after others were removed is
/// dear (ext4 passes by inodes that were freed within seconds).
pub struct Workspaces {
    spare: Arc<Mutex<Vec<Workspace>>>,
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

    /// A folder. Has the next one made meanwhile, where none is left.
    ///
    /// # Errors
    /// The operating system's reason not to make it.
    pub fn take(&self) -> io::Result<Workspace> {
        let (spare, left) = {
            let mut spares = locked(&self.spare);
            (spares.pop(), spares.len())
        };
        if left == 0 {
            let (spares, name) = (Arc::clone(&self.spare), Mark::new(self.random.uuid()));
            let user = self.user.clone();
            // Where it fails, the attempt that finds no spare one fails in its own name.
            tokio::task::spawn_blocking(move || {
                if let Ok(workspace) = Workspace::create(&name, user.as_ref()) {
                    locked(&spares).push(workspace);
                }
            });
        }
        match spare {
            Some(spare) if spare.is_there() => Ok(spare),
            Some(_) | None => Workspace::create(&Mark::new(self.random.uuid()), self.user.as_ref()),
        }
    }

    /// Takes a folder back that an attempt is done with, whose processes are all gone: keeps
    /// it where nothing was done to it, and removes it otherwise.
    pub fn give_back(&self, workspace: Workspace) {
        let spares = Arc::clone(&self.spare);
        tokio::task::spawn_blocking(move || {
            if !workspace.is_untouched() {
                return;
            }
            let mut spares = locked(&spares);
            if spares.len() < MOST_SPARE {
                spares.push(workspace);
            }
        });
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use crate::SystemRandom;

    use super::*;

    fn made() -> Workspace {
        Workspace::create(&Mark::new(SystemRandom.uuid()), None).expect("a folder")
    }

    #[test]
    fn only_an_untouched_folder_is_used_again() {
        assert!(made().is_untouched());
        let ways: [fn(&Workspace) -> io::Result<()>; 6] = [
            |it| std::fs::write(it.report(), "{}"),
            |it| std::fs::write(it.artifacts().join("left"), "x"),
            |it| std::fs::remove_dir(it.artifacts()),
            |it| std::fs::set_permissions(it.path(), PermissionsExt::from_mode(0o755)),
            |it| std::fs::set_permissions(it.artifacts(), PermissionsExt::from_mode(0o777)),
            |it| {
                std::fs::remove_dir(it.artifacts())?;
                std::os::unix::fs::symlink("/", it.artifacts())
            },
        ];
        for (number, touch) in ways.iter().enumerate() {
            let workspace = made();
            touch(&workspace).expect("it is the step's own");
            assert!(!workspace.is_untouched(), "way {number}");
        }
        let (one, other) = (made(), made());
        std::fs::rename(other.path(), other.path().with_extension("aside")).expect("renamed");
        std::fs::rename(one.path(), other.path()).expect("renamed");
        assert!(!other.is_untouched(), "another folder stands at its name");
        std::fs::remove_dir_all(other.path().with_extension("aside")).expect("removed");
    }

    #[tokio::test]
    async fn what_was_left_as_it_was_is_taken_again() {
        let spares = Workspaces::new(Arc::new(SystemRandom), None);
        let first = spares.take().expect("a folder");
        let path = first.path().to_owned();
        spares.give_back(first);
        let again = async {
            loop {
                let taken = spares.take().expect("a folder");
                if taken.path() == path {
                    return taken;
                }
                tokio::task::yield_now().await;
            }
        };
        assert!(again.await.is_untouched());
    }
}
