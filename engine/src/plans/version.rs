//! Versions are immutable, so one that was read once is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use model::id::PlanVersionId;
use model::plan::Plan;
use sqlx::PgConnection;

use crate::{Engine, Error, Result};

/// How many versions are kept before the memory starts anew.
const KEPT: usize = 1_000;

/// The versions that this process has read.
#[derive(Default)]
pub struct PlanCache(Mutex<HashMap<PlanVersionId, Arc<Plan>>>);

impl PlanCache {
    pub(crate) fn get(&self, id: PlanVersionId) -> Option<Arc<Plan>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    fn put(&self, id: PlanVersionId, plan: Arc<Plan>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(id, plan);
    }
}

/// The plan as this version defines it.
///
/// # Errors
/// [`Error::NotFound`] where there is no such version.
pub async fn version(
    engine: &Engine,
    connection: &mut PgConnection,
    id: PlanVersionId,
) -> Result<Arc<Plan>> {
    if let Some(plan) = engine.plan_cache.get(id) {
        return Ok(plan);
    }
    let definition =
        sqlx::query_scalar!("SELECT definition FROM plan_versions WHERE id = $1", id.0)
            .fetch_optional(connection)
            .await?
            .ok_or_else(|| Error::NotFound(format!("there is no plan version {id}")))?;
    let plan: Plan = serde_json::from_value(definition)
        .with_context(|| format!("plan_versions.definition of row {id} is not a plan"))?;
    let plan = Arc::new(plan);
    engine.plan_cache.put(id, Arc::clone(&plan));
    Ok(plan)
}
