//! Templates: argv elements and environment values filled from what a run knows.
//!
//! Never a shell's script: what a step or a person wrote must not become code.

use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use model::plan::{EnvironmentValue, PlanTask, Work};
use serde_json::Value;

use crate::{Error, Result};

/// How long one filled text may be, in bytes; the system's limit for an argument is 128 KiB.
const FILLED_BYTES: usize = 100 * 1024;

/// How many steps of work one template may take.
const FUEL: u64 = 50_000;

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
    argv.iter()
        .enumerate()
        .map(|(index, text)| {
            fill(text, context, || {
                format!("tasks.{}.run[{index}]", task.name)
            })
        })
        .collect()
}

/// Fills the environment of a task, in the plan's order.
///
/// # Errors
/// [`Error::Invalid`] with the path of the variable and a sentence.
pub fn render_environment(
    task: &PlanTask,
    context: &TemplateContext,
) -> Result<Vec<(String, Rendered)>> {
    task.environment
        .iter()
        .map(|variable| {
            let path = || format!("tasks.{}.environment.{}", task.name, variable.name);
            let value = match &variable.value {
                EnvironmentValue::Text(text) => Rendered::Text(fill(text, context, path)?),
                EnvironmentValue::Secret(name) => Rendered::Secret(name.clone()),
            };
            Ok((variable.name.clone(), value))
        })
        .collect()
}

/// Checks a template without filling it.
///
/// # Errors
/// A sentence that says what to write instead.
pub(super) fn check(text: &str) -> std::result::Result<(), String> {
    if !is_template(text) {
        return Ok(());
    }
    let environment = environment();
    let template = environment
        .template_from_str(text)
        .map_err(|error| format!("the template is not understood: {}", detail(&error)))?;
    let mut unknown: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !matches!(name.as_str(), "inputs" | "run" | "tasks"))
        .collect();
    unknown.sort_unstable();
    match unknown.first() {
        None => Ok(()),
        Some(name) => Err(format!(
            "a template knows inputs, run and tasks, and not '{name}'; write for instance {{{{ inputs.{name} }}}}"
        )),
    }
}

/// Whether the text has anything to fill.
pub(super) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

fn fill(text: &str, context: &TemplateContext, path: impl Fn() -> String) -> Result<String> {
    if !is_template(text) {
        return Ok(text.to_owned());
    }
    let wrong = |message: String| Error::invalid(path(), message);
    let run = context! { id => context.run_id.as_str(), date => context.date.as_str() };
    let values = context! {
        inputs => minijinja::Value::from(Serde(&context.inputs)),
        tasks => minijinja::Value::from(Serde(&*context.tasks)),
        run => run,
    };
    let filled = environment()
        .template_from_str(text)
        .and_then(|template| template.render(values))
        .map_err(|error| wrong(format!("the template cannot be filled: {}", detail(&error))))?;
    if filled.len() > FILLED_BYTES {
        return Err(wrong(format!(
            "the filled text is {} bytes long; at most {FILLED_BYTES} are passed to a step",
            filled.len()
        )));
    }
    if filled.contains('\0') {
        return Err(wrong(
            "the filled text holds a NUL character, which no argument can".to_owned(),
        ));
    }
    Ok(filled)
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
mod tests {
    use model::plan::EnvironmentVariable;
    use serde_json::json;

    use super::*;

    fn task(argv: &[&str]) -> PlanTask {
        PlanTask {
            environment: vec![
                EnvironmentVariable {
                    name: "BRANCH".to_owned(),
                    value: EnvironmentValue::Text(
                        "{{ tasks[\"seo.validate\"].outputs.branch }}".to_owned(),
                    ),
                },
                EnvironmentVariable {
                    name: "TOKEN".to_owned(),
                    value: EnvironmentValue::Secret("DEPLOY".to_owned()),
                },
            ],
            ..PlanTask::new("publish", Work::run(argv.iter().copied()))
        }
    }

    fn context() -> TemplateContext {
        TemplateContext {
            inputs: json!({"site": "; rm -rf / $(id) <b>", "depth": 3, "strict": true}),
            run_id: "nightly-2025-01-15".to_owned(),
            date: "2025-01-15".to_owned(),
            tasks: Arc::new(json!({"seo.validate": {"outputs": {"branch": "fix/é"}}})),
        }
    }

    #[test]
    fn fills_arguments_as_data() {
        let argv = [
            "echo",
            "{{ inputs.site }}",
            "{{ inputs.depth }}-{{ run.date }}-{{ run.id }}",
            "{plain}",
        ];
        assert_eq!(
            render_argv(&task(&argv), &context()).unwrap(),
            [
                "echo",
                "; rm -rf / $(id) <b>",
                "3-2025-01-15-nightly-2025-01-15",
                "{plain}",
            ]
        );
    }

    #[test]
    fn fills_the_environment_and_leaves_secrets_alone() {
        assert_eq!(
            render_environment(&task(&["x"]), &context()).unwrap(),
            [
                ("BRANCH".to_owned(), Rendered::Text("fix/é".to_owned())),
                ("TOKEN".to_owned(), Rendered::Secret("DEPLOY".to_owned())),
            ]
        );
    }

    #[test]
    fn what_is_not_there_is_an_error_and_not_an_empty_text() {
        let error = render_argv(&task(&["x", "{{ inputs.missing }}"]), &context()).unwrap_err();
        assert!(
            error.to_string().starts_with("tasks.publish.run[1]: "),
            "{error}"
        );
    }

    #[test]
    fn work_without_end_stops() {
        let endless =
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        assert!(render_argv(&task(&[endless]), &context()).is_err());
    }

    #[test]
    fn checks_before_anything_runs() {
        assert_eq!(check("plain { text }"), Ok(()));
        assert_eq!(
            check("{{ inputs.site }} {{ tasks['a'].outputs.b }} {{ run.id }}"),
            Ok(())
        );
        assert!(check("{{ site }}").unwrap_err().contains("inputs.site"));
        assert!(check("{{ inputs.site ").is_err());
        assert!(check("{% include 'x' %}{{ env }}").is_err());
    }
}
