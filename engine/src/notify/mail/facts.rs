//! What messages tell, read when they are rendered.

use chrono::{DateTime, Utc};
use model::id::{AccountId, ApprovalId, PlanVersionId, RunKey, TaskId, TokenId};
use model::plan::RiskLevel;
use sqlx::PgConnection;

use crate::Result;
use crate::tasks::records::word;

/// A request for a signature.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub approval: ApprovalId,
    pub state: String,
    pub task: TaskId,
    pub task_name: String,
    pub run: Option<RunKey>,
    pub run_id: Option<String>,
    pub plan: Option<String>,
    pub before_start: bool,
    pub summary: Option<String>,
    pub requester: Option<String>,
    pub requested_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// What the rules of risk said, where the policy has any.
    pub risk: Option<RiskLevel>,
    pub outputs_uri: Option<String>,
    pub log_excerpt: Option<String>,
}

/// A task that failed.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub task: TaskId,
    pub name: String,
    pub run: Option<RunKey>,
    pub run_id: Option<String>,
    pub plan: Option<String>,
    pub reason: Option<String>,
    pub exit_code: Option<i32>,
    pub finished_at: Option<DateTime<Utc>>,
    pub log_excerpt: Option<String>,
}

pub(super) async fn request(
    connection: &mut PgConnection,
    approval: ApprovalId,
) -> Result<Option<Request>> {
    let row = sqlx::query!(
        r#"SELECT a.state, a.task_id, a.task_name, a.run, a.run_id, a.plan_name, a.phase, a.summary, a.requester,
                  a.requested_at, a.expires_at,
                  a.risk,
                  t.outputs_uri AS "outputs_uri?", t.log_excerpt AS "log_excerpt?"
           FROM approvals a
           -- Before its start it has no result: what stands there is of an earlier time.
           LEFT JOIN tasks t ON t.id = a.task_id AND a.phase IS DISTINCT FROM 'before_start'
           WHERE a.id = $1"#,
        approval.0
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let risk = row
        .risk
        .map(|text| word(&text, "approvals.risk", approval))
        .transpose()?;
    Ok(Some(Request {
        approval,
        state: row.state,
        task: TaskId(row.task_id),
        task_name: row.task_name,
        run: row.run.map(RunKey),
        run_id: row.run_id,
        plan: row.plan_name,
        before_start: row.phase.as_deref() == Some("before_start"),
        summary: row.summary,
        requester: row.requester,
        requested_at: row.requested_at,
        expires_at: row.expires_at,
        risk,
        outputs_uri: row.outputs_uri,
        log_excerpt: row.log_excerpt,
    }))
}

pub(super) async fn failed(connection: &mut PgConnection, task: TaskId) -> Result<Option<Failed>> {
    let row = sqlx::query!(
        r#"SELECT t.name, t.run, r.run_id AS "run_id?", p.name AS "plan?", t.reason, t.finished_at, t.log_excerpt,
                  (SELECT a.exit_code FROM attempts a WHERE a.task_id = t.id AND a.number = t.attempt) AS exit_code
           FROM tasks t LEFT JOIN runs r ON r.id = t.run LEFT JOIN plans p ON p.id = r.plan_id WHERE t.id = $1"#,
        task.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Failed {
        task,
        name: row.name,
        run: row.run.map(RunKey),
        run_id: row.run_id,
        plan: row.plan,
        reason: row.reason,
        exit_code: row.exit_code,
        finished_at: row.finished_at,
        log_excerpt: row.log_excerpt,
    }))
}

/// A version that lost a gate or a condition, which nobody has mended or accepted yet.
pub(super) struct Held {
    pub plan: String,
    pub version: i32,
    pub problem: String,
}

pub(super) async fn held(
    connection: &mut PgConnection,
    version: PlanVersionId,
) -> Result<Option<Held>> {
    let held = sqlx::query_as!(
        Held,
        r#"SELECT p.name AS plan, v.version, c.problem AS "problem!"
           FROM plan_checks c JOIN plan_versions v ON v.id = c.plan_version_id
           JOIN plans p ON p.id = v.plan_id AND p.current_version = v.version
           WHERE c.plan_version_id = $1 AND c.lost AND c.accepted_at IS NULL"#,
        version.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(held)
}

/// A token that was made.
pub(super) struct Made {
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

pub(super) async fn token(connection: &mut PgConnection, token: TokenId) -> Result<Option<Made>> {
    let made = sqlx::query_as!(
        Made,
        "SELECT name, scopes, created_at, expires_at FROM tokens WHERE id = $1",
        token.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(made)
}

pub(super) async fn login(connection: &mut PgConnection, account: AccountId) -> Result<String> {
    let login = sqlx::query_scalar!("SELECT login FROM accounts WHERE id = $1", account.0)
        .fetch_optional(connection)
        .await?;
    Ok(login.unwrap_or_else(|| account.to_string()))
}

/// Whether a later reminder of the same request waits for this person: after a night without
/// messages, or a mail server's, one is enough.
pub(super) async fn is_reminded_again(
    connection: &mut PgConnection,
    approval: ApprovalId,
    account: AccountId,
    row: i64,
) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM outbox
               WHERE channel = 'mail' AND recipient_account_id = $1 AND id > $3
                 AND delivered_at IS NULL AND abandoned_at IS NULL
                 AND payload ->> 'kind' = 'approval_reminder' AND (payload ->> 'approval')::bigint = $2) AS "found!""#,
        account.0,
        approval.0,
        row
    )
    .fetch_one(connection)
    .await?;
    Ok(found)
}

/// What a digest collected since the one before.
pub(super) async fn collected(
    connection: &mut PgConnection,
    digest: i64,
) -> Result<Vec<serde_json::Value>> {
    let payloads = sqlx::query_scalar!(
        "SELECT payload FROM outbox WHERE digest_id = $1 ORDER BY id",
        digest
    )
    .fetch_all(connection)
    .await?;
    Ok(payloads)
}
