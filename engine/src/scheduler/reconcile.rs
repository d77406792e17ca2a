//! Re-arming: a trigger that is enabled and has nothing due gets its next moment; and a look
//! for tasks that no claim takes.

use model::id::{PlanVersionId, TriggerId};

use super::fire::stop;
use crate::schedule::Timetable;
use crate::{Engine, Result, lifecycle, plans};

/// How many triggers one pass looks at.
const BATCH: i64 = 10_000;

/// Arms enabled triggers that have nothing due and says why where it cannot,
/// such as a zone that no longer exists; returns how many it armed.
pub async fn reconcile(engine: &Engine) -> Result<u64> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.key, t.next_due_at, v.id AS version_id, watchbill_now() AS "now!"
           FROM triggers t JOIN plans p ON p.id = t.plan_id
           JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.current_version
           WHERE t.enabled ORDER BY t.next_due_at NULLS FIRST LIMIT $1"#,
        BATCH
    )
    .fetch_all(&engine.pool)
    .await?;
    for (task, name) in lifecycle::refused(engine).await? {
        tracing::error!(
            task.id = task.0,
            "task {task} ({name}) is in the queue although its needs do not let it start; no claim takes it"
        );
    }
    let mut armed = 0;
    let mut connection = engine.pool.acquire().await?;
    for row in rows {
        let id = TriggerId(row.id);
        let plan =
            match plans::version(engine, &mut connection, PlanVersionId(row.version_id)).await {
                Ok(plan) => plan,
                Err(error) if error.ends_transaction() => return Err(error),
                // One unreadable version must not keep the other plans' triggers unarmed.
                Err(error) => {
                    tracing::error!(trigger.id = row.id, "a trigger cannot be armed: {error}");
                    continue;
                }
            };
        let Some(trigger) = plan.triggers.iter().find(|trigger| trigger.key == row.key) else {
            stop(
                &mut connection,
                id,
                &plan.name,
                "the plan's present version has no such trigger",
            )
            .await?;
            continue;
        };
        let next = match Timetable::new(&trigger.schedule, &plan.timezone) {
            Ok(timetable) => timetable.next_after(row.now),
            Err(problem) => {
                stop(&mut connection, id, &plan.name, problem.sentence()).await?;
                continue;
            }
        };
        if row.next_due_at.is_some() {
            continue;
        }
        let Some(next) = next else {
            stop(&mut connection, id, &plan.name, "nothing is due any more").await?;
            continue;
        };
        armed += sqlx::query!(
            "UPDATE triggers SET next_due_at = $2, problem = NULL
             WHERE id = $1 AND enabled AND next_due_at IS NULL",
            id.0,
            next
        )
        .execute(&mut *connection)
        .await?
        .rows_affected();
    }
    Ok(armed)
}
