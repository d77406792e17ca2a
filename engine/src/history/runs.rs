use chrono::{DateTime, Utc};
use model::id::RunKey;
use model::identity::{Permission, Principal};
use model::page::{Page, Position};
use model::view::{RunDetail, RunRow, StateCounts, TaskRow};

use super::LARGEST_PAGE;
use crate::tasks::records::{select_tasks, word};
use crate::{Engine, Error, Result, authorise};

/// One page of runs, newest first, with their counts; of one plan where it is named.
///
/// # Errors
/// Who may not read.
pub async fn runs(
    engine: &Engine,
    principal: &Principal,
    plan: Option<&str>,
    before: Option<Position>,
    limit: u32,
) -> Result<Page<RunRow>> {
    authorise(principal, Permission::Read)?;
    let limit = limit.clamp(1, LARGEST_PAGE);
    let before_at = before.map(|position| position.sort_at);
    let before_id = before.map(|position| position.id);
    let records = sqlx::query_as!(
        RunRecord,
        r#"SELECT k.id AS "key!", k.run_id AS "run_id!", p.name AS "plan?", v.version AS "plan_version?",
            k.started_by AS "started_by!", k.due_at, k.created_at AS "created_at!", k.finished_at,
            ARRAY(SELECT t.state FROM tasks t WHERE t.run = k.id) AS "states!"
           FROM (
               (SELECT * FROM runs r WHERE $1::text IS NULL
                  AND (r.created_at, r.id) < (coalesce($2, 'infinity'::timestamptz), coalesce($3, 9223372036854775807))
                ORDER BY r.created_at DESC, r.id DESC LIMIT 201)
               UNION ALL
               (SELECT * FROM runs r WHERE r.plan_id = (SELECT id FROM plans WHERE name = $1)
                  AND (r.created_at, r.id) < (coalesce($2, 'infinity'::timestamptz), coalesce($3, 9223372036854775807))
                ORDER BY r.created_at DESC, r.id DESC LIMIT 201)
               ORDER BY created_at DESC, id DESC LIMIT $4
           ) k
           LEFT JOIN plans p ON p.id = k.plan_id LEFT JOIN plan_versions v ON v.id = k.plan_version_id
           ORDER BY k.created_at DESC, k.id DESC"#,
        plan,
        before_at,
        before_id,
        i64::from(limit) + 1
    )
    .fetch_all(&engine.readers)
    .await?;
    let rows = records
        .into_iter()
        .map(RunRow::try_from)
        .collect::<Result<Vec<_>>>()?;
    Ok(Page::from_overfull(rows, limit, RunRow::position))
}

/// A run with its tasks, in the plan's order.
///
/// # Errors
/// [`Error::NotFound`] where there is no such run.
pub async fn run(engine: &Engine, principal: &Principal, key: RunKey) -> Result<RunDetail> {
    authorise(principal, Permission::Read)?;
    detail(engine, key).await
}

async fn detail(engine: &Engine, key: RunKey) -> Result<RunDetail> {
    /// More than any plan may have; a reported run may be larger and is then read as a list.
    const MOST_TASKS: i64 = 2000;

    let head = sqlx::query!(
        r#"SELECT r.run_id, p.name AS "plan?", v.version AS "plan_version?", r.started_by, r.due_at, r.created_at,
            r.finished_at, r.inputs, ARRAY(SELECT t.state FROM tasks t WHERE t.run = r.id) AS "states!"
           FROM runs r LEFT JOIN plans p ON p.id = r.plan_id LEFT JOIN plan_versions v ON v.id = r.plan_version_id
           WHERE r.id = $1"#,
        key.0
    )
    .fetch_optional(&engine.readers)
    .await?
    .ok_or_else(|| Error::NotFound(format!("there is no run {key}")))?;
    let tasks = select_tasks!(
        "WHERE t.run = $1 ORDER BY t.position, t.id LIMIT $2",
        key.0,
        MOST_TASKS
    )
    .fetch_all(&engine.readers)
    .await?
    .into_iter()
    .map(TaskRow::try_from)
    .collect::<Result<Vec<_>>>()?;
    let record = RunRecord {
        key: key.0,
        run_id: head.run_id,
        plan: head.plan,
        plan_version: head.plan_version,
        started_by: head.started_by,
        due_at: head.due_at,
        created_at: head.created_at,
        finished_at: head.finished_at,
        states: head.states,
    };
    Ok(RunDetail {
        row: record.try_into()?,
        inputs: head.inputs,
        tasks,
    })
}

/// A run as the database holds it, with its tasks' states.
pub(super) struct RunRecord {
    pub key: i64,
    pub run_id: String,
    pub plan: Option<String>,
    pub plan_version: Option<i32>,
    pub started_by: String,
    pub due_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub states: Vec<String>,
}

impl TryFrom<RunRecord> for RunRow {
    type Error = Error;

    fn try_from(record: RunRecord) -> Result<Self> {
        let states = record
            .states
            .iter()
            .map(|text| word(text, "tasks.state of the run", record.key))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            key: RunKey(record.key),
            run_id: record.run_id,
            plan: record.plan,
            plan_version: record.plan_version,
            started_by: record.started_by,
            due_at: record.due_at,
            created_at: record.created_at,
            finished_at: record.finished_at,
            counts: StateCounts::of(states),
        })
    }
}
