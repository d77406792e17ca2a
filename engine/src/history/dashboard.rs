use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::identity::{Permission, Principal};
use model::reported::Status;
use model::task::TaskState;
use model::view::{
    Dashboard, NextOccurrence, NightBar, NightCounts, NightLane, StateCounts, TaskFilter, TaskRow,
};

use super::{approvals, runs, tasks};
use crate::tasks::records::word;
use crate::{Engine, Result, authorise};

/// A night is counted to here; beyond it, what matters is that it is very much.
const MOST_COUNTED: i64 = 100_000;

/// How many bars the picture of the night has.
const MOST_BARS: i64 = 600;

/// What needs me, what runs, what is next, and the night since `since`.
///
/// # Errors
/// Who may not read.
pub async fn dashboard(
    engine: &Engine,
    principal: &Principal,
    since: DateTime<Utc>,
) -> Result<Dashboard> {
    authorise(principal, Permission::Read)?;
    let now = sqlx::query_scalar!(r#"SELECT watchbill_now() AS "now!""#)
        .fetch_one(&engine.readers)
        .await?;
    Ok(Dashboard {
        since,
        now,
        counts: counts(engine, since).await?,
        needs_you: approvals::pending(engine, 20).await?,
        running: some(engine, principal, Status::Running, None, 50).await?,
        next: next(engine).await?,
        lanes: lanes(engine, since).await?,
        failed: some(engine, principal, Status::Failed, Some(since), 20).await?,
        recent_runs: runs(engine, principal, None, None, 10).await?.items,
        notices: notices(engine).await?,
    })
}

async fn some(
    engine: &Engine,
    principal: &Principal,
    status: Status,
    since: Option<DateTime<Utc>>,
    most: u32,
) -> Result<Vec<TaskRow>> {
    let filter = TaskFilter {
        statuses: vec![status],
        since,
        ..TaskFilter::default()
    };
    Ok(tasks(engine, principal, &filter, None, most).await?.items)
}

async fn counts(engine: &Engine, since: DateTime<Utc>) -> Result<NightCounts> {
    let states: Vec<String> = TaskState::ALL.iter().map(ToString::to_string).collect();
    let rows = sqlx::query!(
        r#"SELECT wanted.state AS "state!", n.total AS "total!", n.retried AS "retried!"
           FROM unnest($1::text[]) AS wanted (state) CROSS JOIN LATERAL (
               SELECT count(*) AS total, coalesce(sum(greatest(i.attempt - 1, 0)), 0)::bigint AS retried FROM (
                   SELECT t.attempt FROM tasks t WHERE t.state = wanted.state AND t.sort_at >= $2
                   ORDER BY t.sort_at DESC, t.id DESC LIMIT $3) i
           ) n"#,
        &states,
        since,
        MOST_COUNTED
    )
    .fetch_all(&engine.readers)
    .await?;
    let mut counts = StateCounts::default();
    let mut retried = 0;
    for row in rows {
        let state: TaskState = word(&row.state, "tasks.state", "of the night")?;
        counts.total += row.total;
        retried += row.retried;
        *match Status::of(state) {
            Status::Queued => &mut counts.queued,
            Status::Running => &mut counts.running,
            Status::Succeeded => &mut counts.succeeded,
            Status::Failed => &mut counts.failed,
            Status::AwaitingApproval => &mut counts.awaiting_approval,
            Status::Skipped => &mut counts.skipped,
        } += row.total;
    }
    Ok(NightCounts {
        tasks: counts,
        retried,
    })
}

async fn next(engine: &Engine) -> Result<Vec<NextOccurrence>> {
    let rows = sqlx::query!(
        r#"SELECT p.name, g.key, g.next_due_at AS "due_at!",
            jsonb_array_length(v.definition -> 'tasks')::bigint AS "task_count!"
           FROM triggers g JOIN plans p ON p.id = g.plan_id
           JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.current_version
           WHERE g.enabled AND p.paused_at IS NULL AND g.next_due_at IS NOT NULL
           ORDER BY g.next_due_at, g.id LIMIT 10"#
    )
    .fetch_all(&engine.readers)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| NextOccurrence {
            plan: row.name,
            trigger: row.key,
            due_at: row.due_at,
            task_count: row.task_count,
        })
        .collect())
}

async fn lanes(engine: &Engine, since: DateTime<Utc>) -> Result<Vec<NightLane>> {
    let rows = sqlx::query!(
        r#"SELECT p.name AS plan, t.id, t.name AS task, t.state, t.started_at AS "started_at!", t.finished_at
           FROM (SELECT * FROM tasks i WHERE i.sort_at >= $1 ORDER BY i.sort_at DESC, i.id DESC LIMIT $2) t
           JOIN runs r ON r.id = t.run JOIN plans p ON p.id = r.plan_id
           WHERE t.started_at IS NOT NULL ORDER BY t.started_at, t.id"#,
        since,
        MOST_BARS
    )
    .fetch_all(&engine.readers)
    .await?;
    let mut lanes: BTreeMap<String, Vec<NightBar>> = BTreeMap::new();
    for row in rows {
        let bar = NightBar {
            state: word(&row.state, "tasks.state", row.id)?,
            task: row.task,
            from: row.started_at,
            until: row.finished_at,
        };
        lanes.entry(row.plan).or_default().push(bar);
    }
    Ok(lanes
        .into_iter()
        .map(|(plan, bars)| NightLane { plan, bars })
        .collect())
}

/// Sentences that a person should act upon.
async fn notices(engine: &Engine) -> Result<Vec<String>> {
    let findings = crate::upkeep::findings(engine).await?;
    Ok(findings.into_iter().map(|one| one.message).collect())
}
