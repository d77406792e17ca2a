//! What a document means, and everything in it that cannot be.

mod approval;
mod graph;
mod inputs;
mod names;
mod tasks;
mod triggers;

use model::plan::Plan;

use super::source::{Finding, Step};
use super::types::PlanDocument;
use crate::schedule;

/// The longest readable id of a run.
const RUN_ID_LENGTH: usize = 64;

/// Collects what is wrong, each at its path.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: &[Step], message: impl Into<String>) {
        self.0.push(Finding {
            path: path.to_vec(),
            message: message.into(),
        });
    }

    /// The value, or its error at the path and nothing.
    fn take<T>(&mut self, path: &[Step], result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.add(path, message)).ok()
    }
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

/// The path with one more key.
fn at(path: &[Step], name: &str) -> Vec<Step> {
    [path, &[key(name)]].concat()
}

/// The path with one more index.
fn nth(path: &[Step], index: usize) -> Vec<Step> {
    [path, &[Step::Index(index)]].concat()
}

/// Builds the plan.
///
/// # Errors
/// All that was found, in no order.
pub(super) fn check(document: PlanDocument) -> Result<Plan, Vec<Finding>> {
    let mut findings = Findings::default();
    let name = document.plan;
    findings.take(&[key("plan")], names::name("a plan's name", &name));

    let description = document.description.unwrap_or_default();
    findings.take(&[key("description")], names::description(&description));

    let timezone = document.timezone.unwrap_or_else(|| "UTC".to_owned());
    let zone_known = findings
        .take(&[key("timezone")], schedule::find_zone(&timezone).map(drop))
        .is_some();

    let run_id = document
        .run_id
        .unwrap_or_else(|| format!("{name}-{{date}}"));
    findings.take(&[key("run_id")], run_id_template(&run_id));

    let triggers = triggers::check(
        &mut findings,
        document.triggers,
        if zone_known { &timezone } else { "UTC" },
    );
    let inputs = inputs::check(&mut findings, document.inputs, !triggers.is_empty());
    let tasks = tasks::check(&mut findings, document.tasks);
    graph::check(&mut findings, &tasks);

    if findings.0.is_empty() {
        Ok(Plan {
            name,
            description,
            timezone,
            run_id,
            inputs,
            triggers,
            tasks,
        })
    } else {
        Err(findings.0)
    }
}

fn run_id_template(template: &str) -> Result<(), String> {
    let filled = template
        .replace("{date}", "2025-01-15")
        .replace("{time}", "0230");
    if filled.is_empty() || filled.len() > RUN_ID_LENGTH {
        return Err(format!(
            "the run's id would be {} characters long; write a 'run_id' that makes 1 to {RUN_ID_LENGTH}, such as nightly-{{date}}",
            filled.chars().count()
        ));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !filled.chars().all(fits) {
        return Err(
            "a run's id is made of letters, digits, '.', '_', '-', {date} and {time}, such as nightly-{date}".to_owned(),
        );
    }
    Ok(())
}
