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
    let (inputs, tasks) = match task.run {
        Some(run) => match contexts.get(&run) {
            Some(context) => context.clone(),
            None => {
                let context = run_context(connection, run).await?;
                contexts.insert(run, context.clone());
                context
            }
        },
        None => (json!({}), json!({})),
    };
    Ok(ConditionContext { inputs, tasks })
}
