//! The copy of the checkout in which the demonstration's steps run.
//!
//! As root this never starts git inside a folder that belongs to the steps' user: what a
//! step writes into `.git/config` would be run. A copy is made new, aside, and swapped in.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use super::packages;
use crate::system_user::SystemUser;

/// Where a workspace is, and whose.
#[derive(Clone, Debug)]
pub struct Place {
    /// Holds the copy, the steps' memory and a note of what was copied.
    pub folder: PathBuf,
    /// The steps' user, when that is another one than ours.
    pub owner: Option<SystemUser>,
}

impl Place {
    /// The copy itself.
    #[must_use]
    pub fn checkout(&self) -> PathBuf {
        self.folder.join("checkout")
    }

    /// What the steps remember from night to night: `../state` in the plan.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// The commit and the packages that were copied.
    fn note(&self) -> PathBuf {
        self.folder.join("copied")
    }
}

/// Two installations on one machine have workspaces of their own.
pub fn name_for(checkout: &Path, data_folder: &Path) -> String {
    let both = format!("{}\0{}", checkout.display(), data_folder.display());
    let hash = Sha256::digest(both.as_bytes());
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
    format!("demonstration-{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// Copies the checkout's last commit and the packages it needs, unless that is there already.
///
/// # Errors
/// A sentence that says what is missing.
pub fn refresh(checkout: &Path, place: &Place) -> anyhow::Result<()> {
    for program in ["git", "node"] {
        if Command::new(program).arg("--version").output().is_err() {
            bail!("it needs {program}, which is not installed");
        }
    }
    make_folder(&place.folder, 0o755)?;
    let git = Git::new(&place.folder)?;
    let commit = git
        .run(checkout, &["rev-parse", "HEAD"])
        .with_context(|| format!("{} is not a git clone with a commit", checkout.display()))?;
    let needed = packages::needed(checkout)?;
    let wanted = format!("{}\n{}\n", commit.trim(), needed.join(" "));
    if place.checkout().is_dir() && fs::read_to_string(place.note()).is_ok_and(|is| is == wanted) {
        return Ok(());
    }
    let aside = place.folder.join("checkout.new");
    remove(&aside)?;
    let target = aside.to_string_lossy().into_owned();
    let source = checkout.to_string_lossy().into_owned();
    let clone = ["clone", "--quiet", "--no-hardlinks", "--", &source, &target];
    git.run(&place.folder, &clone)
        .with_context(|| format!("cannot copy {}", checkout.display()))?;
    for package in &needed {
        let path = Path::new("node_modules").join(package);
        copy_folder(&checkout.join(&path), &aside.join(&path))
            .with_context(|| format!("cannot copy the package {package}"))?;
    }
    make_folder(&place.state(), 0o700)?;
    if let Some(owner) = &place.owner {
        give(&aside, owner)?;
        give(&place.state(), owner)?;
    }
    let old = place.folder.join("checkout.old");
    remove(&old)?;
    match fs::rename(place.checkout(), &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    fs::rename(&aside, place.checkout())?;
    fs::write(place.note(), wanted)?;
    remove(&old)
}

/// Git with a configuration of its own: the checkout may belong to another user than ours.
struct Git {
    configuration: PathBuf,
}

impl Git {
    fn new(folder: &Path) -> anyhow::Result<Self> {
        // A file and not -c: what clone starts on the other side reads it, too.
        let configuration = folder.join("gitconfig");
        fs::write(
            &configuration,
            "[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n",
        )?;
        Ok(Self { configuration })
    }

    fn run(&self, folder: &Path, words: &[&str]) -> anyhow::Result<String> {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new("git")
            .args(words)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", &self.configuration)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .output()?;
        if !status.success() {
            bail!(
                "git {}: {}",
                words[0],
                String::from_utf8_lossy(&stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }
}

/// A folder with exactly this mode.
pub fn make_folder(path: &Path, mode: u32) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    // Whatever the umask says, or an earlier version left.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot open {} to the steps' user", path.display()))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Files and folders; a package has no links that matter.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Gives a folder, with what is in it, to a user; links are given, not followed.
fn give(path: &Path, owner: &SystemUser) -> io::Result<()> {
    lchown(path, Some(owner.uid), Some(owner.gid))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), owner)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "workspace_tests.rs"]
mod tests;
