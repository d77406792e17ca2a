//! What conditions and templates may look at: the run's inputs and its other tasks.

use std::collections::HashMap;

use model::id::RunKey;
use model::reported::Status;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::Result;
use crate::tasks::state_of;

/// The run's inputs, and its tasks by name: status, outputs, `outputs_uri`, approval and what
/// the approver filled in.
pub(crate) async fn run_context(
    connection: &mut PgConnection,
    run: RunKey,
) -> Result<(Value, Value)> {
    let inputs = sqlx::query_scalar!("SELECT inputs FROM runs WHERE id = $1", run.0)
        .fetch_one(&mut *connection)
        .await?;
    let tasks = task_contexts(connection, &[run]).await?.remove(&run);
    Ok((inputs, tasks.unwrap_or_else(|| json!({}))))
}

/// The tasks of these runs by name, as conditions, templates and steps may see them.
pub(crate) async fn task_contexts(
    connection: &mut PgConnection,
    runs: &[RunKey],
) -> Result<HashMap<RunKey, Value>> {
    let ids: Vec<i64> = runs.iter().map(|run| run.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id, run AS "run!", name, state, outputs, outputs_uri, approval_state, approval_inputs
           FROM tasks WHERE run = ANY($1)"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut contexts: HashMap<RunKey, Value> = HashMap::new();
    for row in rows {
        let status = Status::of(state_of(row.id, &row.state)?);
        let tasks = contexts.entry(RunKey(row.run)).or_insert_with(|| json!({}));
        tasks[row.name] = json!({
            "status": status.as_str(),
            "outputs": row.outputs.unwrap_or_else(|| json!({})),
            "outputs_uri": row.outputs_uri.unwrap_or_default(),
            "approval": row.approval_state.unwrap_or_default(),
            "approval_inputs": row.approval_inputs.unwrap_or_else(|| json!({})),
        });
    }
    Ok(contexts)
}
