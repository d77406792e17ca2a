//! One person's answer: recorded with all that follows from it, or not at all.

use anyhow::Context;
use model::id::{AccountId, ApprovalId, AttemptNumber, TaskId};
use model::identity::{Permission, Principal};
use model::plan::Gate;
use model::task::{GatePhase, TaskEvent};
use model::view::{ApprovalState, Verdict};
use serde_json::json;
use sqlx::PgConnection;

use super::digest::{Digest, hex};
use super::policy::{Signature, may_sign};
use crate::runs::settle;
use crate::tasks::{Move, StoredTask, lock_task, write_moves};
use crate::{Engine, Error, Result};

/// How long a note may be, in characters.
pub const NOTE_CHARACTERS: usize = 4_000;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Page,
    Api,
}

impl Channel {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Api => "api",
        }
    }
}

/// An answer to a request.
#[derive(Clone, Debug)]
pub struct Decide {
    pub approval: ApprovalId,
    /// What the person looked at; without it the answer binds to the present digest.
    pub digest: Option<Digest>,
    pub verdict: Verdict,
    pub note: Option<String>,
    pub channel: Channel,
}

struct Request {
    task: TaskId,
    attempt: AttemptNumber,
    phase: Option<GatePhase>,
    digest: Vec<u8>,
    gate: Gate,
    requester: Option<AccountId>,
}

/// Answers a request. One guarded UPDATE decides: of several answers one wins.
///
/// # Errors
/// [`Error::Forbidden`] to who may not sign; [`Error::Conflict`] naming the
/// state where it was answered before or the result changed since;
/// [`Error::Gone`] where it has expired.
pub async fn decide(engine: &Engine, principal: &Principal, answer: &Decide) -> Result<TaskId> {
    crate::authorise(principal, Permission::Decide)?;
    let note = checked_note(answer)?;
    let mut transaction = engine.pool.begin().await?;
    let connection = &mut *transaction;
    let request = read(connection, answer.approval).await?;
    let signature = may_sign(connection, principal, &request.gate, request.requester).await?;
    // The run's lock first, as every verb takes it; a pruned task has nothing to decide.
    let task = lock_task(connection, request.task).await?;
    claim_decision(connection, answer, &request).await?;
    record(connection, principal, answer, &request, signature, note).await?;
    move_task(
        engine,
        connection,
        principal,
        answer.verdict,
        &request,
        &task,
        note,
    )
    .await?;
    transaction.commit().await?;
    engine.hint_ready();
    Ok(request.task)
}

fn checked_note(answer: &Decide) -> Result<Option<&str>> {
    let note = answer
        .note
        .as_deref()
        .map(str::trim)
        .filter(|note| !note.is_empty());
    match note {
        Some(note) if note.chars().count() > NOTE_CHARACTERS => Err(Error::TooLarge(format!(
            "the note is longer than {NOTE_CHARACTERS} characters"
        ))),
        Some(note) if note.contains('\0') => Err(Error::invalid(
            "note",
            "it holds a NUL character; remove it",
        )),
        Some(_) | None => Ok(note),
    }
}

async fn read(connection: &mut PgConnection, id: ApprovalId) -> Result<Request> {
    let row = sqlx::query!(
        "SELECT task_id, attempt, phase, digest, policy, requester_account_id FROM approvals WHERE id = $1",
        id.0
    )
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| Error::NotFound(format!("there is no approval {id}")))?;
    let phase = match row.phase.as_deref() {
        None => None,
        Some("before_start") => Some(GatePhase::BeforeStart),
        Some("after_result") => Some(GatePhase::AfterResult),
        Some(other) => {
            return Err(anyhow::anyhow!("approvals.phase of row {id} is '{other}'").into());
        }
    };
    Ok(Request {
        task: TaskId(row.task_id),
        attempt: AttemptNumber(row.attempt),
        phase,
        digest: row.digest,
        gate: serde_json::from_value(row.policy)
            .with_context(|| format!("approvals.policy of row {id} is not a gate"))?,
        requester: row.requester_account_id.map(AccountId),
    })
}

