//! Opens the database, given or private, and brings its schema up to date.

use anyhow::{Context, bail};
use engine::upkeep::SchemaState;
use engine::{pool_options, reading};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use crate::cluster::{Cluster, OLDEST};
use crate::config::Config;
use crate::dump;

/// How this process reaches its database.
#[derive(Debug)]
pub struct Database {
    pub application: PgConnectOptions,
    /// None where the application's role owns the tables too.
    pub owner: Option<PgConnectOptions>,
    /// The private cluster, where no database was given.
    pub cluster: Option<Cluster>,
}

impl Database {
    /// The given database, else the private one, made and started as needed.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let Some(url) = &config.database_url else {
            if config.database_owner_url.is_some() {
                bail!("database_owner_url is set and database_url is not: set both, or neither");
            }
            let cluster = Cluster::attach(&config.data_folder).await?;
            return Ok(Self {
                application: named(cluster.application()),
                owner: Some(named(cluster.owner())),
                cluster: Some(cluster),
            });
        };
        Ok(Self {
            application: options(url, "database_url")?,
            owner: config
                .database_owner_url
                .as_ref()
                .map(|url| options(url, "database_owner_url"))
                .transpose()?,
            cluster: None,
        })
    }

    /// Connections for the running application.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pool(&self, most: u32) -> anyhow::Result<PgPool> {
        connect(self.application.clone(), most).await
    }

    /// Connections for questions that only read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn readers(&self, most: u32) -> anyhow::Result<PgPool> {
        connect(reading(self.application.clone()), most).await
    }

    /// Connections for the owner: migrations, grants, dumps.
    ///
    /// # Errors
    /// When the database does not answer, or is too old.
    pub async fn owner_pool(&self) -> anyhow::Result<PgPool> {
        let pool = connect(self.owner_options().clone(), 2).await?;
        let major = engine::upkeep::server_major(&pool).await?;
        if major < OLDEST {
            bail!("the database is PostgreSQL {major}; Watchbill needs {OLDEST} or later");
        }
        Ok(pool)
    }

    /// The role that owns the tables.
    #[must_use]
    pub fn owner_options(&self) -> &PgConnectOptions {
        self.owner.as_ref().unwrap_or(&self.application)
    }

    /// Applies missing migrations, after a dump where there is something to lose, and lets the
    /// application's role use what is there.
    ///
    /// # Errors
    /// When the schema is newer than this binary, or a migration fails.
    pub async fn migrate(&self, config: &Config) -> anyhow::Result<usize> {
        let pool = self.owner_pool().await?;
        let lock = engine::upkeep::lock_migrations(&pool).await?;
        let state = engine::upkeep::schema_state(&pool).await?;
        if let SchemaState::Behind(missing) = state {
            tracing::info!("{missing} migrations are to be applied");
            dump::before_migrating(config, self.owner_options(), &pool).await;
        }
        let applied = engine::upkeep::migrate(&pool).await?;
        if self.owner.is_some() {
            let application = self.application.get_username();
            engine::upkeep::grant_application(&pool, application).await?;
        }
        lock.release().await?;
        pool.close().await;
        if applied > 0 {
            tracing::info!("applied {applied} migrations");
        }
        Ok(applied)
    }

    /// Leaves the private cluster, where there is one.
    pub async fn leave(self) {
        if let Some(cluster) = self.cluster {
            cluster.leave().await;
        }
    }
}

fn options(url: &SecretString, setting: &str) -> anyhow::Result<PgConnectOptions> {
    // The parser's own message may quote the address, which holds a password.
    let options: Option<PgConnectOptions> = url.expose_secret().parse().ok();
    let options = options.with_context(|| {
        format!("{setting} cannot be read; write it like postgres://user:password@host:5432/name")
    })?;
    Ok(named(options))
}

fn named(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("watchbill").options([
        // A transaction that nobody drives must not hold locks for ever.
        ("idle_in_transaction_session_timeout", "60s"),
        // Compiling a question of some rows takes longer than answering it.
        ("jit", "off"),
    ])
}

async fn connect(options: PgConnectOptions, most: u32) -> anyhow::Result<PgPool> {
    pool_options(most)
        .connect_with(options)
        .await
        .context("cannot reach the database")
}
