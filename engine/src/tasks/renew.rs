//! Keeping a lease alive, and hearing that a person wants the task stopped.

use std::collections::HashMap;

use super::{LeaseRef, Renewal, WorkerIdentity};
use crate::{Engine, Result};

/// Renews live leases; the answers stand in the order of `leases`.
///
/// A lease that has lapsed is not revived: a rescuer may already be at work.
pub async fn renew(
    engine: &Engine,
    worker: &WorkerIdentity,
    leases: &[LeaseRef],
) -> Result<Vec<Renewal>> {
    let tasks: Vec<i64> = leases.iter().map(|lease| lease.task.0).collect();
    let attempts: Vec<i32> = leases.iter().map(|lease| lease.attempt.0).collect();
    let tokens: Vec<_> = leases.iter().map(|lease| lease.token).collect();
    let rows = sqlx::query!(
        r#"
        WITH given AS (
            SELECT * FROM unnest($1::bigint[], $2::int[], $3::uuid[]) AS g (task_id, attempt, token)
        ), renewed AS (
            UPDATE leases l SET expires_at = watchbill_now() + $4::float8 * interval '1 second'
            FROM given g
            WHERE l.task_id = g.task_id AND l.attempt = g.attempt AND l.token = g.token
              AND l.worker_id = $5 AND l.expires_at > watchbill_now()
            RETURNING l.task_id
        )
        SELECT t.id, t.state = 'cancelling' AS "cancelling!"
        FROM renewed JOIN tasks t ON t.id = renewed.task_id
        "#,
        &tasks,
        &attempts,
        &tokens,
        engine.settings.lease.as_secs_f64(),
        worker.id,
    )
    .fetch_all(&engine.pool)
    .await?;
    let held: HashMap<i64, bool> = rows
        .into_iter()
        .map(|row| (row.id, row.cancelling))
        .collect();
    Ok(tasks
        .iter()
        .map(|task| match held.get(task) {
            Some(true) => Renewal::CancelRequested,
            Some(false) => Renewal::Held,
            None => Renewal::Lost,
        })
        .collect())
}

/// Which of the worker's tasks a person wants stopped: cheap enough to ask each second.
pub async fn cancel_requests(
    engine: &Engine,
    worker: &WorkerIdentity,
) -> Result<Vec<model::id::TaskId>> {
    let tasks = sqlx::query_scalar!(
        "SELECT l.task_id FROM leases l JOIN tasks t ON t.id = l.task_id
         WHERE l.worker_id = $1 AND t.state = 'cancelling'",
        worker.id
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(tasks.into_iter().map(model::id::TaskId).collect())
}
