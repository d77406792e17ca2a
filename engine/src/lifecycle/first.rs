//! The first start of a fresh installation runs a plan once, so that there is something to see.

use model::id::RunKey;
use model::identity::Principal;
use serde_json::json;

use super::start;
use crate::{Engine, Result};

/// Starts a plan that never ran; none where it did. Several servers that start at once start one run.
///
/// # Errors
/// Those of [`start`].
pub async fn start_if_never_ran(
    engine: &Engine,
    principal: &Principal,
    plan_name: &str,
) -> Result<Option<(RunKey, String)>> {
    let mut guard = engine.pool.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('watchbill.first_start'))")
        .execute(&mut *guard)
        .await?;
    let ran = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM runs JOIN plans ON plans.id = runs.plan_id WHERE plans.name = $1) AS "ran!""#,
        plan_name
    )
    .fetch_one(&mut *guard)
    .await?;
    if ran {
        return Ok(None);
    }
    let started = start(engine, principal, plan_name, json!({})).await?;
    guard.commit().await?;
    Ok(Some(started))
}
