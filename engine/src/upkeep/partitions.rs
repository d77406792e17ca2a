//! Partitions of attempts, history and logs, ahead of the ids that will need them.

use crate::{Engine, Result};

/// How many ids one partition holds; the SQL functions use the same number.
pub(super) const WIDTH: i64 = 1_000_000;

/// Makes the partition that new tasks go to and the one after it. Cheap when they exist.
///
/// # Errors
/// When the database does not answer, or a long query holds the tables; try again later.
pub async fn ensure_partitions(engine: &Engine) -> Result<()> {
    let mut transaction = engine.pool.begin().await?;
    // A new partition waits for queries on the parent, and others would wait behind it.
    sqlx::query!("SET LOCAL lock_timeout = '2s'")
        .execute(&mut *transaction)
        .await?;
    let made = sqlx::query_scalar!(
        r#"SELECT ensure_task_partitions((SELECT last_value FROM tasks_id_seq) + $1) AS "made!""#,
        WIDTH
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    if made > 0 {
        tracing::info!("made {made} partitions");
    }
    Ok(())
}
