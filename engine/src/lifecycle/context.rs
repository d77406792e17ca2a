//! What a task's condition may look at.

use serde_json::json;
use sqlx::PgConnection;

use super::entry::Contexts;
use crate::Result;
use crate::plans::condition::ConditionContext;
use crate::tasks::{StoredTask, run_context};

/// The context of a task's run, read once for all tasks that are judged together.
pub(super) async fn condition_context(
    connection: &mut PgConnection,
    contexts: &mut Contexts,
    task: &StoredTask,
) -> Result<ConditionContext> {
    let Some(run) = task.run else {
        return Ok(ConditionContext::of((json!({}), json!({}))));
    };
    if let Some(context) = contexts.get(&run) {
        return Ok(context.clone());
    }
    let context = ConditionContext::of(run_context(connection, run).await?);
    contexts.insert(run, context.clone());
    Ok(context)
}
