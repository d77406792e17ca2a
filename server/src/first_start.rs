//! What the first start makes: users, folders and the account `admin`.

use std::io::IsTerminal;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::Context;
use engine::Engine;
use rustix::fs::{Mode, OFlags};
use secrecy::{ExposeSecret, SecretString};

use crate::cluster::write_private;
use crate::config::{Config, is_root};
use crate::demonstration;
use crate::system_user::SystemUser;

/// The user that steps run as where Watchbill is root and is told nothing else.
const STEPS_USER: &str = "watchbill-steps";
/// What belongs to that user.
const STEPS_HOME: &str = "/var/lib/watchbill-steps";

/// Where the password of `admin` went.
#[derive(Debug)]
pub enum Admin {
    /// There were accounts already.
    Existing,
    /// The environment gave it.
    Given,
    /// To be shown once.
    Shown(SecretString),
    /// Written to this file.
    Written(PathBuf),
}

/// As root, makes the user that steps run as, so that they reach neither database nor secrets.
///
/// # Errors
/// When the configured user does not exist.
pub async fn prepare(mut config: Config) -> anyhow::Result<Config> {
    if !is_root() {
        return Ok(config);
    }
    tokio::task::spawn_blocking(move || {
        let user = match &config.steps_user {
            // By name, somebody may want it.
            Some(name) if name == "root" => return Ok(config),
            Some(name) => SystemUser::find(name)?
                .with_context(|| format!("steps_user: there is no user {name} on this machine"))?,
            None => match SystemUser::find_or_make(STEPS_USER, STEPS_HOME.as_ref()) {
                Ok(user) => user,
                // No step runs then, and `doctor` says what to do.
                Err(error) => {
                    tracing::error!("no step can run: {error:#}");
                    return Ok(config);
                }
            },
        };
        own_home(&user).with_context(|| format!("preparing {STEPS_HOME}"))?;
        config.steps_user = Some(user.name);
        Ok(config)
    })
    .await?
}

/// The home of the steps' user, and in it what steps remember, the one folder there that all
/// of them share behind walls. The home is theirs, so nothing in it is followed by path.
fn own_home(user: &SystemUser) -> std::io::Result<()> {
    if !Path::new(STEPS_HOME).exists() {
        std::fs::create_dir_all(STEPS_HOME)?;
        std::os::unix::fs::chown(STEPS_HOME, Some(user.uid), Some(user.gid))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(STEPS_HOME, mode)?;
    }
    let mut folder = open_folder(rustix::fs::CWD, STEPS_HOME)?;
    for name in [".local", "state"] {
        let made = rustix::fs::mkdirat(&folder, name, Mode::RWXU);
        if let Err(error) = made
            && error != rustix::io::Errno::EXIST
        {
            return Err(error.into());
        }
        folder = open_folder(&folder, name)?;
        if made.is_ok() {
            std::os::unix::fs::fchown(&folder, Some(user.uid), Some(user.gid))?;
        }
    }
    Ok(())
}

fn open_folder(parent: impl AsFd, name: &str) -> std::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
}

/// Where a clone of the repository is at hand and no other folder was named, its steps get a
/// workspace of their own; says whether there is one.
pub async fn demonstrate(config: &mut Config) -> bool {
    if config.steps_folder != Path::new(".") {
        return false;
    }
    let plans = config.plans_folder.clone();
    let data = config.data_folder.clone();
    let user = config.steps_user.clone();
    let prepared = tokio::task::spawn_blocking(move || {
        let checkout = plans.as_deref().and_then(demonstration::find_checkout);
        demonstration::prepare(checkout.as_deref(), &data, user.as_deref())
    })
    .await;
    match prepared {
        Ok(Ok(workspace)) => {
            config.steps_folder = workspace.steps_folder;
            config.plans_folder = Some(workspace.plans_folder);
            config.steps.shared.push(workspace.state_folder);
            true
        }
        Ok(Err(absent)) => {
            tracing::info!("{absent}");
            config.notices.push(absent.to_string());
            false
        }
        Err(error) => {
            tracing::warn!("the demonstration cannot be prepared: {error}");
            false
        }
    }
}

/// Says in the log and on the dashboard which receivers of messages are refused, and what to change.
pub async fn look_at_receivers(config: &mut Config) {
    for sentence in engine::notify::outbox::refused_receivers(&config.engine_settings()).await {
        tracing::warn!("{sentence}");
        config.notices.push(sentence);
    }
}

/// Makes the account `admin` where there is no account at all.
///
/// # Errors
/// When the given password is too weak, or the file cannot be written.
pub async fn ensure_admin(engine: &Engine, config: &Config) -> anyhow::Result<Admin> {
    let given = std::env::var("WATCHBILL_ADMIN_PASSWORD")
        .ok()
        .filter(|text| !text.is_empty())
        .map(SecretString::from);
    let was_given = given.is_some();
    let made = engine::identity::accounts::ensure_first_admin(engine, given)
        .await
        .context("making the account admin (WATCHBILL_ADMIN_PASSWORD)")?;
    let Some(password) = made else {
        return Ok(if was_given {
            Admin::Given
        } else {
            Admin::Existing
        });
    };
    if std::io::stdout().is_terminal() {
        return Ok(Admin::Shown(password));
    }
    std::fs::create_dir_all(&config.data_folder)
        .with_context(|| format!("cannot make {}", config.data_folder.display()))?;
    let file = config.data_folder.join("admin-password");
    write_private(&file, &format!("{}\n", password.expose_secret()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(Admin::Written(file))
}

/// Says where it listens and how to log in. Only a terminal ever sees a password.
pub fn announce(config: &Config, admin: Admin) {
    println!("Watchbill is at {}", config.address());
    match admin {
        Admin::Shown(password) => println!(
            "Log in as admin with the password {} (it is shown this once)",
            password.expose_secret()
        ),
        Admin::Written(file) => println!(
            "Log in as admin with the password in {} and remove the file",
            file.display()
        ),
        Admin::Given | Admin::Existing => println!("Log in with your account"),
    }
    let secure = config
        .public_url
        .as_ref()
        .is_some_and(|url| url.starts_with("https://"));
    if !config.listen.ip().is_loopback() && !secure {
        let text = "others can reach this address, and without https browsers refuse to keep their login: \
                    put a proxy with TLS in front and set PUBLIC_URL (docs/OPERATIONS.md)";
        tracing::warn!("{text}");
    }
}
