//! Where the private database lives, and who may reach it.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::system_user::SystemUser;

/// The longest folder whose socket's path fits everywhere (100 of 107 bytes).
const LONGEST_SOCKET_FOLDER: usize = 100 - "/.s.PGSQL.5432".len();

/// The folders and files of one private database.
#[derive(Clone, Debug)]
pub struct Layout {
    /// PostgreSQL's own folder.
    pub data: PathBuf,
    pub log: PathBuf,
    pub socket: PathBuf,
    /// Passwords of the three roles.
    pub passwords: PathBuf,
    /// Held while somebody starts or stops the server.
    pub start_lock: PathBuf,
    /// Held, shared, by everyone who uses the server.
    pub users_lock: PathBuf,
    /// Whom the server runs as, when we are root.
    pub user: Option<SystemUser>,
}

impl Layout {
    /// Makes the folders, closed to everybody else.
    ///
    /// # Errors
    /// When a folder cannot be made, is not ours, or cannot be reached by the server's user.
    pub fn prepare(base: &Path, user: Option<SystemUser>) -> anyhow::Result<Self> {
        let fresh = !base.exists();
        fs::create_dir_all(base).with_context(|| format!("cannot make {}", base.display()))?;
        let base = base.canonicalize()?;
        // Root's folder lets the server's group pass through, and nobody else.
        let mode = if user.is_some() { 0o710 } else { 0o700 };
        if fresh || owned_by_us(&base)? {
            fs::set_permissions(&base, fs::Permissions::from_mode(mode))?;
            if let Some(user) = &user {
                std::os::unix::fs::chown(&base, Some(0), Some(user.gid))?;
            }
        } else {
            bail!(
                "{} belongs to another user; choose another data folder",
                base.display()
            );
        }
        if let Some(user) = &user {
            reachable(&base, user)?;
        }
        let server = base.join("postgres");
        own_folder(&server, user.as_ref())?;
        let socket = socket_folder(&base, user.as_ref())?;
        Ok(Self {
            data: server.join("data"),
            log: server.join("log"),
            socket,
            passwords: base.join("database.toml"),
            start_lock: base.join("start.lock"),
            users_lock: base.join("users.lock"),
            user,
        })
    }
}

/// Beside the data, where the path is short enough; else a folder of `/tmp` that is ours alone.
fn socket_folder(base: &Path, user: Option<&SystemUser>) -> anyhow::Result<PathBuf> {
    let beside = base.join("socket");
    let folder = if beside.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
        beside
    } else {
        let identity = fs::metadata(base)?;
        PathBuf::from(format!(
            "/tmp/watchbill-{:x}-{:x}",
            identity.dev(),
            identity.ino()
        ))
    };
    own_folder(&folder, user)?;
    Ok(folder)
}

/// A folder that only its owner enters; one that somebody else laid there is refused.
fn own_folder(folder: &Path, user: Option<&SystemUser>) -> anyhow::Result<()> {
    let shown = folder.display();
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {
            if let Some(user) = user {
                std::os::unix::fs::chown(folder, Some(user.uid), Some(user.gid))?;
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot make {shown}")),
    }
    let metadata = fs::symlink_metadata(folder)?;
    let owner = user.map_or_else(|| nix::unistd::geteuid().as_raw(), |user| user.uid);
    if !metadata.is_dir() || metadata.uid() != owner {
        bail!(
            "{shown} is not a folder of the user with the id {owner}; remove it or choose another data folder"
        );
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn owned_by_us(folder: &Path) -> anyhow::Result<bool> {
    Ok(fs::metadata(folder)?.uid() == nix::unistd::geteuid().as_raw())
}

/// Every folder above must let the server's user pass.
fn reachable(base: &Path, user: &SystemUser) -> anyhow::Result<()> {
    for folder in base.ancestors() {
        let metadata = fs::metadata(folder)?;
        let bit = if metadata.uid() == user.uid {
            0o100
        } else if metadata.gid() == user.gid {
            0o010
        } else {
            0o001
        };
        if metadata.mode() & bit == 0 {
            bail!(
                "PostgreSQL runs as {}, who may not pass through {}; choose another data folder \
                 (--data-folder), or run: chmod o+x {}",
                user.name,
                folder.display(),
                folder.display()
            );
        }
    }
    Ok(())
}
