//! Which user steps run as, and what that means for the gates.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{User, geteuid};

use crate::Settings;

/// The account that steps run as where Watchbill is root and is told nothing else.
const USUAL_ACCOUNT: &str = "watchbill-steps";

const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An account that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepsUser {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: PathBuf,
}

/// Who steps run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepsIdentity {
    /// As an account of their own.
    Separate(StepsUser),
    /// As Watchbill's own user.
    Shared,
    /// The configured account cannot be used: no step runs.
    Unusable(String),
}

/// Whether steps run as another user, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SandboxReport {
    /// Steps can reach neither the database nor the configuration by their user's rights.
    pub isolated: bool,
    /// The account that steps run as.
    pub user: String,
    /// One sentence for a person.
    pub sentence: String,
}

impl StepsIdentity {
    /// Looks the account up; only root can change users.
    #[must_use]
    pub fn find(settings: &Settings) -> Self {
        let configured = settings.steps_user.as_deref();
        let name = configured.unwrap_or(USUAL_ACCOUNT);
        let found = User::from_name(name);
        if !geteuid().is_root() {
            return match (configured, found) {
                (Some(_), Ok(Some(user))) if user.uid == geteuid() => Self::Shared,
                (Some(_), Ok(_) | Err(_)) => Self::Unusable(format!(
                    "steps are to run as {name}, and only root can start processes as another user; \
                     start Watchbill as root or remove the setting for the steps' user"
                )),
                (None, Ok(_) | Err(_)) => Self::Shared,
            };
        }
        match (configured, found) {
            (Some(_), Ok(Some(user))) if user.uid.is_root() => Self::Shared,
            (Some(_) | None, Ok(Some(user))) => Self::Separate(StepsUser {
                name: user.name,
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
                home: user.dir,
            }),
            (Some(_), Ok(None)) => Self::Unusable(format!(
                "steps are to run as {name}, and there is no such account on this machine"
            )),
            (Some(_), Err(error)) => Self::Unusable(format!(
                "steps are to run as {name}, and the account cannot be looked up: {error}"
            )),
            (None, Ok(None) | Err(_)) => Self::Unusable(format!(
                "Watchbill is root, and there is no account {USUAL_ACCOUNT} to run steps as: with root's rights they could \
                 do anything. Create it with 'useradd --system --no-create-home {USUAL_ACCOUNT}', or name another \
                 account in steps_user; steps_user = \"root\" runs them as root"
            )),
        }
    }

    /// The other account, where there is one.
    #[must_use]
    pub const fn user(&self) -> Option<&StepsUser> {
        match self {
            Self::Separate(user) => Some(user),
            Self::Shared | Self::Unusable(_) => None,
        }
    }
}

/// Whether this process's steps run as another user, for `doctor` and the dashboard.
#[must_use]
pub fn sandbox_report(settings: &Settings) -> SandboxReport {
    let own = User::from_uid(geteuid())
        .ok()
        .flatten()
        .map_or_else(|| geteuid().to_string(), |user| user.name);
    match StepsIdentity::find(settings) {
        StepsIdentity::Separate(user) => SandboxReport {
            isolated: true,
            sentence: format!(
                "Steps run as {}, who can reach neither the database nor the configuration.",
                user.name
            ),
            user: user.name,
        },
        StepsIdentity::Shared => SandboxReport {
            isolated: false,
            sentence: if geteuid().is_root() {
                format!("Steps run as {own}, as steps_user says: gates do not bind a hostile step.")
            } else {
                format!(
                    "Steps run as {own}, as Watchbill itself does: gates do not bind a hostile step."
                )
            },
            user: own,
        },
        StepsIdentity::Unusable(reason) => SandboxReport {
            isolated: false,
            sentence: format!("No step can run: {reason}."),
            user: own,
        },
    }
}

/// The search path for programs: ours, without the folders that `user` may not enter.
/// With those in it the kernel answers "not permitted" for a program that does not exist.
#[must_use]
pub fn search_path(user: Option<&StepsUser>) -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    let kept: Vec<&str> = own
        .split(':')
        .filter(|folder| folder.starts_with('/'))
        .filter(|folder| user.is_none_or(|user| may_enter(user, Path::new(folder))))
        .collect();
    if kept.is_empty() {
        USUAL_PATH.to_owned()
    } else {
        kept.join(":")
    }
}

/// Whether the user may pass through every folder down to `path`. A missing one stops nobody.
fn may_enter(user: &StepsUser, path: &Path) -> bool {
    path.ancestors().all(|folder| {
        folder.metadata().map_or(true, |found| {
            let bit = if found.uid() == user.uid {
                0o100
            } else if found.gid() == user.gid {
                0o010
            } else {
                0o001
            };
            found.mode() & bit != 0
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_does_not_exist_stops_every_step() {
        let settings = Settings {
            steps_user: Some("no-such-account-here".to_owned()),
            ..Settings::default()
        };
        assert!(matches!(
            StepsIdentity::find(&settings),
            StepsIdentity::Unusable(_)
        ));
        let report = sandbox_report(&settings);
        assert!(!report.isolated);
        assert!(report.sentence.starts_with("No step can run: "));
    }

    #[test]
    fn the_search_path_holds_only_folders_that_can_be_entered() {
        assert!(!search_path(None).is_empty());
        let nobody = StepsUser {
            name: "nobody".to_owned(),
            uid: 65534,
            gid: 65534,
            home: "/nonexistent".into(),
        };
        assert!(may_enter(&nobody, Path::new("/usr/bin")));
        let closed = tempfile::tempdir().unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(closed.path(), mode).unwrap();
        assert!(!may_enter(&nobody, &closed.path().join("bin")));
    }
}
