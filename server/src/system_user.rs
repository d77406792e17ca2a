//! System users that root drops to: one for the database, one for steps.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// An unprivileged user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemUser {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl SystemUser {
    /// The user of this name, where there is one.
    ///
    /// # Errors
    /// When the user database cannot be read, or the user is root itself.
    pub fn find(name: &str) -> anyhow::Result<Option<Self>> {
        let Some(user) = nix::unistd::User::from_name(name)? else {
            return Ok(None);
        };
        if user.uid.is_root() {
            bail!("{name} is root; choose an unprivileged user");
        }
        Ok(Some(Self {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }))
    }

    /// The user of this name; made, without a login, where there is none.
    ///
    /// # Errors
    /// When it cannot be made: a sentence that says how to make it.
    pub fn find_or_make(name: &str, home: &Path) -> anyhow::Result<Self> {
        if let Some(user) = Self::find(name)? {
            return Ok(user);
        }
        let by_hand = format!("make it by hand: useradd --system --user-group {name}");
        let useradd = ["/usr/sbin/useradd", "/sbin/useradd", "/usr/bin/useradd"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .with_context(|| format!("there is no user {name} and no useradd; {by_hand}"))?;
        let output = Command::new(useradd)
            .args(["--system", "--user-group", "--no-create-home"])
            .args(["--shell", "/usr/sbin/nologin", "--home-dir"])
            .args([home.as_os_str(), name.as_ref()])
            .output()
            .with_context(|| format!("cannot run {useradd}"))?;
        match Self::find(name)? {
            Some(user) => Ok(user),
            None => bail!(
                "{useradd} did not make the user {name}: {}; {by_hand}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }
}
