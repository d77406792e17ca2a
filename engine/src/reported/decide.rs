use crate::lifecycle;
use model::approval::Verdict;
use model::id::TaskId;
use model::identity::{Permission, Principal};

use crate::lifecycle::{Channel, Decide};
use crate::tasks::digest::Digest;
use crate::{Engine, Error, Result, authorise};

/// Answers what waits for this task, as the reference's clients do: by the task, not the request.
///
/// # Errors
/// [`Error::Conflict`] naming the state where nothing waits; [`Error::Gone`] where it expired.
pub async fn decide_task(
    engine: &Engine,
    principal: &Principal,
    task: TaskId,
    verdict: Verdict,
    digest: Option<Digest>,
    note: Option<String>,
) -> Result<()> {
    authorise(principal, Permission::Decide)?;
    let row = sqlx::query!(
        r#"SELECT t.state, a.id AS "approval?"
           FROM tasks t LEFT JOIN LATERAL (
               SELECT i.id FROM approvals i WHERE i.task_id = t.id ORDER BY i.id DESC LIMIT 1) a ON true
           WHERE t.id = $1"#,
        task.0
    )
    .fetch_optional(&engine.pool)
    .await?
    .ok_or_else(|| Error::NotFound(format!("there is no task {task}")))?;
    let Some(approval) = row.approval else {
        return Err(Error::Conflict(format!(
            "task {task} is {} and waits for no decision",
            row.state
        )));
    };
    // An answer that comes too late is told who was first, in the same words as everywhere.
    lifecycle::decide(
        engine,
        principal,
        &Decide {
            approval: approval.into(),
            digest,
            verdict,
            note,
            inputs: None,
            channel: Channel::Api,
        },
    )
    .await?;
    Ok(())
}
