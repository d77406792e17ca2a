//! Workers make themselves known.

use super::WorkerIdentity;
use crate::{Engine, Result};

/// Records a worker that starts now, and forgets those unseen for a day.
pub async fn register_worker(engine: &Engine, worker: &WorkerIdentity, slots: u32) -> Result<()> {
    sqlx::query!(
        "INSERT INTO workers (id, name, labels, slots) VALUES ($1, $2, $3, $4)",
        worker.id,
        worker.name,
        &worker.labels,
        i32::try_from(slots).unwrap_or(i32::MAX),
    )
    .execute(&engine.pool)
    .await?;
    sqlx::query!("DELETE FROM workers WHERE last_seen_at < watchbill_now() - interval '1 day'")
        .execute(&engine.pool)
        .await?;
    Ok(())
}

/// Records that the worker is alive.
pub async fn heartbeat_worker(engine: &Engine, worker: &WorkerIdentity) -> Result<()> {
    sqlx::query!(
        "UPDATE workers SET last_seen_at = watchbill_now() WHERE id = $1",
        worker.id
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}

/// Forgets a worker that stops in good order.
pub async fn unregister_worker(engine: &Engine, worker: &WorkerIdentity) -> Result<()> {
    sqlx::query!("DELETE FROM workers WHERE id = $1", worker.id)
        .execute(&engine.pool)
        .await?;
    Ok(())
}
