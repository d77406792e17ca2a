//! Reading stored versions again with the check of today.
//!
//! A version is read once, when it is stored. What an older check let pass goes on as it was
//! read, and `doctor` names it; but one that lost a gate or a condition starts nothing until
//! it is mended, or a person accepts it as it is.

use anyhow::Context;
use model::id::{PlanId, PlanVersionId, RunKey};
use model::identity::Principal;
use serde_json::json;
use sqlx::PgConnection;

use crate::notify::mail;
use crate::plans::{CHECK, REVISION, Verdict, judge, write_verdict};
use crate::{Engine, Result, audit, lifecycle};

/// How many texts are read in one go.
const BATCH: i64 = 50;

/// What came of one pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rechecked {
    /// Versions that today's check had not read yet.
    pub read: u64,
    /// Those among them that would be refused today.
    pub refused: u64,
    /// Those that lost a gate or a condition.
    pub held: u64,
}

/// Reads every version from which something may start and which this check has not read yet.
///
/// Many servers may do so at once: each version is judged and told of once.
///
/// # Errors
/// When the database cannot be used.
pub async fn recheck(engine: &Engine) -> Result<Rechecked> {
    let mut done = Rechecked::default();
    let mut after = 0;
    loop {
        let versions = unread(engine, after).await?;
        let Some(last) = versions.last() else {
            return Ok(done);
        };
        after = last.id.0;
        done.read += versions.len() as u64;
        let judged = tokio::task::spawn_blocking(move || {
            let judged = versions.into_iter().map(|version| {
                let verdict = judge(&version.text);
                (version, verdict)
            });
            judged.collect::<Vec<_>>()
        });
        let judged = judged.await.context("reading stored plans again")?;
        let (good, bad): (Vec<_>, Vec<_>) = judged
            .into_iter()
            .partition(|(_, verdict)| verdict.is_none());
        record_good(
            engine,
            &good.iter().map(|(one, _)| one.id.0).collect::<Vec<_>>(),
        )
        .await?;
        for (version, verdict) in bad {
            let Some(verdict) = verdict else { continue };
            done.refused += 1;
            done.held += u64::from(verdict.lost);
            record_bad(engine, &version, &verdict).await?;
        }
    }
}

struct Unread {
    id: PlanVersionId,
    plan_id: PlanId,
    plan: String,
    version: i32,
    text: String,
}

/// The plans' present versions, and those of runs that wait for another to end.
async fn unread(engine: &Engine, after: i64) -> Result<Vec<Unread>> {
    let rows = sqlx::query!(
        "SELECT v.id, v.plan_id, p.name, v.version, v.source_text
         FROM plan_versions v JOIN plans p ON p.id = v.plan_id
         WHERE v.id > $1
           AND (v.version = p.current_version OR v.id IN (
               SELECT plan_version_id FROM runs WHERE waits_for_run IS NOT NULL AND finished_at IS NULL))
           AND NOT EXISTS (SELECT FROM plan_checks c WHERE c.plan_version_id = v.id AND c.revision >= $2)
         ORDER BY v.id LIMIT $3",
        after,
        REVISION,
        BATCH
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Unread {
            id: PlanVersionId(row.id),
            plan_id: PlanId(row.plan_id),
            plan: row.name,
            version: row.version,
            text: row.source_text,
        })
        .collect())
}

async fn record_good(engine: &Engine, ids: &[i64]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO plan_checks AS c (plan_version_id, revision)
         SELECT v.id, $2 FROM plan_versions v WHERE v.id = ANY($1) ORDER BY v.id
         ON CONFLICT ON CONSTRAINT plan_checks_pkey DO UPDATE
         SET revision = excluded.revision, problem = NULL, lost = false
         WHERE c.revision < excluded.revision",
        ids,
        REVISION
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}

/// Records the verdict and, where a gate is lost, pauses the plan and tells the admins: all of
/// it or nothing, and by one server.
async fn record_bad(engine: &Engine, version: &Unread, verdict: &Verdict) -> Result<()> {
    let mut transaction = engine.pool.begin().await?;
    // The plan first, as saving and the scheduler do.
    let current = sqlx::query_scalar!(
        "SELECT current_version FROM plans WHERE id = $1 FOR NO KEY UPDATE",
        version.plan_id.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let is_news = current.is_some() && write_verdict(&mut transaction, version.id, verdict).await?;
    if !is_news {
        return Ok(());
    }
    if verdict.lost {
        hold(
            engine,
            &mut transaction,
            version,
            verdict,
            current == Some(version.version),
        )
        .await?;
    }
    transaction.commit().await?;
    if verdict.lost {
        tracing::error!(
            plan.name = version.plan,
            plan.version = version.version,
            problem = verdict.problem,
            "a plan lost a gate or a condition when it was stored; it is paused until it is saved again or resumed"
        );
    } else {
        tracing::warn!(
            plan.name = version.plan,
            plan.version = version.version,
            problem = verdict.problem,
            "a stored plan would be refused today; save it again"
        );
    }
    Ok(())
}

async fn hold(
    engine: &Engine,
    connection: &mut PgConnection,
    version: &Unread,
    verdict: &Verdict,
    is_current: bool,
) -> Result<()> {
    if is_current {
        sqlx::query!(
            "UPDATE plans SET paused_at = watchbill_now(), paused_by = $2 WHERE id = $1 AND paused_at IS NULL",
            version.plan_id.0,
            CHECK,
        )
        .execute(&mut *connection)
        .await?;
        mail::plan_held(connection, engine, version.id).await?;
    }
    let check = Principal::system(CHECK);
    let subject = format!("plan/{}", version.plan);
    let details = json!({ "version": version.version, "problem": verdict.problem });
    audit::record(connection, &check, "plan.hold", &subject, details).await?;
    // What runs goes on. What waits for another run to end has not begun, and would begin unsigned.
    let waiting = sqlx::query_scalar!(
        "SELECT id FROM runs
         WHERE plan_version_id = $1 AND waits_for_run IS NOT NULL AND finished_at IS NULL ORDER BY id",
        version.id.0
    )
    .fetch_all(&mut *connection)
    .await?;
    for run in waiting {
        let note = "its plan lost a gate or a condition when it was stored";
        lifecycle::cancel_within(engine, connection, &check, RunKey(run), Some(note)).await?;
    }
    Ok(())
}
