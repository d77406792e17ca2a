//! Opens the database for one command, and leaves it afterwards.

use engine::Engine;
use engine::upkeep::SchemaState;
use model::identity::Principal;

use crate::config::Config;
use crate::database::Database;

/// A command needs few connections.
const CONNECTIONS: u32 = 3;

/// Who acts when somebody types a command on Watchbill's host.
#[must_use]
pub fn principal() -> Principal {
    Principal::system("command line")
}

/// Runs `work` with an engine on a migrated database.
///
/// # Errors
/// Those of the database and of `work`.
pub async fn with_engine<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Engine) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with_database(config, async |database| {
        // The application's role may not even connect before the first migration grants it.
        let owner = database.owner_pool().await?;
        let state = engine::upkeep::schema_state(&owner).await?;
        owner.close().await;
        if state == SchemaState::Empty {
            database.migrate(config).await?;
        }
        let pool = database.pool(CONNECTIONS).await?;
        let engine = Engine::new(pool, config.engine_settings());
        engine::upkeep::readiness(&engine).await?;
        let result = work(&engine).await;
        engine.pool.close().await;
        result
    })
    .await
}

/// Runs `work` with the database as it is.
///
/// # Errors
/// Those of the database and of `work`.
pub async fn with_database<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Database) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let database = Database::open(config).await?;
    let result = work(&database).await;
    database.leave().await;
    result
}
