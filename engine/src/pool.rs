//! Connections to the database.

use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// A connection that was in use so lately is taken without asking whether it lives.
const FRESH: Duration = Duration::from_secs(1);

/// A pool of up to `most` connections, as the engine wants it.
#[must_use]
pub fn pool_options(most: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(Duration::from_mins(1))
        .test_before_acquire(false)
        .before_acquire(|connection, usage| {
            Box::pin(async move {
                if usage.idle_for > FRESH {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

/// The same connections for reading alone, of questions that are planned once for each:
/// planning the history's took longer than answering them.
#[must_use]
pub fn reading(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        ("default_transaction_read_only", "on"),
        ("plan_cache_mode", "force_generic_plan"),
    ])
}
