use model::id::{ApprovalId, ArtifactId, AttemptNumber, PlanVersionId, TaskId};
use model::identity::{Permission, Principal};
use model::plan::{Plan, PlanTask};
use model::task::TaskState;
use model::view::{ArtifactRow, AttemptRow, HistoryRow, TaskDetail, TaskRow};

use crate::tasks::records::{hexadecimal, json, select_tasks, word};
use crate::{Engine, Error, Result, authorise};

/// A task with its attempts, its history, its files and its neighbours.
///
/// # Errors
/// [`Error::NotFound`] where there is no such task.
pub async fn task(engine: &Engine, principal: &Principal, id: TaskId) -> Result<TaskDetail> {
    let row = task_row(engine, principal, id).await?;
    let rest = sqlx::query!(
        "SELECT t.definition, t.outputs, t.scheduled_for, t.created_at, r.plan_version_id AS \"plan_version?\",
            (SELECT max(a.id) FROM approvals a WHERE a.task_id = t.id) AS approval
         FROM tasks t LEFT JOIN runs r ON r.id = t.run WHERE t.id = $1",
        id.0
    )
    .fetch_optional(&engine.readers)
    .await?
    .ok_or_else(|| Error::NotFound(format!("there is no task {id}")))?;
    let definition = match (rest.definition, rest.plan_version) {
        (Some(definition), _) => Some(json(definition, "tasks.definition", id)?),
        (None, Some(version)) => planned(engine, PlanVersionId(version), &row.task).await?,
        (None, None) => None,
    };
    let (needs, dependants) = neighbours(engine, id).await?;
    Ok(TaskDetail {
        definition,
        outputs: rest.outputs,
        needs,
        dependants,
        scheduled_for: rest.scheduled_for,
        created_at: rest.created_at,
        attempts: attempts(engine, id).await?,
        history: history(engine, id).await?,
        artifacts: artifacts(engine, id, None).await?,
        approval: rest.approval.map(ApprovalId),
        row,
    })
}

/// A task's line of the history alone.
///
/// # Errors
/// [`Error::NotFound`] where there is no such task.
pub async fn task_row(engine: &Engine, principal: &Principal, id: TaskId) -> Result<TaskRow> {
    authorise(principal, Permission::Read)?;
    select_tasks!("WHERE t.id = $1", id.0)
        .fetch_optional(&engine.readers)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no task {id}")))
        .and_then(TaskRow::try_from)
}

async fn planned(engine: &Engine, version: PlanVersionId, name: &str) -> Result<Option<PlanTask>> {
    let definition = sqlx::query_scalar!(
        "SELECT definition FROM plan_versions WHERE id = $1",
        version.0
    )
    .fetch_optional(&engine.readers)
    .await?;
    let Some(definition) = definition else {
        return Ok(None);
    };
    let plan: Plan = json(definition, "plan_versions.definition", version)?;
    Ok(plan.task(name).cloned())
}

type Neighbours = Vec<(String, TaskId, TaskState)>;

async fn neighbours(engine: &Engine, id: TaskId) -> Result<(Neighbours, Neighbours)> {
    let rows = sqlx::query!(
        r#"SELECT true AS "needed!", t.id AS "id!", t.name AS "name!", t.state AS "state!", t.position AS "position!"
           FROM task_dependencies d JOIN tasks t ON t.id = d.needs_task_id WHERE d.task_id = $1
           UNION ALL
           SELECT false, t.id, t.name, t.state, t.position
           FROM task_dependencies d JOIN tasks t ON t.id = d.task_id WHERE d.needs_task_id = $1
           ORDER BY 5, 2 LIMIT 2000"#,
        id.0
    )
    .fetch_all(&engine.readers)
    .await?;
    let mut needs = Vec::new();
    let mut dependants = Vec::new();
    for row in rows {
        let state = word(&row.state, "tasks.state", row.id)?;
        let side = if row.needed {
            &mut needs
        } else {
            &mut dependants
        };
        side.push((row.name, TaskId(row.id), state));
    }
    Ok((needs, dependants))
}

async fn attempts(engine: &Engine, id: TaskId) -> Result<Vec<AttemptRow>> {
    let rows = sqlx::query!(
        r#"SELECT number AS "number!", worker_name AS "worker_name!", started_at AS "started_at!", finished_at, outcome,
            exit_code, signal, output_bytes AS "output_bytes!", report, outputs_uri, digest
           FROM attempts_and_open WHERE task_id = $1 ORDER BY number DESC LIMIT 200"#,
        id.0
    )
    .fetch_all(&engine.readers)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(AttemptRow {
                number: AttemptNumber(row.number),
                worker: row.worker_name,
                started_at: row.started_at,
                finished_at: row.finished_at,
                outcome: row
                    .outcome
                    .map(|text| word(&text, "attempts.outcome", format!("{id}/{}", row.number)))
                    .transpose()?,
                exit_code: row.exit_code,
                signal: row.signal,
                output_bytes: row.output_bytes,
                report: row.report,
                outputs_uri: row.outputs_uri,
                digest: row.digest.as_deref().map(hexadecimal),
            })
        })
        .collect()
}

async fn history(engine: &Engine, id: TaskId) -> Result<Vec<HistoryRow>> {
    let mut rows = sqlx::query!(
        "SELECT seq, attempt, event, from_state, to_state, actor, reason, at
         FROM task_history WHERE task_id = $1 ORDER BY seq DESC LIMIT 1000",
        id.0
    )
    .fetch_all(&engine.readers)
    .await?;
    rows.reverse();
    rows.into_iter()
        .map(|row| {
            let place = format!("{id}/{}", row.seq);
            Ok(HistoryRow {
                seq: row.seq,
                attempt: AttemptNumber(row.attempt),
                event: row.event,
                from: row
                    .from_state
                    .map(|text| word(&text, "task_history.from_state", &place))
                    .transpose()?,
                to: word(&row.to_state, "task_history.to_state", &place)?,
                actor: row.actor,
                reason: row.reason,
                at: row.at,
            })
        })
        .collect()
}

/// The files of a task, or of one of its attempts, by path.
pub(super) async fn artifacts(
    engine: &Engine,
    id: TaskId,
    attempt: Option<AttemptNumber>,
) -> Result<Vec<ArtifactRow>> {
    let rows = sqlx::query!(
        "SELECT id, attempt, path, bytes, sha256 FROM artifacts
         WHERE task_id = $1 AND attempt = coalesce($2, attempt)
         ORDER BY attempt DESC, path LIMIT 1000",
        id.0,
        attempt.map(|attempt| attempt.0)
    )
    .fetch_all(&engine.readers)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ArtifactRow {
            id: ArtifactId(row.id),
            attempt: AttemptNumber(row.attempt),
            path: row.path,
            bytes: row.bytes,
            sha256: hexadecimal(&row.sha256),
        })
        .collect())
}
