//! Opens the database, and brings its schema up to date.

use std::time::Duration;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// A pool of connections under this name.
///
/// # Errors
/// When the address is wrong or the database does not answer within ten seconds.
pub async fn connect(url: &SecretString, most: u32) -> anyhow::Result<PgPool> {
    let options: PgConnectOptions = url
        .expose_secret()
        .parse()
        .context("the database's address cannot be read")?;
    let options = options
        .application_name("watchbill")
        // A transaction that nobody drives must not hold locks for ever.
        .options([("idle_in_transaction_session_timeout", "60s")]);
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(Duration::from_mins(1))
        .connect_with(options)
        .await
        .context("cannot reach the database")
}
