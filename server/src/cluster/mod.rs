//! The private PostgreSQL: made when no database is given, shared by every `watchbill` here.
//!
//! Two locks count its users. `start.lock` is held while somebody starts or stops the
//! server; `users.lock` is held, shared, for as long as somebody uses it. The kernel
//! releases both when their holder dies, however it dies, so the count is never wrong.

mod binaries;
mod layout;
mod passwords;
mod process;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio_util::sync::CancellationToken;

use crate::config::is_root;
use crate::system_user::SystemUser;
pub use binaries::{Binaries, OLDEST, dumper};
use layout::Layout;
use passwords::Passwords;
pub use passwords::write_private;

/// How soon a server that died is noticed.
const WATCH: Duration = Duration::from_secs(1);
const DATABASE: &str = "watchbill";
const OWNER: &str = "watchbill_owner";
const APPLICATION: &str = "watchbill_app";

/// Our use of the private database; the last one to leave stops it.
#[derive(Debug)]
pub struct Cluster {
    layout: Layout,
    binaries: Binaries,
    passwords: Passwords,
    users: File,
}

impl Cluster {
    /// Makes and starts what is missing, and counts this process as a user.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn attach(base: &Path) -> anyhow::Result<Self> {
        let base = base.to_owned();
        let cluster = tokio::task::spawn_blocking(move || Self::attach_blocking(&base)).await??;
        let prepared = engine::upkeep::prepare_roles(
            &cluster.options(process::SUPERUSER, &cluster.passwords.superuser, "postgres"),
            &engine::upkeep::PrivateRoles {
                database: DATABASE,
                owner: OWNER,
                owner_password: cluster.passwords.owner.expose_secret(),
                application: APPLICATION,
                application_password: cluster.passwords.application.expose_secret(),
            },
        )
        .await;
        if let Err(error) = prepared {
            cluster.leave().await;
            return Err(error).context("preparing the private database");
        }
        Ok(cluster)
    }

    fn attach_blocking(base: &Path) -> anyhow::Result<Self> {
        let layout = Layout::prepare(base, server_user()?)?;
        let starting = lock_file(&layout.start_lock)?;
        starting.lock()?;
        let passwords = Passwords::read_or_make(&layout.passwords, &engine::SystemRandom)?;
        let binaries = process::choose(&layout)?;
        process::initialise(&layout, &binaries, &passwords)?;
        let users = lock_file(&layout.users_lock)?;
        users.lock_shared()?;
        if !process::running(&layout) {
            process::start(&layout, &binaries)?;
        }
        Ok(Self {
            layout,
            binaries,
            passwords,
            users,
        })
    }

    /// The running application's way in.
    #[must_use]
    pub fn application(&self) -> PgConnectOptions {
        self.options(APPLICATION, &self.passwords.application, DATABASE)
    }

    /// The owner's way in: migrations, grants, backups.
    #[must_use]
    pub fn owner(&self) -> PgConnectOptions {
        self.options(OWNER, &self.passwords.owner, DATABASE)
    }

    fn options(&self, role: &str, password: &SecretString, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.layout.socket)
            .port(5432)
            .ssl_mode(PgSslMode::Disable)
            .username(role)
            .password(password.expose_secret())
            .database(database)
    }

    /// Starts the server again whenever it died, until cancelled.
    pub async fn watch(&self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(WATCH))
            .await
            .is_some()
        {
            if process::running(&self.layout) {
                continue;
            }
            let layout = self.layout.clone();
            let binaries = self.binaries.clone();
            let revived = tokio::task::spawn_blocking(move || revive(&layout, &binaries)).await;
            match revived {
                Ok(Ok(true)) => tracing::warn!("the private PostgreSQL had died and runs again"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::error!("cannot start the private PostgreSQL: {error:#}"),
                Err(error) => tracing::error!("cannot start the private PostgreSQL: {error}"),
            }
        }
    }

    /// Leaves; the last one stops the server.
    pub async fn leave(self) {
        let left = tokio::task::spawn_blocking(move || self.leave_blocking()).await;
        match left {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("{error:#}"),
            Err(error) => tracing::error!("stopping the private PostgreSQL: {error}"),
        }
    }

    fn leave_blocking(self) -> anyhow::Result<()> {
        let starting = lock_file(&self.layout.start_lock)?;
        starting.lock()?;
        self.users.unlock()?;
        if self.users.try_lock().is_ok() && process::running(&self.layout) {
            process::stop(&self.layout, &self.binaries)?;
        }
        Ok(())
    }
}

fn revive(layout: &Layout, binaries: &Binaries) -> anyhow::Result<bool> {
    let starting = lock_file(&layout.start_lock)?;
    starting.lock()?;
    if process::running(layout) {
        return Ok(false);
    }
    process::start(layout, binaries)?;
    Ok(true)
}

/// PostgreSQL refuses root: it runs as `postgres`, else as a user made for it.
fn server_user() -> anyhow::Result<Option<SystemUser>> {
    if !is_root() {
        return Ok(None);
    }
    if let Some(user) = SystemUser::find("postgres")? {
        return Ok(Some(user));
    }
    SystemUser::find_or_make("watchbill-db", Path::new("/nonexistent")).map(Some)
}

fn lock_file(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
}
