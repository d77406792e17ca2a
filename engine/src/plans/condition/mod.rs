//! Conditions in CEL: over the run's inputs and tasks, and for a gate over the result.
//!
//! CEL cannot loop for ever, but it has no limit of its own either. What a condition costs
//! is worked out before it is evaluated, and what costs too much has no answer: see [`cost`].
//! Each runs on a stack of its own, so that neither a panic nor a deep one takes the process
//! along.

mod cost;
mod parse;
mod size;
mod tree;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::apart::apart;
use parse::{Parsed, check};
use tree::{Room, cel_value};
use words::sentence;

/// What a task's `when` may look at. Copies share it: a run's outputs may be large.
#[derive(Clone, Debug, Default)]
pub struct ConditionContext {
    /// An object: the run's inputs.
    pub inputs: Arc<Value>,
    /// An object by task name: status, outputs, `outputs_uri`, approval.
    pub tasks: Arc<Value>,
}

impl ConditionContext {
    /// The context of a run's inputs and tasks.
    #[must_use]
    pub fn of((inputs, tasks): (Value, Value)) -> Self {
        Self {
            inputs: Arc::new(inputs),
            tasks: Arc::new(tasks),
        }
    }
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

/// What the conditions of one gate may cost together, in units.
const GATE_UNITS: u64 = 10_000_000;
/// What a condition costs besides: a thread with a stack of its own.
const THREAD_UNITS: u64 = 200;

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

/// Answers conditions, each read once, and counts what they cost together.
#[derive(Default)]
pub struct Judge {
    read: HashMap<String, Result<Parsed, String>>,
    /// Spent on the conditions of this gate.
    gate: u64,
    /// Spent on all.
    all: u64,
}

impl Judge {
    /// Begins with the conditions of another gate, or with the same over another result.
    pub fn next_gate(&mut self) {
        self.gate = 0;
    }

    /// How many units were spent so far: counted before each evaluation, so that they are the
    /// same on every machine.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.all
    }

    /// Evaluates a gate's condition.
    ///
    /// # Errors
    /// As [`task_condition`].
    pub fn gate_condition(
        &mut self,
        expression: &str,
        context: &GateContext,
    ) -> Result<bool, ConditionError> {
        let small = SmallValues::of(context);
        self.answer(expression, &small.with(context))
    }

    fn answer(
        &mut self,
        expression: &str,
        variables: &[(&'static str, &Value)],
    ) -> Result<bool, ConditionError> {
        let left = GATE_UNITS.saturating_sub(self.gate);
        let read = &mut self.read;
        let (spent, answer) = apart(|| Ok(answer(read, expression, variables, left)))
            // It came to an end somewhere in the middle: all that it might have cost counts.
            .unwrap_or_else(|error| (cost::CONDITION_UNITS, Err(error)));
        self.gate = self.gate.saturating_add(spent);
        self.all = self.all.saturating_add(spent);
        answer.map_err(ConditionError)
    }
}

/// Evaluates a task's condition.
///
/// # Errors
/// [`ConditionError`] where it does not parse, costs too much, fails, or is not true or false.
pub fn task_condition(
    expression: &str,
    context: &ConditionContext,
) -> Result<bool, ConditionError> {
    Judge::default().answer(
        expression,
        &[("inputs", &context.inputs), ("tasks", &context.tasks)],
    )
}

/// Checks a task's condition before anything runs.
pub(super) fn check_task(expression: &str) -> Result<(), String> {
    apart(|| check(expression, &TASK_VARIABLES))
}

/// Checks a gate's condition before anything runs.
pub(super) fn check_gate(expression: &str) -> Result<(), String> {
    apart(|| check(expression, &GATE_VARIABLES))
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

/// What a gate knows that is not JSON yet.
struct SmallValues(Vec<(&'static str, Value)>);

impl SmallValues {
    fn of(context: &GateContext) -> Self {
        let values = [
            ("exit_code", context.exit_code.map(Value::from)),
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
            ("duration", context.duration.map(Value::from)),
        ];
        // Left out rather than null, of which `cost != 5` would be true.
        let known = values
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        Self(known.collect())
    }

    fn with<'a>(&'a self, context: &'a GateContext) -> Vec<(&'static str, &'a Value)> {
        let large = [
            ("inputs", Some(&*context.condition.inputs)),
            ("tasks", Some(&*context.condition.tasks)),
            ("outputs", context.outputs.as_ref()),
            ("tokens", context.tokens.as_ref()),
            ("cost", context.cost.as_ref()),
        ];
        let known = large
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let small = self.0.iter().map(|(name, value)| (*name, value));
        known.chain(small).collect()
    }
}

/// The answer, and what it cost.
fn answer(
    read: &mut HashMap<String, Result<Parsed, String>>,
    expression: &str,
    variables: &[(&'static str, &Value)],
    limit: u64,
) -> (u64, Result<bool, String>) {
    let mut spent = THREAD_UNITS;
    if !read.contains_key(expression) {
        let parsed = parse::parse(expression);
        spent += parsed.as_ref().map_or(0, |parsed| parsed.units);
        read.insert(expression.to_owned(), parsed);
    }
    let parsed = match read.get(expression) {
        Some(Ok(parsed)) => parsed,
        Some(Err(error)) => return (spent, Err(error.clone())),
        None => return (spent, Err("the condition was not read".to_owned())),
    };
    let answer = within(parsed, variables, limit, &mut spent);
    (spent, answer)
}

/// The answer, where what it costs is within the limit.
fn within(
    parsed: &Parsed,
    variables: &[(&'static str, &Value)],
    limit: u64,
    spent: &mut u64,
) -> Result<bool, String> {
    let named = variables
        .iter()
        .filter(|(name, _)| parsed.names.contains(*name));
    let mut room = Room::default();
    let mut trees = Vec::new();
    let mut context = cel::Context::default();
    for (name, value) in named {
        let tree = room.measure(value).inspect_err(|_| *spent += Room::UNITS)?;
        // Once to measure, once to turn into what CEL reads, once to drop.
        *spent += tree.size.units() * 3;
        context.add_variable_from_value(*name, cel_value(value));
        trees.push((*name, tree));
    }
    let no_answer =
        |why: &dyn std::fmt::Display| sentence(&format_args!("the condition has no answer: {why}"));
    let program = &parsed.program;
    match cost::cost(program.expression(), &trees, limit.saturating_sub(*spent)) {
        Ok(units) => *spent += units,
        Err(refused) => {
            // Working that out took as many steps.
            *spent += cost::CONDITION_UNITS.min(limit);
            return Err(no_answer(&refused));
        }
    }
    match program.execute(&context) {
        Ok(cel::Value::Bool(answer)) => Ok(answer),
        Ok(_) => Err(
            "the condition is neither true nor false; compare with == or another operator"
                .to_owned(),
        ),
        Err(cel::ExecutionError::UndeclaredReference(name)) => {
            Err(no_answer(&format!("{name} is not known of this result")))
        }
        Err(error) => Err(no_answer(&error)),
    }
}

#[cfg(test)]
mod tests;
