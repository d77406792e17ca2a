//! The folder that one attempt has to itself, for its report and its artifacts.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{getegid, geteuid};
use process::remove_tree;

use super::steps::{Mark, StepsUser, mark};
use crate::Random;

const PREFIX: &str = "watchbill-step-";
const ARTIFACTS: &str = "artifacts";
const REPORT: &str = "report.json";

/// Folders of one attempt, below one that is ours and removed when dropped. It is named by a mark
/// of this process, so that it is known for an orphan later. They are held open, so that nothing
/// the step puts in their place can lead a reader elsewhere, and are ours until
/// [`Workspace::hand_over`], so that no other step prepares anything in them.
pub struct Workspace {
    path: PathBuf,
    /// What is the step's: its report, its artifacts, its `/tmp` and its home behind walls.
    folders: Vec<(&'static str, OwnedFd)>,
    owner: Option<(u32, u32)>,
}

/// Where the report and the artifacts are.
const FOLDER: &str = "step";
/// What stands in the place of `/tmp` behind walls.
const TMP: &str = "tmp";
/// What stands in the place of its home behind walls.
const HOME: &str = "home";

impl Workspace {
    /// Makes the folders, under the system's folder for temporary files.
    ///
    /// # Errors
    /// The operating system's reason not to.
    pub fn create(name: &Mark, user: Option<&StepsUser>, walled: bool) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("{PREFIX}{}", name.as_str()));
        std::fs::DirBuilder::new().mode(0o711).create(&path)?;
        let mut workspace = Self {
            path,
            folders: Vec::new(),
            owner: user.map(|user| (user.uid, user.gid)),
        };
        let folder = OwnedFd::from(File::open(&workspace.path)?);
        // The mask of this process may have taken something away.
        std::fs::set_permissions(opened_path(&folder), PermissionsExt::from_mode(0o711))?;
        let step = make_folder(&folder, FOLDER)?;
        let artifacts = make_folder(&step, ARTIFACTS)?;
        workspace
            .folders
            .extend([(FOLDER, step), (ARTIFACTS, artifacts)]);
        if walled {
            for name in [TMP, HOME] {
                let made = make_folder(&folder, name)?;
                workspace.folders.push((name, made));
            }
        }
        Ok(workspace)
    }

    /// The folder with the report and the artifacts.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.path.join(FOLDER)
    }

    /// What stands in the place of `/tmp`.
    #[must_use]
    pub fn tmp(&self) -> PathBuf {
        self.path.join(TMP)
    }

    /// What stands in the place of its home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.path.join(HOME)
    }

    /// Where the step may leave files.
    #[must_use]
    pub fn artifacts(&self) -> PathBuf {
        self.folder().join(ARTIFACTS)
    }

    /// Where the step may leave its report.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.folder().join(REPORT)
    }

    /// Writes a file for the step to read, before it is handed over. Returns its path.
    ///
    /// # Errors
    /// The operating system's reason not to.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let made = openat(
            self.held(FOLDER)?,
            name,
            flags,
            Mode::S_IRUSR | Mode::S_IWUSR,
        )?;
        let mut file = File::from(made);
        file.write_all(content)?;
        if let Some((uid, gid)) = self.owner {
            std::os::unix::fs::fchown(&file, Some(uid), Some(gid))?;
        }
        Ok(self.folder().join(name))
    }

    /// Makes all the step's own: nothing is written into it any more.
    ///
    /// # Errors
    /// The operating system's reason not to.
    pub fn hand_over(&self) -> io::Result<()> {
        self.owner.map_or(Ok(()), |owner| self.give_to(owner))
    }

    /// Takes all back, so that nobody who is left of its step reaches into it.
    fn take_back(&self) -> io::Result<()> {
        if self.owner.is_none() {
            return Ok(());
        }
        let ours = (geteuid().as_raw(), getegid().as_raw());
        self.give_to(ours)
    }

    fn give_to(&self, (uid, gid): (u32, u32)) -> io::Result<()> {
        self.folders
            .iter()
            .try_for_each(|(_, folder)| std::os::unix::fs::fchown(folder, Some(uid), Some(gid)))
    }

    fn held(&self, name: &str) -> io::Result<&OwnedFd> {
        let mut folders = self.folders.iter();
        let held = folders.find(|(held, _)| *held == name);
        held.map(|(_, folder)| folder)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Opens the report, if there is one.
    ///
    /// # Errors
    /// Where it is not a file of the step's own.
    pub fn open_report(&self) -> io::Result<Option<File>> {
        match open_own_file(self.held(FOLDER)?, REPORT, self.owner()) {
            // Another name could be in somebody else's hands.
            Ok(file) if file.metadata()?.nlink() != 1 => {
                Err(io::Error::other("it has other names, too"))
            }
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
        open_folder(self.held(FOLDER)?, ARTIFACTS)
    }

    /// Whether the folder still stands at its name: it may have waited for long, and
    /// temporary folders are tidied.
    fn is_there(&self) -> bool {
        self.artifacts().is_dir()
    }

    /// Whether all stands at its name as it was made, with nothing in it: a step may have done
    /// anything to its own.
    fn is_untouched(&self) -> bool {
        self.folders.iter().all(|(name, folder)| {
            let path = match *name {
                ARTIFACTS => self.artifacts(),
                name => self.path.join(name),
            };
            let expected: &[&str] = if *name == FOLDER { &[ARTIFACTS] } else { &[] };
            is_as_made(folder, &path, expected).unwrap_or(false)
        })
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
    pub fn owner(&self) -> Option<u32> {
        self.owner.map(|(uid, _)| uid)
    }
}

/// Whether the open folder is what stands at `path`, nobody else's, with just these entries.
fn is_as_made(folder: &OwnedFd, path: &Path, expected: &[&str]) -> io::Result<bool> {
    let held = std::fs::metadata(opened_path(folder))?;
    let named = std::fs::symlink_metadata(path)?;
    let mut entries = std::fs::read_dir(opened_path(folder))?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<Vec<OsString>>>()?;
    entries.sort();
    Ok(held.is_dir()
        && held.mode() & 0o7777 == 0o700
        && (held.dev(), held.ino()) == (named.dev(), named.ino())
        && entries == expected)
}

/// Makes a folder that nobody but us enters, and opens it.
fn make_folder(parent: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    nix::sys::stat::mkdirat(parent, name, Mode::S_IRWXU)?;
    open_folder(parent, name)
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.path) {
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
    walled: bool,
}

impl Workspaces {
    /// Folders for steps that run as `user`, or as this process's own user; `walled` where none
    /// of them sees another's.
    #[must_use]
    pub fn new(random: Arc<dyn Random>, user: Option<StepsUser>, walled: bool) -> Self {
        Self {
            spare: Arc::default(),
            random,
            user,
            walled,
        }
    }

    /// Whether no step reaches a folder that it was not given.
    const fn keeps_spare(&self) -> bool {
        self.walled || self.user.is_some()
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
        if left == 0 && self.keeps_spare() {
            let (spares, name) = (Arc::clone(&self.spare), Mark::new(self.random.uuid()));
            let (user, walled) = (self.user.clone(), self.walled);
            // Where it fails, the attempt that finds no spare one fails in its own name.
            tokio::task::spawn_blocking(move || {
                if let Ok(workspace) = Workspace::create(&name, user.as_ref(), walled) {
                    locked(&spares).push(workspace);
                }
            });
        }
        match spare {
            Some(spare) if spare.is_there() => Ok(spare),
            Some(_) | None => {
                let name = Mark::new(self.random.uuid());
                Workspace::create(&name, self.user.as_ref(), self.walled)
            }
        }
    }

    /// Takes a folder back that an attempt is done with, whose processes are all gone: keeps
    /// it where nothing was done to it, and removes it otherwise.
    pub fn give_back(&self, workspace: Workspace) {
        let (spares, keeps) = (Arc::clone(&self.spare), self.keeps_spare());
        tokio::task::spawn_blocking(move || {
            if !keeps || workspace.take_back().is_err() || !workspace.is_untouched() {
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
        .filter(|entry| remove_tree(&entry.path()).is_ok())
        .count()
}

#[cfg(test)]
mod tests {
    use crate::SystemRandom;

    use super::*;

    fn made() -> Workspace {
        Workspace::create(&Mark::new(SystemRandom.uuid()), None, true).expect("a folder")
    }

    #[test]
    fn only_an_untouched_folder_is_used_again() {
        assert!(made().is_untouched());
        let ways: [fn(&Workspace) -> io::Result<()>; 8] = [
            |it| std::fs::write(it.tmp().join("left"), "x"),
            |it| std::fs::write(it.home().join(".profile"), "x"),
            |it| std::fs::write(it.report(), "{}"),
            |it| std::fs::write(it.artifacts().join("left"), "x"),
            |it| std::fs::remove_dir(it.artifacts()),
            |it| std::fs::set_permissions(it.folder(), PermissionsExt::from_mode(0o755)),
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
        std::fs::rename(&other.path, other.path.with_extension("aside")).expect("renamed");
        std::fs::rename(&one.path, &other.path).expect("renamed");
        assert!(!other.is_untouched(), "another folder stands at its name");
        std::fs::remove_dir_all(other.path.with_extension("aside")).expect("removed");
    }

    #[tokio::test]
    async fn what_was_left_as_it_was_is_taken_again() {
        let spares = Workspaces::new(Arc::new(SystemRandom), None, true);
        let first = spares.take().expect("a folder");
        let path = first.folder();
        spares.give_back(first);
        let again = async {
            loop {
                let taken = spares.take().expect("a folder");
                if taken.folder() == path {
                    return taken;
                }
                tokio::task::yield_now().await;
            }
        };
        assert!(again.await.is_untouched());
    }
}
