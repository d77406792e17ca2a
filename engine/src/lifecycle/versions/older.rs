//! Runs of a version that has been replaced since.

use model::id::{PlanId, PlanVersionId, RunKey};
use model::plan::{Weakening, WeakeningKind};
use sqlx::PgConnection;

use super::save::compare;
use crate::plans::store::{self, Held};
use crate::{Engine, Error, Result};

/// Refuses to start tasks of a run again, where the version that runs now asks people more than
/// the run's own: a gate that was added since, or a secret that was taken away, would not hold.
///
/// Another command is no reason: the run's own was in effect, or signed, when it started.
///
/// # Errors
/// [`Error::Conflict`] that says what is asked now.
pub(in crate::lifecycle) async fn refuse_laxer(
    engine: &Engine,
    connection: &mut PgConnection,
    run: RunKey,
) -> Result<()> {
    let replaced = sqlx::query!(
        "SELECT r.run_id, v.id, v.version, p.id AS plan, p.name, p.current_version, p.source
         FROM runs r JOIN plan_versions v ON v.id = r.plan_version_id JOIN plans p ON p.id = v.plan_id
         WHERE r.id = $1 AND v.version <> p.current_version",
        run.0
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = replaced else {
        return Ok(());
    };
    let held = Held {
        id: PlanId(row.plan),
        current_version: row.current_version,
        source: row.source,
    };
    let now = store::running(connection, &held).await?;
    let own = store::read_version(connection, PlanVersionId(row.id)).await?;
    let laxer: Vec<String> = compare(engine, now.as_ref(), &[], &own.plan)
        .into_iter()
        .filter(asks_less)
        .map(|weakening| weakening.sentence)
        .collect();
    if laxer.is_empty() {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "run {} is of version {} of plan {}, which asks people less than version {}, which runs now ({}); start the plan anew",
        row.run_id,
        row.version,
        row.name,
        row.current_version,
        laxer.join("; ")
    )))
}

fn asks_less(weakening: &Weakening) -> bool {
    match weakening.kind {
        WeakeningKind::Gate
        | WeakeningKind::Join
        | WeakeningKind::Policy
        | WeakeningKind::Secret => true,
        WeakeningKind::Command | WeakeningKind::Condition => false,
    }
}
