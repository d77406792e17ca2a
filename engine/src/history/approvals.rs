//! The inbox: requests as rows.

use chrono::{DateTime, Utc};
use model::approval::ApprovalState;
use model::id::{ApprovalId, AttemptNumber, RunKey, TaskId};
use model::identity::{Permission, Principal};
use model::view::ApprovalRow;

use crate::approvals::phase_of;
use crate::tasks::records::{hexadecimal, word};
use crate::{Engine, Error, Result, authorise};

/// The one SELECT of requests.
macro_rules! select_approvals {
    ($which:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            ApprovalRecord,
            r#"SELECT a.id, a.task_id, a.task_name AS task, a.run, a.run_id, a.plan_name AS plan, a.attempt, a.phase,
                a.state, a.requested_at, a.expires_at, a.decided_at, a.summary, a.risk, a.signatures, a.digest,
                coalesce((a.policy ->> 'required')::int, 1) AS "required!",
                coalesce((SELECT t.change_round FROM tasks t WHERE t.id = a.task_id), 0) AS "round!",
                (SELECT d.decided_by FROM decisions d WHERE d.approval_id = a.id ORDER BY d.id DESC LIMIT 1) AS approver
               FROM approvals a "# + $which,
            $($argument),*
        )
    };
}

/// What waits, soonest to expire first, and what was decided last.
///
/// # Errors
/// Who may not read.
pub async fn approvals(
    engine: &Engine,
    principal: &Principal,
) -> Result<(Vec<ApprovalRow>, Vec<ApprovalRow>)> {
    authorise(principal, Permission::Read)?;
    Ok((
        pending(engine, 500).await?,
        select_approvals!(
            "WHERE a.state <> 'pending' ORDER BY a.decided_at DESC, a.id DESC LIMIT 50"
        )
        .fetch_all(&engine.readers)
        .await?
        .into_iter()
        .map(ApprovalRow::try_from)
        .collect::<Result<_>>()?,
    ))
}

/// The same of one task: what waits for it, and what was decided last about it.
///
/// # Errors
/// Who may not read.
pub async fn approvals_of_task(
    engine: &Engine,
    principal: &Principal,
    task: TaskId,
) -> Result<(Vec<ApprovalRow>, Vec<ApprovalRow>)> {
    authorise(principal, Permission::Read)?;
    let rows: Vec<ApprovalRow> = select_approvals!(
        "WHERE a.task_id = $1 ORDER BY (a.state = 'pending') DESC, a.id DESC LIMIT 51",
        task.0
    )
    .fetch_all(&engine.readers)
    .await?
    .into_iter()
    .map(ApprovalRow::try_from)
    .collect::<Result<_>>()?;
    // At most one waits for a task.
    let (pending, mut decided): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| row.state == ApprovalState::Pending);
    decided.truncate(50);
    Ok((pending, decided))
}

/// How many requests wait.
///
/// # Errors
/// Who may not read.
pub async fn count_waiting(engine: &Engine, principal: &Principal) -> Result<i64> {
    authorise(principal, Permission::Read)?;
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "waiting!" FROM approvals WHERE state = 'pending'"#
    )
    .fetch_one(&engine.readers)
    .await?)
}

/// What waits, soonest to expire and then the riskiest first.
pub(super) async fn pending(engine: &Engine, most: i64) -> Result<Vec<ApprovalRow>> {
    select_approvals!(
        "WHERE a.state = 'pending'
         ORDER BY a.expires_at NULLS LAST, array_position(ARRAY['two', 'one'], a.risk) NULLS LAST, a.id LIMIT $1",
        most
    )
    .fetch_all(&engine.readers)
    .await?
    .into_iter()
    .map(ApprovalRow::try_from)
    .collect()
}

/// One of them.
///
/// # Errors
/// [`Error::NotFound`] where there is no such request.
pub(super) async fn approval_row(engine: &Engine, id: ApprovalId) -> Result<ApprovalRow> {
    select_approvals!("WHERE a.id = $1", id.0)
        .fetch_optional(&engine.readers)
        .await?
        .ok_or_else(|| no_approval(id))?
        .try_into()
}

pub(super) fn no_approval(id: ApprovalId) -> Error {
    Error::NotFound(format!("there is no approval {id}"))
}

struct ApprovalRecord {
    id: i64,
    task_id: i64,
    task: String,
    run: Option<i64>,
    run_id: Option<String>,
    plan: Option<String>,
    attempt: i32,
    phase: Option<String>,
    state: String,
    requested_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
    approver: Option<String>,
    summary: Option<String>,
    risk: Option<String>,
    signatures: i32,
    digest: Vec<u8>,
    required: i32,
    round: i32,
}

impl TryFrom<ApprovalRecord> for ApprovalRow {
    type Error = Error;

    fn try_from(record: ApprovalRecord) -> Result<Self> {
        let id = record.id;
        let phase = phase_of(record.phase.as_deref(), ApprovalId(id))?;
        let risk = record
            .risk
            .map(|text| word(&text, "approvals.risk", id))
            .transpose()?;
        Ok(Self {
            id: ApprovalId(id),
            task_id: TaskId(record.task_id),
            task: record.task,
            run: record.run.map(RunKey),
            run_id: record.run_id,
            plan: record.plan,
            attempt: AttemptNumber(record.attempt),
            phase,
            state: word(&record.state, "approvals.state", id)?,
            requested_at: record.requested_at,
            expires_at: record.expires_at,
            decided_at: record.decided_at,
            approver: record.approver,
            summary: record.summary,
            risk,
            required: u32::try_from(record.required).unwrap_or(1),
            signatures: u32::try_from(record.signatures).unwrap_or(0),
            digest: hexadecimal(&record.digest),
            round: u32::try_from(record.round).unwrap_or(0),
        })
    }
}
