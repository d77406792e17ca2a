//! What happens when a moment comes while an earlier run is still going.
//!
//! The caller holds the plan's row, so no other trigger of the plan decides
//! at the same time.

use model::id::{PlanId, RunKey};
use model::identity::Principal;
use model::plan::Overlap;
use sqlx::PgConnection;

use crate::{Engine, Result, lifecycle};

/// How many runs of a plan may wait for each other.
const WAITING: i64 = 100;

/// What the new occurrence may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Free,
    /// After that run has finished.
    After(RunKey),
    Skip,
}

/// Applies the policy; `cancel` cancels here and now.
pub(super) async fn apply(
    engine: &Engine,
    connection: &mut PgConnection,
    principal: &Principal,
    plan: PlanId,
    overlap: Overlap,
) -> Result<Way> {
    match overlap {
        Overlap::Allow => Ok(Way::Free),
        Overlap::Skip => Ok(match going(connection, plan).await? {
            Some(_) => Way::Skip,
            None => Way::Free,
        }),
        Overlap::Queue => queue(connection, plan).await,
        Overlap::Cancel => {
            for run in unfinished(connection, plan).await? {
                lifecycle::cancel_within(
                    engine,
                    connection,
                    principal,
                    run,
                    Some("a newer run took its place"),
                )
                .await?;
            }
            Ok(Way::Free)
        }
    }
}

async fn queue(connection: &mut PgConnection, plan: PlanId) -> Result<Way> {
    let waiting = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM runs
           WHERE plan_id = $1 AND finished_at IS NULL AND waits_for_run IS NOT NULL"#,
        plan.0
    )
    .fetch_one(&mut *connection)
    .await?;
    if waiting >= WAITING {
        return Ok(Way::Skip);
    }
    let Some(run) = going(connection, plan).await? else {
        return Ok(Way::Free);
    };
    // While the row is locked it cannot finish; one that just did sets nobody free any more.
    let still = sqlx::query_scalar!(
        "SELECT id FROM runs WHERE id = $1 AND finished_at IS NULL FOR SHARE",
        run.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(still.map_or(Way::Free, |run| Way::After(RunKey(run))))
}

/// The newest run of the plan that is going. One in which nothing moves until a
/// person has signed is not: nights do not stop because a signature is missing.
async fn going(connection: &mut PgConnection, plan: PlanId) -> Result<Option<RunKey>> {
    let run = sqlx::query_scalar!(
        "SELECT r.id FROM runs r
         WHERE r.plan_id = $1 AND r.finished_at IS NULL
           AND (EXISTS (SELECT FROM tasks t WHERE t.run = r.id AND t.state IN
                        ('queued', 'scheduled', 'running', 'cancelling', 'on_hold', 'blocked'))
                OR NOT EXISTS (SELECT FROM tasks t WHERE t.run = r.id AND t.state = 'awaiting_approval'))
         ORDER BY r.id DESC LIMIT 1",
        plan.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(run.map(RunKey))
}

async fn unfinished(connection: &mut PgConnection, plan: PlanId) -> Result<Vec<RunKey>> {
    let runs = sqlx::query_scalar!(
        "SELECT id FROM runs WHERE plan_id = $1 AND finished_at IS NULL ORDER BY id",
        plan.0
    )
    .fetch_all(connection)
    .await?;
    Ok(runs.into_iter().map(RunKey).collect())
}