/// The guarded UPDATE: pending, in time, and still about what was looked at.
async fn claim_decision(
    connection: &mut PgConnection,
    answer: &Decide,
    request: &Request,
) -> Result<()> {
    let looked_at = answer
        .digest
        .map_or_else(|| request.digest.clone(), |digest| digest.to_vec());
    let state = match answer.verdict {
        Verdict::Approve => ApprovalState::Approved,
        Verdict::Reject => ApprovalState::Rejected,
    };
    let decided = sqlx::query!(
        "UPDATE approvals SET state = $2, decided_at = watchbill_now()
         WHERE id = $1 AND state = 'pending' AND digest = $3 AND attempt = $4
           AND (expires_at IS NULL OR expires_at > watchbill_now())",
        answer.approval.0,
        state.as_str(),
        looked_at,
        request.attempt.0,
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if decided == 1 {
        return Ok(());
    }
    Err(why_not(connection, answer.approval, &looked_at).await?)
}

/// Why the guarded UPDATE found nothing, for the person who was too late.
async fn why_not(connection: &mut PgConnection, id: ApprovalId, looked_at: &[u8]) -> Result<Error> {
    let row = sqlx::query!(
        r#"SELECT a.state, a.digest, coalesce(a.expires_at <= watchbill_now(), false) AS "late!",
                  (SELECT d.decided_by FROM decisions d WHERE d.approval_id = a.id ORDER BY d.id DESC LIMIT 1) AS decided_by
           FROM approvals a WHERE a.id = $1"#,
        id.0
    )
    .fetch_one(connection)
    .await?;
    if row.state == "expired" || (row.state == "pending" && row.late) {
        return Ok(Error::Gone(format!(
            "approval {id} has expired; it was not approved"
        )));
    }
    if row.state == "pending" && row.digest != looked_at {
        return Ok(Error::Conflict(format!(
            "what approval {id} is about has changed since you looked; look again before you decide"
        )));
    }
    let by = row
        .decided_by
        .map(|name| format!(" by {name}"))
        .unwrap_or_default();
    Ok(Error::Conflict(format!(
        "approval {id} is already {}{by}",
        row.state
    )))
}

async fn record(
    connection: &mut PgConnection,
    principal: &Principal,
    answer: &Decide,
    request: &Request,
    signature: Signature,
    note: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO decisions (approval_id, account_id, decided_by, verdict, note, digest, sole_decider, channel)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        answer.approval.0,
        signature.account.0,
        principal.name,
        answer.verdict.as_str(),
        note,
        request.digest,
        signature.sole_decider,
        answer.channel.as_str(),
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO audit (actor, account_id, action, subject, details)
         VALUES ($1, $2, 'approval.decide', $3, $4)",
        principal.name,
        signature.account.0,
        format!("approval/{}", answer.approval),
        json!({
            "verdict": answer.verdict,
            "task": request.task,
            "attempt": request.attempt,
            "digest": hex(&request.digest),
            "note": note,
            "sole_decider": signature.sole_decider,
        }),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn move_task(
    engine: &Engine,
    connection: &mut PgConnection,
    principal: &Principal,
    verdict: Verdict,
    request: &Request,
    task: &StoredTask,
    note: Option<&str>,
) -> Result<()> {
    // A reported request is about a result: its orchestrator has already run the task.
    let phase = request.phase.unwrap_or(GatePhase::AfterResult);
    let (event, state) = match verdict {
        Verdict::Approve => (TaskEvent::Approve(phase), ApprovalState::Approved),
        Verdict::Reject => (TaskEvent::Reject, ApprovalState::Rejected),
    };
    let reason = match (verdict, note) {
        (Verdict::Approve, _) => None,
        (Verdict::Reject, Some(note)) => Some(format!("rejected by {}: {note}", principal.name)),
        (Verdict::Reject, None) => Some(format!("rejected by {}", principal.name)),
    };
    sqlx::query!(
        "UPDATE tasks SET approval_state = $2, approver = left($3, 128), approval_note = $4 WHERE id = $1",
        request.task.0,
        state.as_str(),
        principal.name,
        note,
    )
    .execute(&mut *connection)
    .await?;
    write_moves(
        connection,
        &principal.name,
        &[Move {
            task: task.id,
            attempt: request.attempt,
            from: model::task::TaskState::AwaitingApproval,
            event,
            reason,
        }],
    )
    .await?;
    let goes_on = verdict == Verdict::Approve && phase == GatePhase::BeforeStart;
    if goes_on {
        return Ok(());
    }
    settle::after_finish(engine, connection, vec![task.id]).await?;
    Ok(())
}
