//! A plan as people write it: YAML in, a checked [`Plan`] or exact problems out.

mod check;
mod duration;
mod ordered;
mod quiet;
mod quotes;
mod source;
mod syntax;
mod types;

#[cfg(test)]
mod approval_tests;
#[cfg(test)]
mod published_tests;
#[cfg(test)]
mod quiet_tests;
#[cfg(test)]
mod shape_tests;
#[cfg(test)]
mod tests;

use model::plan::Plan;
use serde::Serialize;

pub use duration::seconds;

use super::apart::apart;
use types::PlanDocument;

/// The longest text of a plan, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// One thing wrong with a plan's text, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanProblem {
    /// Counted from 1.
    pub line: u64,
    /// Counted from 1, in characters.
    pub column: u64,
    /// Where in the plan, such as `tasks.publish.needs[0]`; empty for the whole.
    pub path: String,
    pub message: String,
}

impl std::fmt::Display for PlanProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads and checks a plan's text.
///
/// # Errors
/// Every problem that could be found, in the order of the text. Where the text
/// is not YAML of the right shape, that is the only one.
pub fn parse(text: &str) -> Result<Plan, Vec<PlanProblem>> {
    source::check_text(text).map_err(|problem| vec![problem])?;
    // Sixty-four levels take more stack in an unoptimised build than a thread usually has.
    apart(|| Ok(read(text))).unwrap_or_else(|message| {
        Err(vec![PlanProblem {
            line: 1,
            column: 1,
            path: String::new(),
            message,
        }])
    })
}

/// The first place where a plan's text lost a gate or a condition when it was read by a
/// version that let YAML drop what stood there without quotes; `None` where there is none.
#[must_use]
pub fn lost_gate(text: &str) -> Option<PlanProblem> {
    // JSON has no tags and no names, and a null in it was written as such: nothing was lost.
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return None;
    }
    apart(|| Ok(quiet::find(text)))
        .unwrap_or_default()
        .into_iter()
        .find(|dropped| dropped.loses_gate)
        .map(|dropped| dropped.problem)
}

fn read(text: &str) -> Result<Plan, Vec<PlanProblem>> {
    let dropped = quiet::find(text);
    if !dropped.is_empty() {
        return Err(dropped.into_iter().map(|dropped| dropped.problem).collect());
    }
    let tree = source::read_tree(text).map_err(|problem| vec![problem])?;
    let document: PlanDocument =
        syntax::read(text).map_err(|error| vec![syntax::problem(&error, &tree)])?;
    check::check(document).map_err(|findings| {
        let mut problems: Vec<PlanProblem> = findings
            .into_iter()
            .map(|finding| tree.place(finding))
            .collect();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems
    })
}

/// The JSON Schema of a plan's file, for editors.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(PlanDocument);
    // A schema holds nothing that JSON cannot; the published file is compared by a test.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
