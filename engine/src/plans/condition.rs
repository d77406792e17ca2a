//! Conditions in CEL: over the run's inputs and tasks, and for a gate over the result.
//!
//! CEL cannot loop for ever, but it has no limit of its own either: expressions,
//! what they look at, and loops within loops are bounded here, and each runs on
//! a stack of its own, so that neither a panic nor a deep one takes the process along.

use std::collections::HashMap;

use cel::Program;
use cel::common::ast::{Expr, IdedExpr};
use serde_json::Value;

use super::apart::apart;

/// What a task's `when` may look at.
#[derive(Clone, Debug, Default)]
pub struct ConditionContext {
    /// An object: the run's inputs.
    pub inputs: Value,
    /// An object by task name: status, outputs, `outputs_uri`, approval.
    pub tasks: Value,
}

/// What a gate's conditions may look at besides. What is not known has no value, and a
/// condition that needs it has no answer: then the gate stops.
#[derive(Clone, Debug, Default)]
pub struct GateContext {
    pub condition: ConditionContext,
    pub exit_code: Option<i32>,
    pub outputs: Option<Value>,
    /// Empty where the result has none.
    pub outputs_uri: Option<String>,
    /// The files that the result's patches touch.
    pub changed_paths: Option<Vec<String>>,
    /// Lines that the patches add and remove.
    pub diff_size: Option<u64>,
    /// How many characters of the outputs, the link and the files nobody sees.
    pub invisible_characters: Option<u64>,
    /// From the report's `telemetry`.
    pub tokens: Option<Value>,
    pub cost: Option<Value>,
    /// How long the attempt took, in seconds.
    pub duration: Option<f64>,
}

/// Why a condition has no answer, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(pub String);

/// How many bytes of JSON a condition may look at.
const CONTEXT_BYTES: usize = 1024 * 1024;
/// How many values it may look at; a loop within a loop visits their square.
const CONTEXT_VALUES: usize = 20_000;
/// How long an expression may be.
const EXPRESSION_BYTES: usize = 2_000;
/// How deep brackets may nest.
const BRACKETS: usize = 32;
/// A loop within a loop is the most.
const LOOPS: usize = 2;

const TASK_VARIABLES: [&str; 2] = ["inputs", "tasks"];
const GATE_VARIABLES: [&str; 11] = [
    "inputs",
    "tasks",
    "exit_code",
    "outputs",
    "outputs_uri",
    "changed_paths",
    "diff_size",
    "invisible_characters",
    "tokens",
    "cost",
    "duration",
];

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
        &[("inputs", &context.inputs), ("tasks", &context.tasks)],
    )
}

/// Evaluates a gate's condition.
///
/// # Errors
/// As [`task_condition`].
pub fn gate_condition(expression: &str, context: &GateContext) -> Result<bool, ConditionError> {
    let variables = [
        ("inputs", Some(context.condition.inputs.clone())),
        ("tasks", Some(context.condition.tasks.clone())),
        ("exit_code", context.exit_code.map(Value::from)),
        ("outputs", context.outputs.clone()),
        ("outputs_uri", context.outputs_uri.clone().map(Value::from)),
        (
            "changed_paths",
            context.changed_paths.clone().map(Value::from),
        ),
        ("diff_size", context.diff_size.map(Value::from)),
        (
            "invisible_characters",
            context.invisible_characters.map(Value::from),
        ),
        ("tokens", context.tokens.clone()),
        ("cost", context.cost.clone()),
        ("duration", context.duration.map(Value::from)),
    ];
    // Left out rather than null, of which `cost != 5` would be true.
    let known: Vec<(&'static str, &Value)> = variables
        .iter()
        .filter_map(|(name, value)| Some((*name, value.as_ref()?)))
        .collect();
    evaluate(expression, &known)
}

/// Checks a task's condition before anything runs.
pub(super) fn check_task(expression: &str) -> Result<(), String> {
    check(expression, &TASK_VARIABLES)
}

/// Checks a gate's condition before anything runs.
pub(super) fn check_gate(expression: &str) -> Result<(), String> {
    check(expression, &GATE_VARIABLES)
}

/// The tasks that an expression or a template names as `tasks["name"]`.
pub(super) fn named_tasks(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.split("tasks[").skip(1) {
        let part = part.trim_start();
        let Some(quote) = part.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            continue;
        };
        if let Some((name, _)) = part[1..].split_once(quote) {
            names.push(name.to_owned());
        }
    }
    names
}

fn check(expression: &str, known: &[&str]) -> Result<(), String> {
    apart(|| {
        let program = compile(expression)?;
        let unknown = unknown_name(program.expression(), known, &mut Vec::new());
        match unknown {
            None => Ok(()),
            Some(name) => Err(format!(
                "the condition knows {}, and not '{name}'; a text goes into quotes",
                known.join(", ")
            )),
        }
    })
}

