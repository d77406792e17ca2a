//! Conditions in CEL: over the run's inputs and tasks, and for a gate over the result.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

/// What a task's `when` may look at.
#[derive(Clone, Debug)]
pub struct ConditionContext {
    /// An object: the run's inputs.
    pub inputs: Value,
    /// An object by task name: status, outputs, `outputs_uri`, approval.
    pub tasks: Value,
}

/// What a gate's `when` may look at besides.
#[derive(Clone, Debug)]
pub struct GateContext {
    pub condition: ConditionContext,
    pub exit_code: Option<i32>,
    pub outputs: Value,
    pub outputs_uri: String,
}

/// Why a condition has no answer, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(pub String);

/// How much a condition may look at; CEL has no limit of its own.
const CONTEXT_BYTES: usize = 1024 * 1024;

/// Evaluates a task's condition.
///
/// # Errors
/// [`ConditionError`] where it does not parse, fails, or is not true or false.
pub fn task_condition(
    expression: &str,
    context: &ConditionContext,
) -> Result<bool, ConditionError> {
    evaluate(
        expression,
        [("inputs", &context.inputs), ("tasks", &context.tasks)],
    )
}

/// Evaluates a gate's condition.
///
/// # Errors
/// As [`task_condition`].
pub fn gate_condition(expression: &str, context: &GateContext) -> Result<bool, ConditionError> {
    let exit_code = context.exit_code.map_or(Value::Null, Value::from);
    let outputs_uri = Value::from(context.outputs_uri.as_str());
    evaluate(
        expression,
        [
            ("inputs", &context.condition.inputs),
            ("tasks", &context.condition.tasks),
            ("exit_code", &exit_code),
            ("outputs", &context.outputs),
            ("outputs_uri", &outputs_uri),
        ],
    )
}

fn evaluate<'a>(
    expression: &str,
    variables: impl IntoIterator<Item = (&'static str, &'a Value)>,
) -> Result<bool, ConditionError> {
    let variables: Vec<_> = variables.into_iter().collect();
    let size: usize = variables
        .iter()
        .map(|(_, value)| value.to_string().len())
        .sum();
    if size > CONTEXT_BYTES {
        return Err(ConditionError(format!(
            "the inputs and outputs that it looks at are {size} bytes; the limit is {CONTEXT_BYTES}"
        )));
    }
    // A fault in the interpreter must not take the process along.
    let outcome = catch_unwind(AssertUnwindSafe(|| run(expression, &variables)));
    outcome.unwrap_or_else(|_| {
        Err(ConditionError(
            "the expression could not be evaluated".to_owned(),
        ))
    })
}

fn run(expression: &str, variables: &[(&'static str, &Value)]) -> Result<bool, ConditionError> {
    let program = cel::Program::compile(expression)
        .map_err(|error| ConditionError(format!("it is not a CEL expression: {error}")))?;
    let mut context = cel::Context::default();
    for (name, value) in variables {
        context
            .add_variable(*name, *value)
            .map_err(|error| ConditionError(format!("{name} cannot be used: {error}")))?;
    }
    match program.execute(&context) {
        Ok(cel::Value::Bool(answer)) => Ok(answer),
        Ok(_) => Err(ConditionError("it is neither true nor false".to_owned())),
        Err(error) => Err(ConditionError(error.to_string())),
    }
}
