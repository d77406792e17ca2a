use chrono::{DateTime, Utc};
use model::id::{ApprovalId, PlanId, TriggerId};
use model::identity::{Permission, Principal};
use model::plan::Plan;
use model::view::{OccurrenceRow, PlanDetail, PlanRow, ProposedVersion, TriggerRow};

use super::runs::runs;
use crate::tasks::records::json;
use crate::{Engine, Error, Result, authorise, schedule};

/// How many next moments a plan's page shows.
const NEXT: usize = 10;

/// How many runs a plan's page shows.
const RUNS: u32 = 20;

/// Every plan, by name, with its last run and when it is due next.
///
/// # Errors
/// Who may not read.
pub async fn plans(engine: &Engine, principal: &Principal) -> Result<Vec<PlanRow>> {
    authorise(principal, Permission::Read)?;
    let names = sqlx::query_scalar!("SELECT name FROM plans ORDER BY name LIMIT 1000")
        .fetch_all(&engine.readers)
        .await?;
    let mut rows = Vec::with_capacity(names.len());
    for name in names {
        if let Some((row, _, _)) = head(engine, principal, &name).await? {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// A plan with its text, its next moments, its runs and what was skipped.
///
/// # Errors
/// [`Error::NotFound`] where there is no such plan.
pub async fn plan(engine: &Engine, principal: &Principal, name: &str) -> Result<PlanDetail> {
    authorise(principal, Permission::Read)?;
    let Some((row, plan, source)) = head(engine, principal, name).await? else {
        return Err(missing(engine, name).await?);
    };
    let triggers = triggers(engine, row.id).await?;
    let next = moments(&plan, engine.clock.now(), NEXT);
    let skips = skips(engine, row.id).await?;
    let runs = runs(engine, principal, Some(name), None, RUNS).await?.items;
    let proposed = proposed(engine, row.id).await?;
    Ok(PlanDetail {
        proposed,
        row,
        plan,
        source,
        triggers,
        next,
        runs,
        skips,
    })
}

async fn head(
    engine: &Engine,
    principal: &Principal,
    name: &str,
) -> Result<Option<(PlanRow, Plan, String)>> {
    let record = sqlx::query!(
        r#"SELECT p.id, p.name, p.paused_at, p.paused_by, v.version, v.definition, v.source_text, c.problem AS "lost_gate?",
            (SELECT min(g.next_due_at) FROM triggers g WHERE g.plan_id = p.id AND g.enabled AND p.paused_at IS NULL)
                AS next_due_at
           FROM plans p JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.current_version
           LEFT JOIN plan_checks c ON c.plan_version_id = v.id AND c.lost AND c.accepted_at IS NULL
           WHERE p.name = $1"#,
        name
    )
    .fetch_optional(&engine.readers)
    .await?;
    let Some(record) = record else {
        return Ok(None);
    };
    let plan: Plan = json(record.definition, "plan_versions.definition", name)?;
    let last_run = runs(engine, principal, Some(name), None, 1).await?.items;
    let row = PlanRow {
        id: PlanId(record.id),
        name: record.name,
        description: plan.description.clone(),
        version: record.version,
        timezone: plan.timezone.clone(),
        triggers: plan.triggers.iter().map(|it| it.key.clone()).collect(),
        task_count: i64::try_from(plan.tasks.len()).unwrap_or(i64::MAX),
        paused_at: record.paused_at,
        paused_by: record.paused_by,
        lost_gate: record.lost_gate,
        next_due_at: record.next_due_at,
        last_run: last_run.into_iter().next(),
    };
    Ok(Some((row, plan, record.source_text)))
}

/// Says why there is nothing to show: a first version may wait for its signature.
async fn missing(engine: &Engine, name: &str) -> Result<Error> {
    let id = sqlx::query_scalar!("SELECT id FROM plans WHERE name = $1", name)
        .fetch_optional(&engine.readers)
        .await?;
    let waiting = match id {
        Some(id) => proposed(engine, PlanId(id)).await?,
        None => None,
    };
    Ok(Error::NotFound(match waiting {
        Some(ProposedVersion {
            version, approvals, ..
        }) => {
            let approvals: Vec<String> = approvals.iter().map(ApprovalId::to_string).collect();
            format!(
                "no version of plan {name} has taken effect: version {version} waits for approval {}",
                approvals.join(", ")
            )
        }
        None => format!("there is no plan {name}"),
    }))
}

/// The version that waits for a signature.
async fn proposed(engine: &Engine, plan: PlanId) -> Result<Option<ProposedVersion>> {
    let row = sqlx::query!(
        r#"SELECT v.version, v.created_by, o.proposed_at,
                  ARRAY(SELECT a.id FROM approvals a WHERE a.plan_version_id = v.id AND a.run IS NULL
                        AND a.state = 'pending' ORDER BY a.id) AS "approvals!"
           FROM proposals o JOIN plan_versions v ON v.id = o.plan_version_id
           WHERE o.plan_id = $1 AND o.state = 'proposed'"#,
        plan.0
    )
    .fetch_optional(&engine.readers)
    .await?;
    Ok(row.map(|row| ProposedVersion {
        version: row.version,
        by: row.created_by,
        at: row.proposed_at,
        approvals: row.approvals.into_iter().map(ApprovalId).collect(),
    }))
}

async fn triggers(engine: &Engine, plan: PlanId) -> Result<Vec<TriggerRow>> {
    let rows = sqlx::query!(
        "SELECT id, key, next_due_at, problem FROM triggers WHERE plan_id = $1 AND enabled ORDER BY key",
        plan.0
    )
    .fetch_all(&engine.readers)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| TriggerRow {
            id: TriggerId(row.id),
            key: row.key,
            next_due_at: row.next_due_at,
            problem: row.problem,
        })
        .collect())
}

async fn skips(engine: &Engine, plan: PlanId) -> Result<Vec<OccurrenceRow>> {
    let rows = sqlx::query!(
        r#"SELECT g.key, o.due_at AS "due_at!", o.skip_reason FROM triggers g CROSS JOIN LATERAL (
               SELECT i.due_at, i.skip_reason FROM occurrences i
               WHERE i.trigger_id = g.id AND i.skip_reason IS NOT NULL
               ORDER BY i.key DESC LIMIT 20) o
           WHERE g.plan_id = $1 ORDER BY o.due_at DESC LIMIT 20"#,
        plan.0
    )
    .fetch_all(&engine.readers)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OccurrenceRow {
            trigger: row.key,
            due_at: row.due_at,
            run_id: None,
            skip_reason: row.skip_reason,
        })
        .collect())
}

/// The next moments of a plan, with the local time in its zone.
///
/// # Errors
/// [`Error::NotFound`] where there is no such plan.
pub async fn next_moments(
    engine: &Engine,
    principal: &Principal,
    name: &str,
    count: usize,
) -> Result<Vec<(DateTime<Utc>, String)>> {
    authorise(principal, Permission::Read)?;
    let stored = crate::plans::current(engine, name).await?;
    Ok(moments(&stored.plan, engine.clock.now(), count))
}

/// The next moments of all triggers together. A trigger that no longer works has none; its
/// problem is shown beside it.
fn moments(plan: &Plan, after: DateTime<Utc>, count: usize) -> Vec<(DateTime<Utc>, String)> {
    let mut moments: Vec<DateTime<Utc>> = plan
        .triggers
        .iter()
        .filter_map(|it| schedule::next_times(&it.schedule, &plan.timezone, after, count).ok())
        .flatten()
        .collect();
    moments.sort_unstable();
    moments.dedup();
    moments.truncate(count);
    moments
        .into_iter()
        .map(|at| {
            let local = schedule::local_text(&plan.timezone, at).unwrap_or_default();
            (at, local)
        })
        .collect()
}