fn evaluate(
    expression: &str,
    variables: &[(&'static str, &Value)],
) -> Result<bool, ConditionError> {
    apart(|| {
        let mut room = Room {
            bytes: CONTEXT_BYTES,
            values: CONTEXT_VALUES,
        };
        let mut context = cel::Context::default();
        for (name, value) in variables {
            context.add_variable_from_value(*name, room.value(value)?);
        }
        let program = compile(expression)?;
        match program.execute(&context) {
            Ok(cel::Value::Bool(answer)) => Ok(answer),
            Ok(_) => Err(
                "the condition is neither true nor false; compare with == or another operator"
                    .to_owned(),
            ),
            Err(cel::ExecutionError::UndeclaredReference(name)) => Err(format!(
                "the condition has no answer: {name} is not known of this result"
            )),
            Err(error) => Err(format!("the condition has no answer: {error}")),
        }
    })
    .map_err(ConditionError)
}

fn compile(expression: &str) -> Result<Program, String> {
    if expression.trim().is_empty() {
        return Err("the condition is empty; write for instance inputs.strict == true".to_owned());
    }
    if expression.len() > EXPRESSION_BYTES {
        return Err(format!(
            "a condition has at most {EXPRESSION_BYTES} characters"
        ));
    }
    if deepest_bracket(expression) > BRACKETS {
        return Err(format!(
            "brackets nest at most {BRACKETS} deep in a condition"
        ));
    }
    let program = Program::compile(expression).map_err(|errors| {
        let first = errors.errors.first();
        let place = first.map_or((1, 1), |error| error.pos);
        let why = first.map_or("", |error| error.msg.lines().next().unwrap_or(""));
        format!(
            "the condition is not CEL, at its character {}: {why}",
            place.1.max(1)
        )
    })?;
    if loops(program.expression()) > LOOPS {
        return Err(format!(
            "at most {LOOPS} of all, exists, map and filter within each other"
        ));
    }
    Ok(program)
}

fn deepest_bracket(expression: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for c in expression.chars() {
        match c {
            '(' | '[' | '{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// How deep loops stand within each other.
fn loops(expression: &IdedExpr) -> usize {
    match &expression.expr {
        Expr::Comprehension(comprehension) => {
            let inside = [
                &comprehension.accu_init,
                &comprehension.loop_cond,
                &comprehension.loop_step,
                &comprehension.result,
            ];
            (most_loops(inside) + 1).max(loops(&comprehension.iter_range))
        }
        Expr::Call(call) => most_loops(call.args.iter().chain(call.target.as_deref())),
        Expr::List(list) => most_loops(&list.elements),
        Expr::Select(select) => loops(&select.operand),
        // What stands in a literal map is not looked at, so it counts as the most.
        Expr::Map(_) | Expr::Struct(_) => LOOPS,
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => 0,
    }
}

fn most_loops<'a>(parts: impl IntoIterator<Item = &'a IdedExpr>) -> usize {
    parts.into_iter().map(loops).max().unwrap_or(0)
}

/// A name that neither Watchbill nor a loop gives.
fn unknown_name<'a>(
    expression: &'a IdedExpr,
    known: &[&str],
    scope: &mut Vec<&'a str>,
) -> Option<String> {
    const TYPES: [&str; 10] = [
        "int",
        "uint",
        "double",
        "bool",
        "string",
        "bytes",
        "list",
        "map",
        "null_type",
        "type",
    ];
    match &expression.expr {
        Expr::Ident(name) => {
            let name = name.as_str();
            let given = known.contains(&name) || scope.contains(&name) || TYPES.contains(&name);
            (!given && !name.starts_with('@')).then(|| name.to_owned())
        }
        Expr::Comprehension(comprehension) => {
            let outside = [&comprehension.iter_range, &comprehension.accu_init];
            if let Some(name) = outside
                .into_iter()
                .find_map(|part| unknown_name(part, known, scope))
            {
                return Some(name);
            }
            let before = scope.len();
            scope.extend([
                comprehension.iter_var.as_str(),
                comprehension.accu_var.as_str(),
            ]);
            scope.extend(comprehension.iter_var2.as_deref());
            let inside = [
                &comprehension.loop_cond,
                &comprehension.loop_step,
                &comprehension.result,
            ];
            let found = inside
                .into_iter()
                .find_map(|part| unknown_name(part, known, scope));
            scope.truncate(before);
            found
        }
        Expr::Call(call) => call
            .args
            .iter()
            .chain(call.target.as_deref())
            .find_map(|part| unknown_name(part, known, scope)),
        Expr::List(list) => list
            .elements
            .iter()
            .find_map(|part| unknown_name(part, known, scope)),
        Expr::Select(select) => unknown_name(&select.operand, known, scope),
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified | Expr::Literal(_) => None,
    }
}

/// How much more may be looked at.
struct Room {
    bytes: usize,
    values: usize,
}

impl Room {
    /// JSON as CEL sees it. Whole numbers become `int`, so that they compare and add with literals.
    fn value(&mut self, value: &Value) -> Result<cel::Value, String> {
        let bytes = match value {
            Value::String(text) => text.len(),
            Value::Object(object) => object.keys().map(String::len).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => 8,
        };
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(too_much)?;
        self.values = self.values.checked_sub(1).ok_or_else(too_much)?;
        Ok(match value {
            Value::Null => cel::Value::Null,
            Value::Bool(flag) => cel::Value::Bool(*flag),
            Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), _, _) => cel::Value::Int(number),
                (None, Some(number), _) => cel::Value::UInt(number),
                (None, None, number) => cel::Value::Float(number.unwrap_or(f64::NAN)),
            },
            Value::String(text) => cel::Value::from(text.as_str()),
            Value::Array(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.value(item)).collect();
                cel::Value::from(items?)
            }
            Value::Object(object) => {
                let entries: Result<HashMap<String, cel::Value>, String> = object
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), self.value(value)?)))
                    .collect();
                cel::Value::from(entries?)
            }
        })
    }
}

fn too_much() -> String {
    format!(
        "the inputs and outputs that the condition looks at hold more than {CONTEXT_BYTES} bytes or {CONTEXT_VALUES} values"
    )
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
