//! What was signed is what counts: digests are derived again at the moment of effect.

use anyhow::Context as _;
use model::approval::ApprovalState;
use model::id::{ApprovalId, AttemptNumber, TaskId};
use model::plan::{Gate, PlanTask, RiskLevel};
use model::task::{GatePhase, Outcome, TaskEvent, TaskState};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::release::Ready;
use super::request::{NewRequest, insert_request, notify};
use super::used::used_fields;
use super::{Stop, entry};
use crate::approvals::risk::Ruling;
use crate::approvals::withdraw;
use crate::tasks::digest::{self, Digest, hex};
use crate::tasks::records::word;
use crate::tasks::{AttemptResult, Move, StoredTask, lock_task, lock_tasks, write_moves};
use crate::{Engine, Result};

/// What a request before a start is about: the task as its plan has it, the inputs, the
/// results that it starts from, what was filled in where those were signed, and the files that
/// it uses.
pub(super) async fn start_fields(
    connection: &mut PgConnection,
    task: &StoredTask,
    definition: &PlanTask,
) -> Result<Value> {
    let inputs = match task.run {
        Some(run) => {
            sqlx::query_scalar!("SELECT inputs FROM runs WHERE id = $1", run.0)
                .fetch_one(&mut *connection)
                .await?
        }
        None => json!({}),
    };
    let needs = sqlx::query!(
        r#"SELECT n.name, n.attempt, a.digest AS "digest?"
           FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
           LEFT JOIN attempts a ON a.task_id = n.id AND a.number = n.attempt
           WHERE d.task_id = $1"#,
        task.id.0
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut fields = json!({
        "task": task.name,
        "plan_version": task.plan_version,
        "definition": definition,
        "inputs": inputs,
    });
    if !needs.is_empty() {
        let results: serde_json::Map<String, Value> = needs
            .into_iter()
            .map(|need| (need.name, need.digest.map(|digest| hex(&digest)).into()))
            .collect();
        fields["needs"] = Value::Object(results);
        let filled = filled_in(connection, task.id).await?;
        if !filled.is_empty() {
            fields["approval_inputs"] = Value::Object(filled);
        }
    }
    if let Some(run) = task.run.filter(|_| !definition.uses.is_empty()) {
        fields["uses"] = used_fields(connection, run, &definition.uses).await?;
    }
    Ok(fields)
}

/// What those who signed filled in, by task, for all that stands before this one: its
/// templates and its command may read it.
async fn filled_in(
    connection: &mut PgConnection,
    task: TaskId,
) -> Result<serde_json::Map<String, Value>> {
    let rows = sqlx::query!(
        r#"WITH RECURSIVE before AS (
               SELECT needs_task_id AS id FROM task_dependencies WHERE task_id = $1
               UNION
               SELECT d.needs_task_id FROM task_dependencies d JOIN before b ON d.task_id = b.id
           )
           SELECT t.name, t.approval_inputs AS "inputs!" FROM before b JOIN tasks t ON t.id = b.id
           WHERE t.approval_inputs IS NOT NULL AND t.approval_inputs <> '{}'"#,
        task.0
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.inputs)).collect())
}

/// The result of an attempt as it is stored now; `None` where there is none.
async fn stored_result(
    connection: &mut PgConnection,
    task: TaskId,
    attempt: AttemptNumber,
) -> Result<Option<Value>> {
    let artifacts = sqlx::query!(
        "SELECT path, sha256 FROM artifacts WHERE task_id = $1 AND attempt = $2",
        task.0,
        attempt.0
    )
    .fetch_all(&mut *connection)
    .await?;
    let artifacts = artifacts
        .into_iter()
        .map(|file| Ok((file.path, digest_of(&file.sha256, task)?)))
        .collect::<Result<_>>()?;
    result_of(connection, task, attempt, artifacts).await
}

