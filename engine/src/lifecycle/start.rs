//! A person, or Watchbill on its first start, starts a plan.

use model::id::RunKey;
use model::identity::{Permission, Principal};
use serde_json::{Value, json};

use super::{NewRun, materialise};
use crate::{Engine, Result, audit, plans};

/// Starts the current version of a plan with these inputs.
///
/// # Errors
/// [`crate::Error::NotFound`] where there is no such plan; [`crate::Error::Invalid`]
/// field by field where the inputs do not fit its definitions.
pub async fn start(
    engine: &Engine,
    principal: &Principal,
    plan_name: &str,
    inputs: Value,
) -> Result<(RunKey, String)> {
    crate::authorise(principal, Permission::Run)?;
    let stored = plans::current(engine, plan_name).await?;
    let inputs = plans::inputs::check(&stored.plan, inputs)?;
    let mut transaction = engine.pool.begin().await?;
    let due_at = sqlx::query_scalar!(r#"SELECT watchbill_now() AS "now!""#)
        .fetch_one(&mut *transaction)
        .await?;
    let (run, run_id) = materialise(
        engine,
        &mut transaction,
        &NewRun {
            plan_id: stored.id,
            plan_version_id: stored.version_id,
            plan: &stored.plan,
            trigger: None,
            due_at,
            started_by: &principal.name,
            requester: principal.account(),
            inputs,
            waits_for: None,
        },
    )
    .await?;
    audit::record(
        &mut transaction,
        principal,
        "run.start",
        &format!("run/{run}"),
        json!({ "plan": plan_name, "run_id": run_id }),
    )
    .await?;
    transaction.commit().await?;
    engine.hint_ready();
    Ok((run, run_id))
}
