//! What the plan says of a task.

use std::sync::Arc;

use anyhow::Context;
use model::plan::PlanTask;
use sqlx::PgConnection;

use crate::tasks::StoredTask;
use crate::{Engine, Result, plans};

/// The definition of a native task: from its plan version, or its own where it stands alone.
pub(crate) async fn task_definition(
    engine: &Engine,
    connection: &mut PgConnection,
    task: &StoredTask,
) -> Result<Arc<PlanTask>> {
    match task.plan_version {
        Some(version) => {
            let plan = plans::version(engine, connection, version).await?;
            let definition = plan
                .task(&task.name)
                .with_context(|| format!("plan version {version} has no task '{}'", task.name))?;
            Ok(Arc::new(definition.clone()))
        }
        None => engine.definitions.read(task.id.0, task.definition.as_ref()),
    }
}