/// The result of an attempt as it is stored now, with these files; `None` where there is none.
pub(super) async fn result_of(
    connection: &mut PgConnection,
    task: TaskId,
    attempt: AttemptNumber,
    artifacts: Vec<(String, Digest)>,
) -> Result<Option<Value>> {
    let row = sqlx::query!(
        r#"SELECT a.outcome AS "outcome!", a.exit_code, a.signal, a.outputs_uri, t.outputs
           FROM attempts a JOIN tasks t ON t.id = a.task_id
           WHERE a.task_id = $1 AND a.number = $2 AND a.outcome IS NOT NULL"#,
        task.0,
        attempt.0
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let outcome: Outcome = word(&row.outcome, "attempts.outcome", task)?;
    let mut result = AttemptResult::bare(outcome);
    result.exit_code = row.exit_code;
    result.signal = row.signal;
    result.outputs = row.outputs;
    result.outputs_uri = row.outputs_uri;
    result.artifacts = artifacts;
    Ok(Some(digest::result_fields(&result)))
}

pub(super) fn digest_of(bytes: &[u8], task: TaskId) -> Result<Digest> {
    Ok(Digest::try_from(bytes)
        .with_context(|| format!("artifacts.sha256 of task {task} is no SHA-256"))?)
}

/// What a request about a task would be bound to now. `None` for what an outside orchestrator
/// reported, which has nothing else to derive it from.
pub(super) async fn present(
    engine: &Engine,
    connection: &mut PgConnection,
    task: &StoredTask,
    phase: Option<GatePhase>,
) -> Result<Option<Value>> {
    match phase {
        None => Ok(None),
        Some(GatePhase::AfterResult) => stored_result(connection, task.id, task.attempt).await,
        Some(GatePhase::BeforeStart) => {
            let definition = crate::tasks::task_definition(engine, connection, task).await?;
            start_fields(connection, task, &definition).await.map(Some)
        }
    }
}

/// A signature that no longer fits what it was given for.
pub(super) struct Void {
    pub approval: ApprovalId,
    pub signed: Vec<u8>,
    pub now: Digest,
    pub phase: GatePhase,
    pub result: Value,
    pub gate: Gate,
    pub risk: Option<RiskLevel>,
    pub rule: Option<String>,
}

impl Void {
    /// Both digests, for who asks why.
    pub fn sentence(&self) -> String {
        format!(
            "approval {} was for sha256:{}, and what is there now is sha256:{}",
            self.approval,
            hex(&self.signed),
            hex(&self.now)
        )
    }

    /// Asks again about what is there now, in place of the request that is void. The task
    /// awaits approval already.
    pub async fn ask_again(
        self,
        engine: &Engine,
        connection: &mut PgConnection,
        task: &StoredTask,
    ) -> Result<ApprovalId> {
        withdraw(connection, task.id, ApprovalState::Superseded).await?;
        let why = format!("asked again: {}", self.sentence());
        tracing::warn!(task.id = task.id.0, "task {}: {why}", task.id);
        let stop = Stop {
            ruling: Ruling {
                stops: true,
                risk: self.risk,
                rule: self.rule,
                why: Some(why),
            },
            gate: self.gate,
        };
        let approval = insert_request(
            connection,
            &NewRequest {
                task: task.id,
                attempt: task.attempt,
                run: task.run,
                task_name: &task.name,
                phase: Some(self.phase),
                digest: self.now,
                result: self.result,
                stop: &stop,
                summary: None,
                proposal: None,
            },
        )
        .await?;
        notify(engine, connection, approval, task, None).await?;
        Ok(approval)
    }
}

/// Compares what a request was made for with what is there now; `None` where they agree.
pub(super) async fn compare(
    engine: &Engine,
    connection: &mut PgConnection,
    task: &StoredTask,
    approval: ApprovalId,
) -> Result<Option<Void>> {
    let row = sqlx::query!(
        "SELECT phase, digest, result, policy, risk, rule FROM approvals WHERE id = $1",
        approval.0
    )
    .fetch_one(&mut *connection)
    .await?;
    let phase = crate::approvals::phase_of(row.phase.as_deref(), approval)?;
    let Some(phase) = phase else {
        return Ok(None);
    };
    let Some(mut result) = present(engine, connection, task, Some(phase)).await? else {
        return Ok(None);
    };
    // The version before this one asked about a start without the results it starts from.
    let asked_without = row
        .result
        .as_ref()
        .is_some_and(|asked| asked.get("needs").is_none());
    if let Some(fields) = result.as_object_mut().filter(|_| asked_without) {
        fields.remove("needs");
    }
    let now = digest::of(&result)?;
    if row.digest == now {
        return Ok(None);
    }
    Ok(Some(Void {
        approval,
        signed: row.digest,
        now,
        phase,
        result,
        gate: serde_json::from_value(row.policy)
            .with_context(|| format!("approvals.policy of row {approval} is not a gate"))?,
        risk: row
            .risk
            .map(|text| word(&text, "approvals.risk", approval))
            .transpose()?,
        rule: row.rule,
    }))
}

/// Checks, before tasks go on behind gates, that what was signed there is what is there now.
///
/// Where it is not, the signature is void: the signed task awaits approval again, and those
/// that were to go on behind it wait for that. Returns these. Others that were let go behind it
/// before, and have not started, wait again, too. A task whose needs nobody signed asks nothing.
pub(super) async fn void_again(
    engine: &Engine,
    connection: &mut PgConnection,
    ready: &[Ready],
) -> Result<Vec<TaskId>> {
    let behind: Vec<i64> = ready
        .iter()
        .filter(|ready| {
            ready
                .needs
                .iter()
                .any(|need| need.approval == Some(ApprovalState::Approved))
        })
        .map(|ready| ready.task.id.0)
        .collect();
    if behind.is_empty() {
        return Ok(Vec::new());
    }
    let signed = sqlx::query!(
        r#"SELECT DISTINCT ON (d.needs_task_id) d.needs_task_id AS "need!", a.id AS "approval!"
           FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
           JOIN approvals a ON a.task_id = n.id AND a.attempt = n.attempt
           WHERE d.task_id = ANY($1) AND n.approval_state = 'approved' AND a.state = 'approved' AND a.phase = 'after_result'
           ORDER BY d.needs_task_id, a.id DESC"#,
        &behind
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut waiting = Vec::new();
    for row in signed {
        let need = lock_task(connection, TaskId(row.need)).await?;
        let approval = ApprovalId(row.approval);
        let Some(void) = compare(engine, connection, &need, approval).await? else {
            continue;
        };
        let one = Move {
            task: need.id,
            attempt: need.attempt,
            from: TaskState::Succeeded,
            event: TaskEvent::RequestApproval(GatePhase::AfterResult),
            reason: Some(void.sentence()),
        };
        write_moves(connection, "scheduler", &[one]).await?;
        void.ask_again(engine, connection, &need).await?;
        take_back(connection, need.id).await?;
        entry::recount(connection, &[need.id]).await?;
        let dependants = sqlx::query_scalar!(
            "SELECT task_id FROM task_dependencies WHERE needs_task_id = $1 AND task_id = ANY($2)",
            need.id.0,
            &behind
        )
        .fetch_all(&mut *connection)
        .await?;
        waiting.extend(dependants.into_iter().map(TaskId));
    }
    Ok(waiting)
}

/// Has those that go on from a task and have not started wait for it again: nothing else would
/// move them where it is refused. Those on hold count their needs when they are taken up.
async fn take_back(connection: &mut PgConnection, need: TaskId) -> Result<()> {
    let dependants = sqlx::query_scalar!(
        "SELECT t.id FROM task_dependencies d JOIN tasks t ON t.id = d.task_id
         WHERE d.needs_task_id = $1 AND t.state IN ('queued', 'scheduled') ORDER BY t.id",
        need.0
    )
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<TaskId> = dependants.into_iter().map(TaskId).collect();
    let moves: Vec<Move> = lock_tasks(connection, &ids)
        .await?
        .into_iter()
        // A worker may have taken it before the lock.
        .filter(|task| model::task::permitted(task.state, TaskEvent::TakeBack))
        .map(|task| Move {
            task: task.id,
            attempt: task.attempt,
            from: task.state,
            event: TaskEvent::TakeBack,
            reason: Some("what was signed before it has changed".to_owned()),
        })
        .collect();
    write_moves(connection, "scheduler", &moves).await
}
