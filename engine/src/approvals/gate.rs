//! Whether a gate stops a task. Where its condition has no answer, it does.

use std::collections::HashMap;

use model::id::RunKey;
use model::plan::{Gate, PlanTask, Signer};
use model::task::GatePhase;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::plans::condition::{GateContext, gate_condition};
use crate::runs::condition_context;
use crate::tasks::{AttemptResult, StoredTask};
use crate::{Engine, Result};

/// The gate that a successful result meets, if any stops it.
///
/// The step itself may ask for an approval in its report: then the plan's gate
/// stops it whatever its condition, and where the plan has none, the policy for
/// reported tasks does.
pub(crate) async fn gate_after(
    engine: &Engine,
    connection: &mut PgConnection,
    task: &StoredTask,
    definition: &PlanTask,
    result: &AttemptResult,
) -> Result<Option<Gate>> {
    let asked = result
        .report
        .as_ref()
        .and_then(|report| report.get("approval"))
        .is_some_and(|asked| *asked == Value::Bool(true));
    let planned = definition
        .approval
        .as_ref()
        .filter(|gate| gate.phase == GatePhase::AfterResult);
    match (planned, asked) {
        (None, false) => Ok(None),
        (None, true) => Ok(Some(default_gate(engine))),
        (Some(gate), true) => Ok(Some(gate.clone())),
        (Some(gate), false) => {
            let stops = stops(connection, &mut HashMap::new(), task, gate, Some(result)).await?;
            Ok(stops.then(|| gate.clone()))
        }
    }
}

/// Whether the plan's gate stops the task before it starts.
pub(crate) async fn gate_before(
    connection: &mut PgConnection,
    contexts: &mut HashMap<RunKey, (Value, Value)>,
    task: &StoredTask,
    definition: &PlanTask,
) -> Result<bool> {
    match &definition.approval {
        Some(gate) if gate.phase == GatePhase::BeforeStart => {
            stops(connection, contexts, task, gate, None).await
        }
        Some(_) | None => Ok(false),
    }
}

/// One signature of whoever may sign what outside orchestrators report.
pub(crate) fn default_gate(engine: &Engine) -> Gate {
    Gate {
        phase: GatePhase::AfterResult,
        when: None,
        from: engine
            .settings
            .reported_signers
            .iter()
            .map(|role| Signer::Role(*role))
            .collect(),
        required: 1,
        expires_seconds: None,
    }
}

async fn stops(
    connection: &mut PgConnection,
    contexts: &mut HashMap<RunKey, (Value, Value)>,
    task: &StoredTask,
    gate: &Gate,
    result: Option<&AttemptResult>,
) -> Result<bool> {
    let Some(expression) = &gate.when else {
        return Ok(true);
    };
    let context = GateContext {
        condition: condition_context(connection, contexts, task).await?,
        exit_code: result.and_then(|result| result.exit_code),
        outputs: result
            .and_then(|result| result.outputs.clone())
            .unwrap_or_else(|| json!({})),
        outputs_uri: result
            .and_then(|result| result.outputs_uri.clone())
            .unwrap_or_default(),
    };
    match gate_condition(expression, &context) {
        Ok(answer) => Ok(answer),
        Err(error) => {
            tracing::warn!(task.id = task.id.0, %error, "a gate's condition has no answer; it stops task {}", task.id);
            Ok(true)
        }
    }
}
