//! What a gate's conditions may know of a result.

use model::id::{AttemptNumber, TaskId};
use model::plan::Gate;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::patches::{Patches, Touched};
use crate::Result;
use crate::plans::condition::{ConditionContext, GateContext};
use crate::tasks::AttemptResult;

/// The context of a gate after a result. What no condition names is not looked up.
pub(crate) async fn after_result(
    connection: &mut PgConnection,
    condition: ConditionContext,
    gate: &Gate,
    task: TaskId,
    attempt: AttemptNumber,
    result: &AttemptResult,
) -> Result<GateContext> {
    let telemetry = |name: &str| {
        let report = result.report.as_ref()?;
        let found = report.get("telemetry").and_then(|it| it.get(name));
        found.or_else(|| report.get(name)).cloned()
    };
    let patches = if looks_at_patches(gate) {
        Patches::read(connection, task, attempt).await?.touched
    } else {
        None
    };
    let duration = if names(gate, "duration") {
        duration(connection, task, attempt).await?
    } else {
        None
    };
    Ok(GateContext {
        condition,
        exit_code: result.exit_code,
        outputs: Some(result.outputs.clone().unwrap_or_else(|| json!({}))),
        outputs_uri: Some(result.outputs_uri.clone().unwrap_or_default()),
        tokens: telemetry("tokens").filter(Value::is_number),
        cost: telemetry("cost").filter(Value::is_number),
        diff_size: patches.as_ref().map(Touched::lines),
        changed_paths: patches.map(|patches| patches.paths),
        duration,
    })
}

/// Whether any condition of the gate could look at what patches touch.
pub(super) fn looks_at_patches(gate: &Gate) -> bool {
    names(gate, "changed_paths") || names(gate, "diff_size")
}

/// Whether any condition of the gate could look at this variable.
fn names(gate: &Gate, variable: &str) -> bool {
    let rules = gate.risk.iter().filter_map(|rule| rule.when.as_ref());
    gate.when
        .iter()
        .chain(rules)
        .any(|condition| condition.contains(variable))
}

async fn duration(
    connection: &mut PgConnection,
    task: TaskId,
    attempt: AttemptNumber,
) -> Result<Option<f64>> {
    let seconds = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM coalesce(finished_at, watchbill_now()) - started_at)::float8 AS "seconds!"
           FROM attempts WHERE task_id = $1 AND number = $2"#,
        task.0,
        attempt.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(seconds)
}
