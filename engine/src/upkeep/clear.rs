//! Before a restore: is the database empty, is somebody using it, and make it empty.

use sqlx::PgPool;

use crate::{Error, Result};

/// Whether there is no table at all.
///
/// # Errors
/// When the database does not answer.
pub async fn is_empty(pool: &PgPool) -> Result<bool> {
    let tables = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public') AS "any!""#
    )
    .fetch_one(pool)
    .await?;
    Ok(!tables)
}

/// Refuses while other processes of Watchbill are connected to this database.
///
/// # Errors
/// [`Error::Conflict`] that says to stop them.
pub async fn refuse_in_use(pool: &PgPool, role: &str) -> Result<()> {
    // Our own pool may hold several connections, all of the same role and address as theirs:
    // what tells others apart is the application's role, which a restore does not use.
    let others = sqlx::query_scalar!(
        r#"SELECT count(*) AS "others!" FROM pg_stat_activity
           WHERE datname = current_database() AND usename = $1 AND pid <> pg_backend_pid()"#,
        role
    )
    .fetch_one(pool)
    .await?;
    if others > 0 {
        return Err(Error::Conflict(format!(
            "{others} connections use this database; stop watchbill on every machine first"
        )));
    }
    Ok(())
}

/// Removes every table, view and function.
///
/// # Errors
/// When the role does not own the database.
pub async fn clear(pool: &PgPool) -> Result<()> {
    let mut transaction = pool.begin().await?;
    sqlx::query!("DROP SCHEMA public CASCADE")
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("CREATE SCHEMA public")
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("ALTER SCHEMA public OWNER TO pg_database_owner")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
