//! Removing tasks with all that is kept by their ids.

use sqlx::PgConnection;

use crate::Result;

/// Removes tasks with all that is kept by their ids. Approvals and decisions name them still.
pub(crate) async fn delete_tasks(connection: &mut PgConnection, ids: &[i64]) -> Result<u64> {
    sqlx::query!("DELETE FROM log_chunks WHERE task_id = ANY($1)", ids)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("DELETE FROM task_history WHERE task_id = ANY($1)", ids)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("DELETE FROM attempts WHERE task_id = ANY($1)", ids)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("DELETE FROM tokens WHERE task_id = ANY($1)", ids)
        .execute(&mut *connection)
        .await?;
    let gone = sqlx::query!("DELETE FROM tasks WHERE id = ANY($1)", ids)
        .execute(&mut *connection)
        .await?;
    Ok(gone.rows_affected())
}
