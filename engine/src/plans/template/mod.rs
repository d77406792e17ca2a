//! Templates: argv elements and environment values filled from what a run knows.
//!
//! Never a shell's script: what a step or a person wrote must not become code.
//!
//! Filling takes bounded work and bounded memory: what a template may hold and make is looked
//! at before ([`rules`]), its steps are counted, and what it writes fails where it gets too long.

mod forms;
mod rules;
mod shape;

use std::io;
use std::sync::Arc;

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{parse, tokenize};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use model::plan::{EnvironmentValue, PlanTask, Work};
use serde_json::Value;

use super::apart::apart;
use crate::{Error, Result};
use rules::Known;

/// How long one filled text may be, in bytes; the system's limit for an argument is 128 KiB.
const FILLED_BYTES: usize = 100 * 1024;

/// How many steps of work one template may take.
const FUEL: u64 = 50_000;
/// The same for one of a former form, times the bytes that it looks at: each step may walk them.
const FORMER_FUEL: u64 = 1024 * 1024 * 1024;
/// How many words and signs a template may have between its braces; each may nest the rest.
const TOKENS: usize = 1_000;

/// What a template may look at.
#[derive(Clone, Debug)]
pub struct TemplateContext {
    /// An object: the run's inputs.
    pub inputs: Value,
    /// The run's readable id; empty for a task on its own.
    pub run_id: String,
    /// The due date in the plan's zone, as `2025-01-15`.
    pub date: String,
    /// An object by task name: status, outputs, `outputs_uri`, approval.
    pub tasks: Arc<Value>,
}

/// A variable of a step, filled; the worker looks secrets up by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendered {
    Text(String),
    Secret(String),
}

/// Fills the argv of a task; empty for one that is not `run`.
///
/// # Errors
/// [`Error::Invalid`] with the path of the element and a sentence.
pub fn render_argv(task: &PlanTask, context: &TemplateContext) -> Result<Vec<String>> {
    let Work::Run(argv) = &task.work else {
        return Ok(Vec::new());
    };
    apart(|| {
        let values = Values::of(context);
        Ok(argv
            .iter()
            .enumerate()
            .map(|(index, text)| {
                fill(text, &values, || {
                    format!("tasks.{}.run[{index}]", task.name)
                })
            })
            .collect())
    })
    .unwrap_or_else(|message| Err(Error::invalid(format!("tasks.{}.run", task.name), message)))
}

/// Fills the environment of a task, in the plan's order.
///
/// # Errors
/// [`Error::Invalid`] with the path of the variable and a sentence.
pub fn render_environment(
    task: &PlanTask,
    context: &TemplateContext,
) -> Result<Vec<(String, Rendered)>> {
    apart(|| {
        let values = Values::of(context);
        let filled = task.environment.iter().map(|variable| {
            let path = || format!("tasks.{}.environment.{}", task.name, variable.name);
            let value = match &variable.value {
                EnvironmentValue::Text(text) => Rendered::Text(fill(text, &values, path)?),
                EnvironmentValue::Secret(name) => Rendered::Secret(name.clone()),
            };
            Ok((variable.name.clone(), value))
        });
        Ok(filled.collect())
    })
    .unwrap_or_else(|message| {
        Err(Error::invalid(
            format!("tasks.{}.environment", task.name),
            message,
        ))
    })
}

/// Checks a template without filling it.
///
/// # Errors
/// A sentence that says what to write instead.
pub(super) fn check(text: &str) -> std::result::Result<(), String> {
    if !is_template(text) {
        return Ok(());
    }
    let read = read(text)?;
    let environment = environment();
    let template = environment
        .template_from_str(text)
        .map_err(|error| not_understood(&error))?;
    let mut unknown: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !matches!(name.as_str(), "inputs" | "run" | "tasks"))
        .collect();
    unknown.sort_unstable();
    match unknown.first() {
        None => rules::check(&read, Known::Nothing),
        Some(name) => Err(format!(
            "a template knows inputs, run and tasks, and not '{name}'; write for instance {{{{ inputs.{name} }}}}"
        )),
    }
}

/// Whether the text has anything to fill.
pub(super) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// What all templates of a task are filled with.
struct Values<'a> {
    context: &'a TemplateContext,
    root: minijinja::Value,
}

impl<'a> Values<'a> {
    fn of(context: &'a TemplateContext) -> Self {
        let run = context! { id => context.run_id.as_str(), date => context.date.as_str() };
        let root = context! {
            inputs => minijinja::Value::from(Serde(&context.inputs)),
            tasks => minijinja::Value::from(Serde(&*context.tasks)),
            run => run,
        };
        Self { context, root }
    }

    fn known(&self) -> Known<'_> {
        Known::All {
            inputs: &self.context.inputs,
            tasks: &self.context.tasks,
            run: self.context.run_id.len() + self.context.date.len(),
        }
    }

    /// How many bytes they are.
    fn bytes(&self) -> u64 {
        shape::size(&self.context.inputs).saturating_add(shape::size(&self.context.tasks))
    }
}

fn fill(text: &str, values: &Values<'_>, path: impl Fn() -> String) -> Result<String> {
    if !is_template(text) {
        return Ok(text.to_owned());
    }
    let wrong = |message: String| Error::invalid(path(), message);
    let mut environment = environment();
    let read = read(text).map_err(wrong)?;
    if let Err(problem) = rules::check(&read, values.known()) {
        // A version that was stored before this was refused goes on, where that is safe.
        forms::check_steady(&read).map_err(|grows| {
            wrong(format!(
                "the template cannot be filled: {problem} (it has {grows})"
            ))
        })?;
        environment.set_fuel(Some(
            (FORMER_FUEL / values.bytes().max(1)).clamp(FUEL / 10, FUEL),
        ));
    }
    let mut written = Written::default();
    let filled = environment.template_from_str(text).and_then(|template| {
        template
            .render_captured_to(values.root.clone(), &mut written)
            .map(drop)
    });
    if written.is_full {
        return Err(wrong(format!(
            "the filled text is too long; at most {FILLED_BYTES} bytes are passed to a step"
        )));
    }
    filled.map_err(|error| wrong(format!("the template cannot be filled: {}", detail(&error))))?;
    let filled = String::from_utf8(written.text)
        .map_err(|_| wrong("the filled text is not UTF-8".to_owned()))?;
    if filled.contains('\0') {
        return Err(wrong(
            "the filled text holds a NUL character, which no argument can".to_owned(),
        ));
    }
    Ok(filled)
}

/// What was written so far, while it is short enough.
#[derive(Default)]
struct Written {
    text: Vec<u8>,
    is_full: bool,
}

impl io::Write for Written {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.text.len() + part.len() > FILLED_BYTES {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a template that is short enough for that.
fn read(text: &str) -> std::result::Result<Stmt<'_>, String> {
    let mut tokens = 0;
    for token in tokenize(text, false, minijinja::syntax::SyntaxConfig::default()) {
        token.map_err(|error| not_understood(&error))?;
        tokens += 1;
        if tokens > TOKENS {
            return Err(format!(
                "a template has at most {TOKENS} words and signs; let the step put more together"
            ));
        }
    }
    parse(text, "", minijinja::syntax::SyntaxConfig::default())
        .map_err(|error| not_understood(&error))
}

fn not_understood(error: &minijinja::Error) -> String {
    format!("the template is not understood: {}", detail(error))
}

fn environment<'a>() -> Environment<'a> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment
}

fn detail(error: &minijinja::Error) -> String {
    error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
