//! Raising a request for a decision.

use std::sync::Arc;

use model::id::{ApprovalId, AttemptNumber, PlanVersionId, RunKey, TaskId};
use model::plan::{PlanTask, RiskLevel};
use model::task::GatePhase;
use sqlx::PgConnection;

use super::deadlines;
use super::gate::Stop;
use super::quorums::tell_if_out_of_reach;
use super::signed;
use crate::notify::mail;
use crate::notify::outbox::{self, AwaitingApproval};
use crate::tasks::digest::{self, Digest};
use crate::tasks::{AttemptResult, StoredTask};
use crate::{Engine, Result};

/// What a request is raised about.
#[derive(Clone, Debug)]
pub struct NewRequest<'a> {
    pub task: TaskId,
    pub attempt: AttemptNumber,
    pub run: Option<RunKey>,
    /// The version that is proposed, where the request is about none of a run's tasks.
    pub proposal: Option<PlanVersionId>,
    pub task_name: &'a str,
    /// None for a request that an outside orchestrator reported.
    pub phase: Option<GatePhase>,
    pub digest: Digest,
    /// What the digest was made of, to compare with another time.
    pub result: serde_json::Value,
    pub stop: &'a Stop,
    /// What the result says of itself, in a line.
    pub summary: Option<&'a str>,
}

/// Stores the request and marks its task as pending. The task already awaits approval.
pub async fn insert_request(
    connection: &mut PgConnection,
    request: &NewRequest<'_>,
) -> Result<ApprovalId> {
    let gate = &request.stop.gate;
    let policy = serde_json::to_value(gate).map_err(anyhow::Error::new)?;
    let expires = gate
        .expires_seconds
        .map(|seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
    let id = sqlx::query_scalar!(
        "WITH marked AS (
             UPDATE tasks SET approval_state = 'pending', approver = NULL, approval_note = NULL WHERE id = $1
         )
         INSERT INTO approvals (task_id, attempt, run, run_id, plan_name, plan_version_id, task_name, phase, digest,
                                policy, requesters, requester, summary, expires_at,
                                risk, rule, why, result)
         SELECT $1, $2, r.id, r.run_id, p.name, v.id, $4, $5, $6, $7,
                asked.accounts,
                (SELECT string_agg(a.login, ', ' ORDER BY a.id) FROM accounts a WHERE a.id = ANY(asked.accounts)),
                $8, watchbill_now() + make_interval(secs => $9::int),
                $10, $11, $12, $13
         FROM (SELECT $14::bigint AS proposal) one
         LEFT JOIN runs r ON r.id = $3
         LEFT JOIN plan_versions v ON v.id = coalesce(r.plan_version_id, one.proposal)
         LEFT JOIN plans p ON p.id = v.plan_id
         CROSS JOIN LATERAL (
             SELECT array(
                 SELECT DISTINCT account FROM unnest(
                     coalesce(r.requester_account_id || r.retried_by, '{}') || v.author_account_id
                     || coalesce((SELECT t.reported_by FROM tasks t WHERE t.id = $1), '{}')) account
                 WHERE account IS NOT NULL ORDER BY account) AS accounts) asked
         RETURNING id",
        request.task.0,
        request.attempt.0,
        request.run.map(|run| run.0),
        request.task_name,
        request.phase.map(GatePhase::as_str),
        request.digest.as_slice(),
        policy,
        request.summary,
        expires,
        request.stop.ruling.risk.map(RiskLevel::as_str),
        request.stop.ruling.rule,
        request.stop.ruling.why,
        request.result,
        request.proposal.map(|version| version.0),
    )
    .fetch_one(&mut *connection)
    .await?;
    deadlines::arm(connection, ApprovalId(id), gate).await?;
    Ok(ApprovalId(id))
}

/// Asks a person to look at a result.
pub(crate) async fn request_after(
    engine: &Engine,
    connection: &mut PgConnection,
    task: &StoredTask,
    stop: Stop,
    digest: Digest,
    result: &AttemptResult,
) -> Result<()> {
    let summary = result
        .report
        .as_ref()
        .and_then(|report| report.get("summary"))
        .and_then(|summary| summary.as_str())
        .map(|summary| summary.chars().take(300).collect::<String>());
    let approval = insert_request(
        connection,
        &NewRequest {
            task: task.id,
            attempt: task.attempt,
            run: task.run,
            proposal: None,
            task_name: &task.name,
            phase: Some(GatePhase::AfterResult),
            digest,
            result: digest::result_fields(result),
            stop: &stop,
            summary: summary.as_deref(),
        },
    )
    .await?;
    notify(engine, connection, approval, task, Some(result)).await
}

/// Asks a person whether a task may start.
pub(crate) async fn request_before(
    engine: &Engine,
    connection: &mut PgConnection,
    task: &StoredTask,
    definition: &Arc<PlanTask>,
    stop: &Stop,
) -> Result<()> {
    let result = signed::start_fields(connection, task, definition).await?;
    let digest = digest::of(&result)?;
    let approval = insert_request(
        connection,
        &NewRequest {
            task: task.id,
            attempt: task.attempt,
            run: task.run,
            proposal: None,
            task_name: &task.name,
            phase: Some(GatePhase::BeforeStart),
            digest,
            result,
            stop,
            summary: Some(definition.description.as_str()).filter(|text| !text.is_empty()),
        },
    )
    .await?;
    notify(engine, connection, approval, task, None).await
}

/// Leaves a message about the request in the outbox, within the same transaction.
pub(super) async fn notify(
    engine: &Engine,
    connection: &mut PgConnection,
    approval: ApprovalId,
    task: &StoredTask,
    result: Option<&AttemptResult>,
) -> Result<()> {
    let run_id = match task.run {
        Some(run) => {
            sqlx::query_scalar!("SELECT run_id FROM runs WHERE id = $1", run.0)
                .fetch_optional(&mut *connection)
                .await?
        }
        None => None,
    };
    let facts = AwaitingApproval {
        approval,
        task_id: task.id,
        task: &task.name,
        run_id: run_id.as_deref(),
        outputs_uri: result.and_then(|result| result.outputs_uri.as_deref()),
        log_excerpt: result.and_then(|result| result.log_excerpt.as_deref()),
        already_notified: false,
    };
    outbox::awaiting_approval(connection, &engine.settings, &facts).await?;
    mail::approval_requested(connection, engine, approval).await?;
    tell_if_out_of_reach(engine, connection, &[approval]).await
}

/// The request that waits for a decision about this task.
pub async fn pending_for_task(
    connection: &mut PgConnection,
    task: TaskId,
) -> Result<Option<ApprovalId>> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM approvals WHERE task_id = $1 AND state = 'pending'",
        task.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(ApprovalId))
}
