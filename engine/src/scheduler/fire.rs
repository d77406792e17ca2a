//! One due trigger in one transaction: its moments become runs or recorded skips.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use model::id::{PlanId, PlanVersionId, TriggerId};
use model::identity::Principal;
use model::plan::{Plan, Trigger};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::due::{Due, Reason, Verdict, judge};
use super::overlap::{self, Way};
use crate::lifecycle::{NewRun, materialise};
use crate::schedule::Timetable;
use crate::{Engine, Result, audit, plans};

/// What came of one trigger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fired {
    pub runs: u64,
    pub skips: u64,
}

/// A trigger whose plan's row and own row are locked.
struct Locked {
    id: TriggerId,
    plan_id: PlanId,
    version_id: PlanVersionId,
    plan: Arc<Plan>,
    trigger: Trigger,
    armed_for: DateTime<Utc>,
    now: DateTime<Utc>,
    paused: bool,
}

/// Fires the trigger if it is due and nobody else is at it.
pub(super) async fn fire(engine: &Engine, id: TriggerId) -> Result<Fired> {
    let mut transaction = engine.pool.begin().await?;
    let Some(locked) = lock(engine, &mut transaction, id).await? else {
        // What was found wrong, such as a trigger without a plan, is recorded.
        transaction.commit().await?;
        return Ok(Fired::default());
    };
    let timetable = match Timetable::new(&locked.trigger.schedule, &locked.plan.timezone) {
        Ok(timetable) => timetable,
        Err(problem) => {
            stop(&mut transaction, id, &locked.plan.name, problem.sentence()).await?;
            transaction.commit().await?;
            return Ok(Fired::default());
        }
    };
    let mut due = judge(
        &timetable,
        locked.armed_for,
        locked.now,
        locked.trigger.misfire,
        locked.paused,
    );
    leave_out_known(&mut transaction, id, &mut due).await?;
    let fired = act(engine, &mut transaction, &locked, due).await?;
    sqlx::query!(
        "UPDATE triggers SET next_due_at = $2, problem = NULL WHERE id = $1",
        id.0,
        timetable.next_after(locked.now.max(locked.armed_for)),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    if fired.runs > 0 {
        engine.hint_ready();
    }
    Ok(fired)
}

/// Says why a trigger stands still, once, and disarms it; the reconciler tries again.
pub(super) async fn stop(
    connection: &mut PgConnection,
    id: TriggerId,
    plan: &str,
    problem: &str,
) -> Result<()> {
    let changed = sqlx::query!(
        "UPDATE triggers SET next_due_at = NULL, problem = $2
         WHERE id = $1 AND (next_due_at IS NOT NULL OR problem IS DISTINCT FROM $2)",
        id.0,
        problem
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if changed > 0 {
        record(
            connection,
            "trigger.stop",
            plan,
            json!({ "trigger": id, "problem": problem }),
        )
        .await?;
        tracing::error!(
            trigger.id = id.0,
            plan.name = plan,
            problem,
            "a trigger stands still"
        );
    }
    Ok(())
}

/// Locks the plan first, as saving does, then the trigger.
async fn lock(
    engine: &Engine,
    connection: &mut PgConnection,
    id: TriggerId,
) -> Result<Option<Locked>> {
    let plan = sqlx::query!(
        r#"SELECT p.id, p.current_version, p.paused_at IS NOT NULL AS "paused!"
           FROM plans p WHERE p.id = (SELECT plan_id FROM triggers WHERE id = $1)
           FOR NO KEY UPDATE SKIP LOCKED"#,
        id.0
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = plan else {
        return Ok(None);
    };
    let due = sqlx::query!(
        r#"SELECT key, next_due_at AS "armed_for!", watchbill_now() AS "now!" FROM triggers
           WHERE id = $1 AND enabled AND next_due_at <= watchbill_now()
           FOR UPDATE SKIP LOCKED"#,
        id.0
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(due) = due else {
        return Ok(None);
    };
    let version_id = PlanVersionId(
        sqlx::query_scalar!(
            "SELECT id FROM plan_versions WHERE plan_id = $1 AND version = $2",
            row.id,
            row.current_version
        )
        .fetch_one(&mut *connection)
        .await?,
    );
    let plan = plans::version(engine, connection, version_id).await?;
    let trigger = plan
        .triggers
        .iter()
        .find(|trigger| trigger.key == due.key)
        .cloned();
    let Some(trigger) = trigger else {
        let problem = "the plan's present version has no such trigger";
        stop(connection, id, &plan.name, problem).await?;
        return Ok(None);
    };
    Ok(Some(Locked {
        id,
        plan_id: PlanId(row.id),
        version_id,
        plan,
        trigger,
        armed_for: due.armed_for,
        now: due.now,
        paused: row.paused,
    }))
}

/// Takes out the moments that have a row already: after a clock stepped back and the plan was re-armed.
async fn leave_out_known(
    connection: &mut PgConnection,
    id: TriggerId,
    due: &mut Due,
) -> Result<()> {
    let keys: Vec<String> = due.moments.iter().map(|(moment, _)| key(*moment)).collect();
    let known = sqlx::query_scalar!(
        "SELECT key FROM occurrences WHERE trigger_id = $1 AND key = ANY($2)",
        id.0,
        &keys
    )
    .fetch_all(connection)
    .await?;
    let known: BTreeSet<String> = known.into_iter().collect();
    due.moments
        .retain(|(moment, _)| !known.contains(&key(*moment)));
    Ok(())
}

async fn act(
    engine: &Engine,
    connection: &mut PgConnection,
    locked: &Locked,
    due: Due,
) -> Result<Fired> {
    let scheduler = Principal::system("scheduler");
    let mut skipped: Vec<(DateTime<Utc>, Reason)> = Vec::new();
    let mut fired = Fired::default();
    for (moment, verdict) in &due.moments {
        match verdict {
            Verdict::Skip(reason) => skipped.push((*moment, *reason)),
            Verdict::Run => {
                let way = overlap::apply(
                    engine,
                    connection,
                    &scheduler,
                    locked.plan_id,
                    locked.trigger.overlap,
                )
                .await?;
                let waits_for = match way {
                    Way::Free => None,
                    Way::After(run) => Some(run),
                    Way::Skip => {
                        skipped.push((*moment, Reason::Overlap));
                        continue;
                    }
                };
                let new = NewRun {
                    plan_id: locked.plan_id,
                    plan_version_id: locked.version_id,
                    plan: &locked.plan,
                    trigger: Some(locked.id),
                    due_at: *moment,
                    started_by: &locked.trigger.key,
                    requester: None,
                    inputs: plans::inputs::check(&locked.plan, Value::Null)?,
                    waits_for,
                };
                let (run, _) = materialise(engine, connection, &new).await?;
                sqlx::query!(
                    "INSERT INTO occurrences (trigger_id, key, due_at, run_id) VALUES ($1, $2, $3, $4)",
                    locked.id.0,
                    key(*moment),
                    moment,
                    run.0,
                )
                .execute(&mut *connection)
                .await?;
                fired.runs += 1;
            }
        }
    }
    write_skips(connection, locked.id, &skipped).await?;
    fired.skips = skipped.len() as u64;
    let capped = skipped
        .iter()
        .filter(|(_, reason)| *reason == Reason::MisfireCap)
        .count();
    if capped + due.older > 0 {
        let details = json!({
            "trigger": locked.id,
            "since": locked.armed_for,
            "beyond_the_cap": capped,
            "not_recorded_one_by_one": due.older,
        });
        record(connection, "trigger.misfire", &locked.plan.name, details).await?;
    }
    Ok(fired)
}

async fn write_skips(
    connection: &mut PgConnection,
    id: TriggerId,
    skipped: &[(DateTime<Utc>, Reason)],
) -> Result<()> {
    if skipped.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = skipped.iter().map(|(moment, _)| key(*moment)).collect();
    let moments: Vec<DateTime<Utc>> = skipped.iter().map(|(moment, _)| *moment).collect();
    let reasons: Vec<&str> = skipped.iter().map(|(_, reason)| reason.as_str()).collect();
    sqlx::query!(
        "INSERT INTO occurrences (trigger_id, key, due_at, skip_reason)
         SELECT $1, key, due, reason
         FROM unnest($2::text[], $3::timestamptz[], $4::text[]) AS g (key, due, reason)",
        id.0,
        &keys,
        &moments,
        &reasons as &[&str],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes to the audit as the scheduler.
async fn record(
    connection: &mut PgConnection,
    action: &str,
    plan: &str,
    details: Value,
) -> Result<()> {
    let scheduler = Principal::system("scheduler");
    let subject = format!("plan/{plan}");
    audit::record(connection, &scheduler, action, &subject, details).await
}

/// The occurrence's key: the due time in UTC.
fn key(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
