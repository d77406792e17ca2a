//! Tasks that were to be ready at a later moment become ready.

use model::id::{AttemptNumber, TaskId};
use model::task::{TaskEvent, TaskState};

use super::moves::{Move, write_moves};
use crate::{Engine, Result};

/// How many tasks one pass makes ready.
const BATCH: i64 = 1_000;

/// Makes scheduled tasks ready whose moment has come; returns how many.
pub async fn promote_due(engine: &Engine) -> Result<u64> {
    let mut transaction = engine.pool.begin().await?;
    let due = sqlx::query!(
        "SELECT id, attempt FROM tasks
         WHERE state = 'scheduled' AND origin = 'native' AND scheduled_for <= watchbill_now()
         ORDER BY scheduled_for LIMIT $1 FOR UPDATE SKIP LOCKED",
        BATCH
    )
    .fetch_all(&mut *transaction)
    .await?;
    if due.is_empty() {
        return Ok(0);
    }
    let moves: Vec<Move> = due
        .iter()
        .map(|row| Move {
            task: TaskId(row.id),
            attempt: AttemptNumber(row.attempt),
            from: TaskState::Scheduled,
            event: TaskEvent::Due,
            reason: None,
        })
        .collect();
    write_moves(&mut transaction, "scheduler", &moves).await?;
    transaction.commit().await?;
    engine.hint_ready();
    Ok(due.len() as u64)
}
