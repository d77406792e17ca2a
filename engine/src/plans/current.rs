//! The version of a plan that triggers and people start.

use anyhow::Context;
use model::id::{PlanId, PlanVersionId};
use model::plan::Plan;

use crate::{Engine, Error, Result};

/// A plan as it stands now.
#[derive(Clone, Debug)]
pub struct StoredPlan {
    pub id: PlanId,
    pub version_id: PlanVersionId,
    /// Counts from 1.
    pub version: i32,
    pub plan: Plan,
    /// The text as it was written.
    pub source_text: String,
}

/// Reads a plan's current version.
///
/// # Errors
/// [`Error::NotFound`] where there is no plan of this name.
pub async fn current(engine: &Engine, name: &str) -> Result<StoredPlan> {
    let row = sqlx::query!(
        "SELECT p.id, v.id AS version_id, v.version, v.definition, v.source_text
         FROM plans p JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.current_version
         WHERE p.name = $1",
        name
    )
    .fetch_optional(&engine.pool)
    .await?
    .ok_or_else(|| Error::NotFound(format!("there is no plan '{name}'")))?;
    Ok(StoredPlan {
        id: PlanId(row.id),
        version_id: PlanVersionId(row.version_id),
        version: row.version,
        plan: serde_json::from_value(row.definition).with_context(|| {
            format!(
                "plan_versions.definition of row {} is not a plan",
                row.version_id
            )
        })?,
        source_text: row.source_text,
    })
}
