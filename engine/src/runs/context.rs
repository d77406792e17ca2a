//! What conditions and templates may look at: the run's inputs and its other tasks.

use model::id::RunKey;
use model::reported::Status;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::tasks::{Claimed, state_of};
use crate::{Engine, Result};

/// The run's inputs, and its tasks by name: status, outputs, `outputs_uri`, approval.
pub(crate) async fn run_context(
    connection: &mut PgConnection,
    run: RunKey,
) -> Result<(Value, Value)> {
    let inputs = sqlx::query_scalar!("SELECT inputs FROM runs WHERE id = $1", run.0)
        .fetch_one(&mut *connection)
        .await?;
    Ok((inputs, task_context(connection, run).await?))
}

async fn task_context(connection: &mut PgConnection, run: RunKey) -> Result<Value> {
    let rows = sqlx::query!(
        "SELECT id, name, state, outputs, outputs_uri, approval_state FROM tasks WHERE run = $1",
        run.0
    )
    .fetch_all(connection)
    .await?;
    let mut tasks = serde_json::Map::new();
    for row in rows {
        let status = Status::of(state_of(row.id, &row.state)?);
        tasks.insert(
            row.name,
            json!({
                "status": status.as_str(),
                "outputs": row.outputs.unwrap_or_else(|| json!({})),
                "outputs_uri": row.outputs_uri.unwrap_or_default(),
                "approval": row.approval_state.unwrap_or_default(),
            }),
        );
    }
    Ok(Value::Object(tasks))
}

/// The run's tasks as a step may see them; an empty object for a task on its own.
pub async fn upstream(engine: &Engine, claimed: &Claimed) -> Result<Value> {
    match claimed.run {
        Some(run) => {
            let mut connection = engine.pool.acquire().await?;
            task_context(&mut connection, run).await
        }
        None => Ok(json!({})),
    }
}
