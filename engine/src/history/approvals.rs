use chrono::{DateTime, Utc};
use model::id::{AccountId, ApprovalId, AttemptNumber, RunKey, TaskId};
use model::identity::{Permission, Principal};
use model::plan::{Gate, Signer};
use model::task::GatePhase;
use model::view::{
    ApprovalDetail, ApprovalRow, ApprovalState, DecisionRow, Eligibility, EscalationRow,
};

use sqlx::PgConnection;

use super::artifact::beginning;
use super::compared::Compared;
use super::consequences::consequences;
use super::decisions::verdict;
use super::records::{hexadecimal, json, word};
use super::task::artifacts;
use crate::approvals::{Signature, phase_of, signature, who_may_sign};
use crate::{Engine, Error, Result, authorise};

/// How much of a diff a page shows.
const DIFF_BYTES: usize = 256 * 1024;

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

/// Where a request stands, and by which policy it is answered.
///
/// # Errors
/// [`Error::NotFound`] where there is no such request.
pub async fn approval_policy(
    engine: &Engine,
    principal: &Principal,
    id: ApprovalId,
) -> Result<(ApprovalState, Gate)> {
    authorise(principal, Permission::Read)?;
    let row = sqlx::query!("SELECT state, policy FROM approvals WHERE id = $1", id.0)
        .fetch_optional(&engine.readers)
        .await?
        .ok_or_else(|| no_approval(id))?;
    Ok((
        word(&row.state, "approvals.state", id)?,
        json(row.policy, "approvals.policy", id)?,
    ))
}

fn no_approval(id: ApprovalId) -> Error {
    Error::NotFound(format!("there is no approval {id}"))
}

/// All that a person needs to decide one request.
///
/// # Errors
/// [`Error::NotFound`] where there is no such request.
pub async fn approval(
    engine: &Engine,
    principal: &Principal,
    id: ApprovalId,
) -> Result<ApprovalDetail> {
    authorise(principal, Permission::Read)?;
    let row = select_approvals!("WHERE a.id = $1", id.0)
        .fetch_optional(&engine.readers)
        .await?
        .ok_or_else(|| no_approval(id))
        .and_then(ApprovalRow::try_from)?;
    let request = sqlx::query!(
        "SELECT policy, requester, requesters, rule, why, inputs, result FROM approvals WHERE id = $1",
        id.0
    )
    .fetch_one(&engine.readers)
    .await?;
    let policy: Gate = json(request.policy, "approvals.policy", id)?;
    let result = result(engine, row.task_id, row.attempt).await?;
    let files = artifacts(engine, row.task_id, Some(row.attempt)).await?;
    let diff = match files.iter().find(|file| is_diff(&file.path)) {
        Some(file) => Some(beginning(engine, file.id, DIFF_BYTES).await?),
        None => None,
    };
    let requesters: Vec<AccountId> = request.requesters.into_iter().map(AccountId).collect();
    let eligibility = standing(engine, principal, &row, &policy, &requesters).await?;
    let decisions = decisions(engine, id).await?;
    // From here to its end one connection is held, and no other asked for: many readers at
    // once would each wait for one that another holds.
    let mut connection = engine.readers.acquire().await?;
    let may_sign = match row.state {
        ApprovalState::Pending => who_may_sign(&mut connection, id, &policy, &requesters).await?,
        ApprovalState::Approved
        | ApprovalState::Rejected
        | ApprovalState::Cancelled
        | ApprovalState::Expired
        | ApprovalState::Superseded
        | ApprovalState::ChangesRequested => Vec::new(),
    };
    let consequences = consequences(engine, &mut connection, row.task_id, row.run).await?;
    let escalations = escalations(&mut connection, id).await?;
    let identical = identical(&mut connection, &row).await?;
    drop(connection);
    let comparisons = Compared::of(engine, &row, request.result.as_ref()).await?;
    Ok(ApprovalDetail {
        digest: row.digest.clone(),
        condition: request.rule.or_else(|| policy.when.clone()),
        why: request.why,
        from: policy.from.iter().map(Signer::to_string).collect(),
        required: policy.required,
        comment: policy.comment,
        inputs: policy.inputs.clone(),
        filled: request.inputs,
        may_request_changes: row.state == ApprovalState::Pending
            && row.phase != Some(GatePhase::BeforeStart)
            && row.round < policy.rounds,
        may_sign,
        escalations,
        since_approved: comparisons.since_approved,
        since_asked: comparisons.since_asked,
        identical,
        requester: request.requester,
        outputs: result.outputs,
        outputs_uri: result.outputs_uri,
        log_excerpt: result.log_excerpt,
        artifacts: files,
        diff,
        waiting: consequences.waiting,
        skipped: consequences.skipped,
        decisions,
        may_decide: eligibility.may_sign(),
        eligibility,
        row,
    })
}

