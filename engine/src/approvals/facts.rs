//! What a gate's conditions may know of a result.

use model::id::{AttemptNumber, TaskId};
use model::plan::Gate;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::invisible::invisible_in_attempt;
use super::patches::{Patches, Touched};
use crate::Result;
use crate::plans::condition::{ConditionContext, GateContext};
use crate::tasks::AttemptResult;

/// The context of a gate after a result that took so many seconds. What no condition names
/// is not looked up.
pub(crate) async fn after_result(
    connection: &mut PgConnection,
    condition: ConditionContext,
    gate: &Gate,
    task: TaskId,
    attempt: AttemptNumber,
    seconds: f64,
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
    let invisible = if looks_at_files(gate) {
        let (outputs, uri) = (result.outputs.as_ref(), result.outputs_uri.as_deref());
        let all = invisible_in_attempt(connection, task, attempt, outputs, uri).await?;
        (!all.unsearched).then_some(all.found)
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
        invisible_characters: invisible,
        duration: Some(seconds),
    })
}

/// Whether any condition of the gate could look at what patches touch.
pub(crate) fn looks_at_patches(gate: &Gate) -> bool {
    names(gate, "changed_paths") || names(gate, "diff_size")
}

/// Whether any condition of the gate could look at what all files hold.
pub(super) fn looks_at_files(gate: &Gate) -> bool {
    names(gate, "invisible_characters")
}

/// Whether any condition of the gate could look at this variable.
fn names(gate: &Gate, variable: &str) -> bool {
    let rules = gate.risk.iter().filter_map(|rule| rule.when.as_ref());
    gate.when
        .iter()
        .chain(rules)
        .any(|condition| condition.contains(variable))
}
