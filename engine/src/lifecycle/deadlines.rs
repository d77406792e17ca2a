//! Requests that wait: reminders, escalations and the end of their time. Nothing here approves.

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use model::approval::ApprovalState;
use model::id::{AccountId, ApprovalId, TaskId};
use model::plan::{EscalationStep, Gate, OnExpire, Signer};
use model::task::{TaskEvent, TaskState};
use sqlx::PgConnection;

use super::quorums::tell_if_out_of_reach;
use super::settle;
use super::versions::{self, Closing};
use crate::approvals::{asked_among, in_circle, withdraw};
use crate::notify::mail;
use crate::notify::outbox::{self, Nudge};
use crate::schedule::{after_working, find_zone};
use crate::tasks::{Move, StoredTask, lock_task, write_moves};
use crate::{Engine, Error, Result};

/// How many requests one pass acts on.
const BATCH: i64 = 100;

/// What is due for a request.
enum Due {
    Expiry,
    Escalation,
    Reminder,
}

struct Waiting {
    approval: ApprovalId,
    gate: Gate,
    reminded: i32,
    escalated: i32,
    due: Due,
}

/// Sets when the request is looked at again, counted from its own beginning.
pub(super) async fn arm(
    connection: &mut PgConnection,
    approval: ApprovalId,
    gate: &Gate,
) -> Result<()> {
    if gate.remind_seconds.is_none() && gate.escalate.is_empty() {
        return Ok(());
    }
    let escalate_at = step_due(connection, approval, gate, gate.escalate.first()).await?;
    sqlx::query!(
        "UPDATE approvals
         SET remind_at = requested_at + make_interval(secs => $2::float8), escalate_at = $3
         WHERE id = $1",
        approval.0,
        gate.remind_seconds.map(seconds),
        escalate_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// When a step of the chain is due: its time has passed in the working hours of one of
/// those who could sign. Who gave no hours is always there.
async fn step_due(
    connection: &mut PgConnection,
    approval: ApprovalId,
    gate: &Gate,
    step: Option<&EscalationStep>,
) -> Result<Option<DateTime<Utc>>> {
    let Some(step) = step else {
        return Ok(None);
    };
    let row = sqlx::query!(
        "SELECT requested_at, requesters FROM approvals WHERE id = $1",
        approval.0
    )
    .fetch_one(&mut *connection)
    .await?;
    let requesters: Vec<AccountId> = row.requesters.into_iter().map(AccountId).collect();
    let ids: Vec<i64> = in_circle(connection, approval, gate, &requesters, |circle| {
        let asked = circle.asked().into_iter();
        asked.map(|signature| signature.account.0).collect()
    })
    .await?;
    let people = sqlx::query!(
        "SELECT working_hours, zone FROM accounts WHERE id = ANY($1)",
        &ids
    )
    .fetch_all(connection)
    .await?;
    let after = i64::try_from(step.after_seconds).unwrap_or(i64::MAX / 1_000);
    let plain = row.requested_at + TimeDelta::seconds(after);
    let first = people
        .iter()
        .map(|person| {
            let hours = person
                .working_hours
                .as_deref()
                .and_then(|it| it.parse().ok());
            match (hours, find_zone(&person.zone)) {
                (Some(hours), Ok(zone)) => after_working(hours, &zone, row.requested_at, after),
                (None, _) | (Some(_), Err(_)) => plain,
            }
        })
        .min();
    Ok(Some(first.unwrap_or(plain)))
}

/// Acts on the requests whose moment has come; returns how many.
///
/// Who runs out of time is asked to look once more, then those of the next step of the
/// chain, and in the end the task fails.
pub async fn act_on_due(engine: &Engine) -> Result<u64> {
    let due = sqlx::query!(
        "SELECT id, task_id FROM approvals
         WHERE state = 'pending' AND (expires_at <= watchbill_now() OR escalate_at <= watchbill_now()
                                      OR remind_at <= watchbill_now())
         ORDER BY least(expires_at, escalate_at, remind_at) LIMIT $1",
        BATCH
    )
    .fetch_all(&engine.pool)
    .await?;
    let mut acted = 0;
    for row in due {
        match act(engine, ApprovalId(row.id), TaskId(row.task_id)).await {
            Ok(true) => acted += 1,
            // Somebody answered or cancelled in between, or the task is gone.
            Ok(false) | Err(Error::Conflict(_) | Error::NotFound(_)) => {}
            // One broken row must not keep the others waiting.
            Err(Error::Internal(error)) => {
                tracing::error!(
                    approval.id = row.id,
                    "approval {} cannot be looked after: {error:#}",
                    row.id
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(acted)
}

async fn act(engine: &Engine, approval: ApprovalId, task: TaskId) -> Result<bool> {
    let mut transaction = engine.pool.begin().await?;
    let proposal = versions::hold_proposal(&mut transaction, task).await?;
    let stored = lock_task(&mut transaction, task).await?;
    let Some(waiting) = read(&mut transaction, approval).await? else {
        return Ok(false);
    };
    match (&waiting.due, waiting.gate.on_expire, next_step(&waiting)) {
        (Due::Expiry, OnExpire::Escalate, Some(step)) => {
            escalate(
                engine,
                &mut transaction,
                &waiting,
                step,
                "nobody decided in time",
            )
            .await?;
        }
        (Due::Expiry, OnExpire::Reject, _) | (Due::Expiry, OnExpire::Escalate, None) => {
            expire(engine, &mut transaction, &stored).await?;
            if let Some(version) = proposal {
                let reason = "nobody decided in time";
                versions::close(
                    &mut transaction,
                    "scheduler",
                    version,
                    Closing::Refused,
                    reason,
                )
                .await?;
            }
        }
        (Due::Escalation, _, Some(step)) => {
            let reason = "nobody has decided yet";
            escalate(engine, &mut transaction, &waiting, step, reason).await?;
        }
        (Due::Escalation, _, None) => {
            sqlx::query!(
                "UPDATE approvals SET escalate_at = NULL WHERE id = $1",
                approval.0
            )
            .execute(&mut *transaction)
            .await?;
        }
        (Due::Reminder, _, _) => remind(engine, &mut transaction, &waiting).await?,
    }
    transaction.commit().await?;
    Ok(true)
}

/// The request as it is now, its row held; none where nothing is due any more.
async fn read(connection: &mut PgConnection, approval: ApprovalId) -> Result<Option<Waiting>> {
    let row = sqlx::query!(
        r#"SELECT policy, reminded, escalated,
                  coalesce(expires_at <= watchbill_now(), false) AS "expired!",
                  coalesce(escalate_at <= watchbill_now(), false) AS "escalates!",
                  coalesce(remind_at <= watchbill_now(), false) AS "reminds!"
           FROM approvals WHERE id = $1 AND state = 'pending' FOR UPDATE"#,
        approval.0
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let due = match (row.expired, row.escalates, row.reminds) {
        (true, _, _) => Due::Expiry,
        (false, true, _) => Due::Escalation,
        (false, false, true) => Due::Reminder,
        (false, false, false) => return Ok(None),
    };
    Ok(Some(Waiting {
        approval,
        gate: serde_json::from_value(row.policy)
            .with_context(|| format!("approvals.policy of row {approval} is not a gate"))?,
        reminded: row.reminded,
        escalated: row.escalated,
        due,
    }))
}

fn next_step(waiting: &Waiting) -> Option<&EscalationStep> {
    let taken = usize::try_from(waiting.escalated).ok()?;
    waiting.gate.escalate.get(taken)
}

/// Asks the next ones besides those asked so far, and records that somebody must look.
async fn escalate(
    engine: &Engine,
    connection: &mut PgConnection,
    waiting: &Waiting,
    step: &EscalationStep,
    reason: &str,
) -> Result<()> {
    let mut gate = waiting.gate.clone();
    for signer in &step.to {
        if !gate.from.contains(signer) {
            gate.from.push(signer.clone());
        }
    }
    let number = waiting.escalated + 1;
    let following = usize::try_from(number)
        .ok()
        .and_then(|taken| gate.escalate.get(taken));
    let escalate_at = step_due(connection, waiting.approval, &gate, following).await?;
    let extended = match (&waiting.due, gate.on_expire) {
        (Due::Expiry, OnExpire::Escalate) => gate.expires_seconds.map(seconds),
        (Due::Expiry, OnExpire::Reject) | (Due::Escalation | Due::Reminder, _) => None,
    };
    let policy = serde_json::to_value(&gate).map_err(anyhow::Error::new)?;
    sqlx::query!(
        "UPDATE approvals
         SET policy = $2, escalated = $3, escalate_at = $4,
             expires_at = CASE WHEN $5::float8 IS NULL THEN expires_at
                               ELSE watchbill_now() + make_interval(secs => $5) END
         WHERE id = $1",
        waiting.approval.0,
        policy,
        number,
        escalate_at,
        extended,
    )
    .execute(&mut *connection)
    .await?;
    let recipients: Vec<String> = step.to.iter().map(Signer::to_string).collect();
    sqlx::query!(
        "INSERT INTO escalations (approval_id, step, reason, recipients) VALUES ($1, $2, $3, $4)",
        waiting.approval.0,
        number,
        reason,
        &recipients,
    )
    .execute(&mut *connection)
    .await?;
    let nudge = Nudge::Escalated {
        step: number,
        to: recipients,
    };
    outbox::nudge(connection, engine, waiting.approval, &nudge).await?;
    let people = asked_among(connection, waiting.approval, &step.to).await?;
    let step = u32::try_from(number).unwrap_or_default();
    mail::approval_escalated(connection, engine, waiting.approval, step, &people).await?;
    // Whoever could sign only because nobody else could, does not once others are asked.
    tell_if_out_of_reach(engine, connection, &[waiting.approval]).await
}

async fn remind(engine: &Engine, connection: &mut PgConnection, waiting: &Waiting) -> Result<()> {
    let number = waiting.reminded + 1;
    // Counted from now: after an outage one reminder is sent, not all that were missed.
    sqlx::query!(
        "UPDATE approvals SET reminded = $2, remind_at = watchbill_now() + make_interval(secs => $3::float8)
         WHERE id = $1",
        waiting.approval.0,
        number,
        waiting.gate.remind_seconds.map(seconds),
    )
    .execute(&mut *connection)
    .await?;
    let nudge = Nudge::Reminder { number };
    outbox::nudge(connection, engine, waiting.approval, &nudge).await?;
    let number = u32::try_from(number).unwrap_or_default();
    mail::approval_reminder(connection, engine, waiting.approval, number).await
}

async fn expire(engine: &Engine, connection: &mut PgConnection, stored: &StoredTask) -> Result<()> {
    let task = stored.id;
    withdraw(connection, task, ApprovalState::Expired).await?;
    sqlx::query!(
        "UPDATE tasks SET approval_state = 'expired' WHERE id = $1",
        task.0
    )
    .execute(&mut *connection)
    .await?;
    write_moves(
        connection,
        "scheduler",
        &[Move {
            task,
            attempt: stored.attempt,
            from: TaskState::AwaitingApproval,
            event: TaskEvent::Expire,
            reason: Some("nobody decided in time".to_owned()),
        }],
    )
    .await?;
    settle::after_finish(engine, connection, vec![task]).await?;
    mail::tasks_failed(connection, engine, &[task]).await
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a plan's times are at most some years of seconds"
)]
fn seconds(seconds: u64) -> f64 {
    seconds as f64
}
