//! What a request is bound to besides the result that stands there: inputs, the task as its plan
//! has it, and the results that it starts from.

use model::task::GatePhase;
use model::view::{ApprovalRow, NeededResult};
use model::visible::{count, count_in_json};
use serde_json::Value;
use sqlx::PgConnection;

use crate::Result;
use crate::tasks::digest::from_hex;

/// What else there is to see of a request.
#[derive(Default)]
pub(super) struct Beside {
    pub needed: Vec<NeededResult>,
    pub run_inputs: Option<Value>,
    /// How many invisible characters stand in it, and in what is signed and is no result.
    pub invisible: u64,
}

impl Beside {
    /// Reads it for a request that is bound to `signed`, and shows these outputs.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn read(
        connection: &mut PgConnection,
        row: &ApprovalRow,
        signed: Option<&Value>,
        outputs: Option<&Value>,
    ) -> Result<Self> {
        let mut beside = Self::default();
        match row.phase {
            Some(GatePhase::BeforeStart) => {
                let fields = signed.and_then(Value::as_object).into_iter().flatten();
                // Its name stands above, and is counted there.
                beside.invisible = fields
                    .filter(|(name, _)| *name != "task")
                    .map(|(_, value)| count_in_json(value))
                    .sum();
                beside.needed = needed(connection, row, signed).await?;
                for result in &beside.needed {
                    beside.invisible += result.outputs.as_ref().map_or(0, count_in_json)
                        + result.outputs_uri.as_deref().map_or(0, count);
                }
            }
            Some(GatePhase::AfterResult) if row.is_about_version() => {
                // The name of the plan stands above, and the outputs say part of it again.
                let fields = signed.and_then(Value::as_object).into_iter().flatten();
                let all: u64 = fields
                    .filter(|(name, _)| *name != "plan")
                    .map(|(_, value)| count_in_json(value))
                    .sum();
                beside.invisible = all.saturating_sub(outputs.map_or(0, count_in_json));
            }
            Some(GatePhase::AfterResult) => {
                beside.run_inputs = run_inputs(connection, row).await?;
                beside.invisible = beside.run_inputs.as_ref().map_or(0, count_in_json);
            }
            // What was reported is its result.
            None => {}
        }
        Ok(beside)
    }
}

/// The results by the digests that are signed: a later attempt of the same task has another.
async fn needed(
    connection: &mut PgConnection,
    row: &ApprovalRow,
    signed: Option<&Value>,
) -> Result<Vec<NeededResult>> {
    let needs = signed.and_then(|signed| signed["needs"].as_object());
    let mut results = Vec::new();
    for (task, digest) in needs.into_iter().flatten() {
        let digest = digest.as_str();
        let stored = match digest.and_then(from_hex) {
            Some(digest) => {
                sqlx::query!(
                    r#"SELECT CASE WHEN t.attempt = a.number THEN t.outputs ELSE a.report -> 'outputs' END AS outputs,
                           a.outputs_uri
                       FROM task_dependencies d JOIN tasks t ON t.id = d.needs_task_id
                       JOIN attempts a ON a.task_id = t.id
                       WHERE d.task_id = $1 AND t.name = $2 AND a.digest = $3 ORDER BY a.number DESC LIMIT 1"#,
                    row.task_id.0,
                    task,
                    &digest[..]
                )
                .fetch_optional(&mut *connection)
                .await?
            }
            None => None,
        };
        let (outputs, outputs_uri) =
            stored.map_or((None, None), |stored| (stored.outputs, stored.outputs_uri));
        results.push(NeededResult {
            task: task.clone(),
            digest: digest.map(str::to_owned),
            outputs,
            outputs_uri,
        });
    }
    Ok(results)
}

async fn run_inputs(connection: &mut PgConnection, row: &ApprovalRow) -> Result<Option<Value>> {
    let Some(run) = row.run else {
        return Ok(None);
    };
    let inputs = sqlx::query_scalar!("SELECT inputs FROM runs WHERE id = $1", run.0)
        .fetch_optional(connection)
        .await?;
    Ok(inputs)
}
