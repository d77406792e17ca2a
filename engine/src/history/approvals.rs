use chrono::{DateTime, Utc};
use model::id::{AccountId, ApprovalId, AttemptNumber, RunKey, TaskId};
use model::identity::{Permission, Principal};
use model::plan::{Gate, Signer};
use model::task::GatePhase;
use model::view::{ApprovalDetail, ApprovalRow, ApprovalState, DecisionRow, Verdict};

use super::artifact::beginning;
use super::records::{hexadecimal, json, word};
use super::task::artifacts;
use crate::approvals::{Signature, may_sign};
use crate::{Engine, Error, Result, authorise};

/// How much of a diff a page shows.
const DIFF_BYTES: usize = 256 * 1024;

/// The one SELECT of requests.
macro_rules! select_approvals {
    ($which:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            ApprovalRecord,
            r#"SELECT a.id, a.task_id, a.task_name AS task, a.run, a.run_id, a.plan_name AS plan, a.attempt, a.phase,
                a.state, a.requested_at, a.expires_at, a.decided_at, a.summary,
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
        .fetch_all(&engine.pool)
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
    .fetch_one(&engine.pool)
    .await?)
}

/// What waits, soonest to expire first.
pub(super) async fn pending(engine: &Engine, most: i64) -> Result<Vec<ApprovalRow>> {
    select_approvals!(
        "WHERE a.state = 'pending' ORDER BY a.expires_at NULLS LAST, a.id LIMIT $1",
        most
    )
    .fetch_all(&engine.pool)
    .await?
    .into_iter()
    .map(ApprovalRow::try_from)
    .collect()
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
        .fetch_optional(&engine.pool)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no approval {id}")))
        .and_then(ApprovalRow::try_from)?;
    let request = sqlx::query!(
        "SELECT digest, policy, requester, requester_account_id FROM approvals WHERE id = $1",
        id.0
    )
    .fetch_one(&engine.pool)
    .await?;
    let policy: Gate = json(request.policy, "approvals.policy", id)?;
    let result = result(engine, row.task_id, row.attempt).await?;
    let files = artifacts(engine, row.task_id, Some(row.attempt)).await?;
    let diff = match files.iter().find(|file| is_diff(&file.path)) {
        Some(file) => Some(beginning(engine, file.id, DIFF_BYTES).await?),
        None => None,
    };
    let (may_decide, decide_remark) = standing(
        engine,
        principal,
        &row,
        &policy,
        request.requester_account_id.map(AccountId),
    )
    .await?;
    Ok(ApprovalDetail {
        digest: hexadecimal(&request.digest),
        condition: policy.when.clone(),
        from: policy.from.iter().map(signer).collect(),
        required: policy.required,
        requester: request.requester,
        outputs: result.outputs,
        outputs_uri: result.outputs_uri,
        log_excerpt: result.log_excerpt,
        artifacts: files,
        diff,
        waiting: waiting(engine, row.task_id).await?,
        decisions: decisions(engine, id).await?,
        may_decide,
        decide_remark,
        row,
    })
}

fn signer(signer: &Signer) -> String {
    match signer {
        Signer::Role(role) => format!("role:{role}"),
    }
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
    .fetch_optional(&engine.pool)
    .await?;
    Ok(row.map_or_else(Shown::default, |row| Shown {
        outputs: row.outputs,
        outputs_uri: row.outputs_uri,
        log_excerpt: row.log_excerpt,
    }))
}

/// The tasks that wait for this one, directly or through others.
async fn waiting(engine: &Engine, task: TaskId) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"WITH RECURSIVE after (id) AS (
               SELECT d.task_id FROM task_dependencies d WHERE d.needs_task_id = $1
               UNION
               SELECT d.task_id FROM after a JOIN task_dependencies d ON d.needs_task_id = a.id)
           SELECT t.name FROM after a JOIN tasks t ON t.id = a.id WHERE t.state = 'created'
           ORDER BY t.position, t.id LIMIT 1000"#,
        task.0
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(names)
}

async fn decisions(engine: &Engine, id: ApprovalId) -> Result<Vec<DecisionRow>> {
    let rows = sqlx::query!(
        "SELECT id, verdict, decided_by, note, at, sole_decider FROM decisions WHERE approval_id = $1 ORDER BY id",
        id.0
    )
    .fetch_all(&engine.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let verdict = [Verdict::Approve, Verdict::Reject]
                .into_iter()
                .find(|verdict| verdict.as_str() == row.verdict)
                .ok_or_else(|| {
                    Error::Internal(anyhow::anyhow!(
                        "decisions.verdict of row {}: '{}'",
                        row.id,
                        row.verdict
                    ))
                })?;
            Ok(DecisionRow {
                verdict,
                by: row.decided_by,
                note: row.note,
                at: row.at,
                sole_decider: row.sole_decider,
            })
        })
        .collect()
}

/// Whether `approvals::decide` would take this person's answer now, and what to say of it.
async fn standing(
    engine: &Engine,
    principal: &Principal,
    row: &ApprovalRow,
    policy: &Gate,
    requester: Option<AccountId>,
) -> Result<(bool, Option<String>)> {
    if row.state != ApprovalState::Pending {
        return Ok((false, None));
    }
    let mut connection = engine.pool.acquire().await?;
    let late = sqlx::query_scalar!(
        r#"SELECT coalesce($1 <= watchbill_now(), false) AS "late!""#,
        row.expires_at
    )
    .fetch_one(&mut *connection)
    .await?;
    if late {
        return Ok((false, Some("nobody decided in time".to_owned())));
    }
    match may_sign(&mut connection, principal, policy, requester).await {
        Ok(Signature {
            sole_decider: true, ..
        }) => Ok((
            true,
            Some(
                "you asked for this run, and no other account can sign it; the record will say so"
                    .to_owned(),
            ),
        )),
        Ok(Signature { .. }) => Ok((true, None)),
        Err(Error::Forbidden(why)) => Ok((false, Some(why))),
        Err(other) => Err(other),
    }
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
}

impl TryFrom<ApprovalRecord> for ApprovalRow {
    type Error = Error;

    fn try_from(record: ApprovalRecord) -> Result<Self> {
        let id = record.id;
        let phase = match record.phase.as_deref() {
            None => None,
            Some("before_start") => Some(GatePhase::BeforeStart),
            Some("after_result") => Some(GatePhase::AfterResult),
            Some(other) => {
                return Err(Error::Internal(anyhow::anyhow!(
                    "approvals.phase of row {id}: '{other}'"
                )));
            }
        };
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
        })
    }
}
