//! Brings the schema up to what this binary knows, under a lock.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, PgPool};

use crate::{Engine, Error, MIGRATOR, Result};

/// One migration and when it was applied.
#[derive(Clone, Debug)]
pub struct MigrationRow {
    pub version: i64,
    pub description: String,
    pub applied_at: Option<DateTime<Utc>>,
}

/// How the database's schema stands to this binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// No migration was ever applied.
    Empty,
    Current,
    /// This many migrations are to be applied.
    Behind(usize),
    /// It has a migration that this binary does not know.
    Newer(i64),
}

/// Held by whoever looks at the schema in order to change it; the others wait.
pub struct MigrationLock(PgConnection);

impl MigrationLock {
    /// Lets the next one go on.
    ///
    /// # Errors
    /// When the connection is lost, which releases it too.
    pub async fn release(self) -> Result<()> {
        self.0.close().await?;
        Ok(())
    }
}

/// Waits for the lock; it lives on a connection of its own and ends with it.
///
/// # Errors
/// When the database does not answer.
pub async fn lock_migrations(pool: &PgPool) -> Result<MigrationLock> {
    let mut connection = pool.acquire().await?.detach();
    sqlx::query!("SELECT pg_advisory_lock(hashtext('watchbill.migrations'))")
        .fetch_one(&mut connection)
        .await?;
    Ok(MigrationLock(connection))
}

/// The server's major version, such as 15.
///
/// # Errors
/// When the database does not answer.
pub async fn server_major(pool: &PgPool) -> Result<u32> {
    let number = sqlx::query_scalar!(
        r#"SELECT current_setting('server_version_num')::int / 10000 AS "major!""#
    )
    .fetch_one(pool)
    .await?;
    Ok(u32::try_from(number).unwrap_or_default())
}

/// Applies what is missing. Many processes may call it at once: one works, the others wait.
///
/// # Errors
/// [`Error::Conflict`] where the schema is newer than this binary.
pub async fn migrate(pool: &PgPool) -> Result<usize> {
    let before = schema_state(pool).await?;
    let missing = match before {
        SchemaState::Current => return Ok(0),
        SchemaState::Newer(version) => return Err(newer(version)),
        SchemaState::Empty => MIGRATOR.iter().count(),
        SchemaState::Behind(missing) => missing,
    };
    // The migrator holds an advisory lock of its own while it works.
    MIGRATOR.run(pool).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::VersionMissing(version) => newer(version),
        sqlx::migrate::MigrateError::VersionMismatch(version) => Error::Conflict(format!(
            "migration {version} was applied in another form than this binary knows it; \
             restore a backup or use the binary that wrote it"
        )),
        other => Error::Internal(anyhow::Error::new(other).context("migrating")),
    })?;
    Ok(missing)
}

/// Every migration that this binary or the database knows.
///
/// # Errors
/// When the database cannot be read.
pub async fn migrations(pool: &PgPool) -> Result<Vec<MigrationRow>> {
    let mut connection = pool.acquire().await?;
    let applied = applied(&mut connection).await?;
    let mut rows: Vec<MigrationRow> = MIGRATOR
        .iter()
        .map(|migration| MigrationRow {
            version: migration.version,
            description: migration.description.to_string(),
            applied_at: applied
                .iter()
                .find(|(version, ..)| *version == migration.version)
                .map(|(.., at)| *at),
        })
        .collect();
    rows.extend(
        applied
            .iter()
            .filter(|(version, ..)| !MIGRATOR.version_exists(*version))
            .map(|(version, description, at)| MigrationRow {
                version: *version,
                description: format!("{description} (unknown to this binary)"),
                applied_at: Some(*at),
            }),
    );
    Ok(rows)
}

/// Compares the database with this binary.
///
/// # Errors
/// When the database cannot be read.
pub async fn schema_state(pool: &PgPool) -> Result<SchemaState> {
    let mut connection = pool.acquire().await?;
    let applied = applied(&mut connection).await?;
    if applied.is_empty() {
        return Ok(SchemaState::Empty);
    }
    let unknown = applied
        .iter()
        .map(|(version, ..)| *version)
        .find(|version| !MIGRATOR.version_exists(*version));
    if let Some(version) = unknown {
        return Ok(SchemaState::Newer(version));
    }
    let missing = MIGRATOR
        .iter()
        .filter(|migration| {
            !applied
                .iter()
                .any(|(version, ..)| *version == migration.version)
        })
        .count();
    Ok(if missing == 0 {
        SchemaState::Current
    } else {
        SchemaState::Behind(missing)
    })
}

/// Whether requests can be served: the database answers, with a schema we can use.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Conflict`].
pub async fn readiness(engine: &Engine) -> Result<()> {
    match schema_state(&engine.pool).await? {
        // A newer version may have migrated while we serve: the two run side by side.
        SchemaState::Current | SchemaState::Newer(_) => Ok(()),
        SchemaState::Empty | SchemaState::Behind(_) => Err(Error::Conflict(
            "the database is not migrated; run: watchbill migrate".to_owned(),
        )),
    }
}

async fn applied(connection: &mut PgConnection) -> Result<Vec<(i64, String, DateTime<Utc>)>> {
    // sqlx makes this table itself, so the checked macros may not know of it.
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_as(
        "SELECT version, description, installed_on FROM _sqlx_migrations \
         WHERE success ORDER BY version",
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(rows)
}

fn newer(version: i64) -> Error {
    Error::Conflict(format!(
        "the database has migration {version}, which this watchbill does not know: \
         a newer one has used it; install that version, or restore a backup made before the upgrade"
    ))
}
