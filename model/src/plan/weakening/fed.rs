//! The other tasks whose words or files fill a step, and what of them differs.

use std::collections::BTreeSet;

use super::changed::{same_files, templates};
use super::compare::Comparison;
use super::graph::{Graph, Strength, command};

impl Comparison<'_, '_> {
    /// Tells if a task that fills this step is another one than the one that filled it before.
    ///
    /// With `past_gates`, those that a gate in front of the step looks at do not count.
    pub(super) fn fed_otherwise(&self, origin: usize, place: usize, past_gates: bool) -> bool {
        let mut feeding = feeders(self.now, place);
        if past_gates {
            for gate in self.now.before(place) {
                if gate.strength == Strength::Approved {
                    let seen = self.now.upstream([gate.place]);
                    feeding.retain(|task| *task != gate.place && !seen.contains(task));
                }
            }
        } else if names(self.now, &feeding) != names(self.former, &feeders(self.former, origin)) {
            return true;
        }
        feeding.into_iter().any(|place| {
            let is = self.now.task(place);
            let was = self.former.named(&is.name);
            was.map(|was| self.former.task(was)).is_none_or(|was| {
                command(&was.work) != command(&is.work)
                    || was.environment != is.environment
                    || was.working_directory != is.working_directory
                    || was.when != is.when
                    || !same_files(was, is)
            })
        })
    }
}

fn names<'p>(graph: &Graph<'p>, places: &BTreeSet<usize>) -> BTreeSet<&'p str> {
    places
        .iter()
        .map(|place| graph.task(*place).name.as_str())
        .collect()
}

/// The tasks whose outputs or files may be in what a step runs; empty where none may.
///
/// A template sees all tasks of its run, also those that the step does not wait for: all of
/// them count where it does not say by their names which it means.
fn feeders(graph: &Graph<'_>, place: usize) -> BTreeSet<usize> {
    let task = graph.task(place);
    let texts: Vec<&str> = templates(task)
        .into_iter()
        .filter(|text| text.contains("tasks"))
        .collect();
    if texts.is_empty() && task.uses.is_empty() {
        return BTreeSet::new();
    }
    let all = 0..graph.plan.tasks.len();
    let mut feeding: BTreeSet<usize> = if texts.iter().all(|text| names_each(graph, text)) {
        let named = all.filter(|other| {
            let name = graph.task(*other).name.as_str();
            texts.iter().any(|text| text.contains(name))
        });
        let named: Vec<usize> = named.chain([place]).collect();
        let upstream = graph.upstream(named.iter().copied());
        named.into_iter().chain(upstream).collect()
    } else {
        all.collect()
    };
    feeding.remove(&place);
    feeding
}

/// Tells if each `tasks` of a template is followed by the name of a task.
fn names_each(graph: &Graph<'_>, text: &str) -> bool {
    text.split("tasks").skip(1).all(|rest| {
        let rest = rest.trim_start();
        let mut all = graph.plan.tasks.iter();
        if let Some(rest) = rest.strip_prefix('.') {
            return all.any(|task| rest.starts_with(&task.name));
        }
        let Some(rest) = rest.strip_prefix('[') else {
            return false;
        };
        ['"', '\''].into_iter().any(|quote| {
            let inner = rest.strip_prefix(quote);
            let name = inner.and_then(|inner| inner.split_once(quote));
            name.is_some_and(|(name, after)| after.starts_with(']') && graph.named(name).is_some())
        })
    })
}