fn is_diff(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|it| it.eq_ignore_ascii_case("diff") || it.eq_ignore_ascii_case("patch"))
}

#[derive(Default)]
struct Shown {
    outputs: Option<serde_json::Value>,
    outputs_uri: Option<String>,
    log_excerpt: Option<String>,
}

/// The result that the request is about: the attempt's own where there is one.
async fn result(engine: &Engine, task: TaskId, attempt: AttemptNumber) -> Result<Shown> {
    let row = sqlx::query!(
        r#"SELECT CASE WHEN a.number IS NULL OR t.attempt = a.number THEN t.outputs ELSE a.report -> 'outputs' END
                AS outputs,
            CASE WHEN a.number IS NULL OR t.attempt = a.number THEN t.outputs_uri ELSE a.outputs_uri END AS outputs_uri,
            CASE WHEN a.number IS NULL OR t.attempt = a.number THEN t.log_excerpt END AS log_excerpt
           FROM tasks t LEFT JOIN attempts a ON a.task_id = t.id AND a.number = $2 WHERE t.id = $1"#,
        task.0,
        attempt.0
    )
    .fetch_optional(&engine.readers)
    .await?;
    Ok(row.map_or_else(Shown::default, |row| Shown {
        outputs: row.outputs,
        outputs_uri: row.outputs_uri,
        log_excerpt: row.log_excerpt,
    }))
}

/// Who was asked besides, and why.
async fn escalations(connection: &mut PgConnection, id: ApprovalId) -> Result<Vec<EscalationRow>> {
    let rows = sqlx::query!(
        "SELECT step, reason, recipients, at FROM escalations WHERE approval_id = $1 ORDER BY step",
        id.0
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| EscalationRow {
            step: row.step,
            reason: row.reason,
            to: row.recipients,
            at: row.at,
        })
        .collect())
}

/// Other requests of the same plan and task that wait for exactly the same.
async fn identical(connection: &mut PgConnection, row: &ApprovalRow) -> Result<Vec<ApprovalId>> {
    if row.state != ApprovalState::Pending {
        return Ok(Vec::new());
    }
    let ids = sqlx::query_scalar!(
        "SELECT o.id FROM approvals o JOIN approvals a ON a.id = $1
         WHERE o.state = 'pending' AND o.id <> a.id AND o.digest = a.digest AND o.task_name = a.task_name
           AND o.inputs IS NOT DISTINCT FROM a.inputs
           AND o.plan_name IS NOT DISTINCT FROM a.plan_name
         ORDER BY o.id LIMIT 100",
        row.id.0
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(ApprovalId).collect())
}

async fn decisions(engine: &Engine, id: ApprovalId) -> Result<Vec<DecisionRow>> {
    let rows = sqlx::query!(
        "SELECT id, verdict, decided_by, note, at, sole_decider, on_behalf_of_name, channel FROM decisions WHERE approval_id = $1 ORDER BY id",
        id.0
    )
    .fetch_all(&engine.readers)
    .await?;
    rows.into_iter()
        .map(|row| {
            let verdict = verdict(&row.verdict, row.id)?;
            Ok(DecisionRow {
                verdict,
                by: row.decided_by,
                note: row.note,
                at: row.at,
                sole_decider: row.sole_decider,
                on_behalf_of: row.on_behalf_of_name,
                channel: row.channel,
            })
        })
        .collect()
}

/// Whether `approvals::decide` would take this person's answer now.
async fn standing(
    engine: &Engine,
    principal: &Principal,
    row: &ApprovalRow,
    policy: &Gate,
    requesters: &[AccountId],
) -> Result<Eligibility> {
    if row.state != ApprovalState::Pending {
        return Ok(Eligibility::Decided);
    }
    let mut connection = engine.readers.acquire().await?;
    let late = sqlx::query_scalar!(
        r#"SELECT coalesce($1 <= watchbill_now(), false) AS "late!""#,
        row.expires_at
    )
    .fetch_one(&mut *connection)
    .await?;
    if late {
        return Ok(Eligibility::Late);
    }
    let found = signature(&mut connection, principal, row.id, policy, requesters).await?;
    Ok(match found {
        Ok(Signature {
            sole_decider: true, ..
        }) => Eligibility::SoleDecider,
        Ok(Signature {
            on_behalf_of: Some((_, login)),
            ..
        }) => Eligibility::MaySignFor { login },
        Ok(Signature { .. }) => Eligibility::MaySign,
        Err(why) => why,
    })
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
