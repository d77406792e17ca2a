//! Whether a gate stops a task. Where its condition has no answer, it does.

use std::collections::HashMap;

use model::id::RunKey;
use model::plan::{CommentRule, Gate, PlanTask, Signer};
use model::task::GatePhase;
use serde_json::Value;
use sqlx::PgConnection;

use super::condition_context;
use crate::approvals::facts;
use crate::approvals::risk::{Ruling, ruling};
use crate::plans::aside;
use crate::plans::condition::{ConditionContext, GateContext, Judge};
use crate::tasks::{AttemptResult, OpenAttempt, StoredTask};
use crate::{Engine, Result};

/// A gate that stops a task, and why.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// With the number of signatures that the ruling asks for.
    pub gate: Gate,
    pub ruling: Ruling,
}

impl Stop {
    /// A gate that stops whatever the result.
    pub fn always(gate: Gate) -> Self {
        Self {
            ruling: Ruling {
                stops: true,
                risk: None,
                rule: None,
                why: None,
            },
            gate,
        }
    }
}

/// The gate that a successful result meets, if any stops it.
///
/// The step itself may ask for an approval in its report, and somebody may have asked for
/// changes and so wants to see what came of it: then the plan's gate stops it whatever its
/// condition, and where the plan has none, the policy for reported tasks does.
pub(crate) async fn gate_after(
    engine: &Engine,
    connection: &mut PgConnection,
    task: &StoredTask,
    definition: &PlanTask,
    open: &OpenAttempt,
    result: &AttemptResult,
) -> Result<Option<Stop>> {
    let asked = asks(result.report.as_ref())
        .then_some("the step itself asked for an approval")
        .or((task.change_round > 0).then_some("changes were asked for; this came of it"));
    let planned = definition
        .approval
        .as_ref()
        .filter(|gate| gate.phase == GatePhase::AfterResult);
    let Some(gate) = planned else {
        return Ok(asked.map(|_| Stop::always(default_gate(engine))));
    };
    let mut ruling = if gate.when.is_none() && gate.risk.is_empty() {
        Stop::always(gate.clone()).ruling
    } else {
        let condition = condition_context(connection, &mut HashMap::new(), task).await?;
        let (task_id, attempt) = (task.id, task.attempt);
        let context = facts::after_result(
            connection,
            condition,
            gate,
            task_id,
            attempt,
            open.seconds,
            result,
        )
        .await?;
        ruled(task, gate, context).await?
    };
    if let Some(why) = asked.filter(|_| !ruling.stops) {
        ruling.stops = true;
        ruling.why = Some(why.to_owned());
    }
    Ok(ruling.stops.then(|| Stop {
        gate: ruling.gate(gate),
        ruling,
    }))
}

/// Whether a step asks in its report for an approval of what it did.
fn asks(report: Option<&Value>) -> bool {
    report
        .and_then(|report| report.get("approval"))
        .is_some_and(|asked| *asked == Value::Bool(true))
}

/// The gate that stops the task before it starts, if any does.
pub(crate) async fn gate_before(
    connection: &mut PgConnection,
    contexts: &mut HashMap<RunKey, ConditionContext>,
    task: &StoredTask,
    definition: &PlanTask,
) -> Result<Option<Stop>> {
    let planned = definition
        .approval
        .as_ref()
        .filter(|gate| gate.phase == GatePhase::BeforeStart);
    let Some(gate) = planned else {
        return Ok(None);
    };
    if gate.when.is_none() && gate.risk.is_empty() {
        return Ok(Some(Stop::always(gate.clone())));
    }
    let context = GateContext {
        condition: condition_context(connection, contexts, task).await?,
        ..GateContext::default()
    };
    let ruling = ruled(task, gate, context).await?;
    Ok(ruling.stops.then(|| Stop {
        gate: ruling.gate(gate),
        ruling,
    }))
}

async fn ruled(task: &StoredTask, gate: &Gate, context: GateContext) -> Result<Ruling> {
    let gate = gate.clone();
    let ruling = aside(move || ruling(&mut Judge::default(), &gate, &context)).await?;
    if let Some(why) = &ruling.why {
        tracing::info!(task.id = task.id.0, "task {} stops: {why}", task.id);
    }
    Ok(ruling)
}

/// One signature of whoever may sign what outside orchestrators report. Their clients
/// refuse without a reason, so none is asked for.
pub(crate) fn default_gate(engine: &Engine) -> Gate {
    let from = engine
        .settings
        .approvals
        .reported_signers
        .iter()
        .map(|role| Signer::Role(*role))
        .collect();
    Gate {
        comment: CommentRule::Optional,
        ..Gate::new(GatePhase::AfterResult, from)
    }
}
