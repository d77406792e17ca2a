//! Secrets that tasks are given for the first time.

use std::collections::BTreeSet;

use super::super::{EnvironmentValue, EnvironmentVariable, Gate, PlanTask};
use super::changed::same_files;
use super::compare::Comparison;
use super::graph::{Graph, command, secrets};
use super::{Weakening, WeakeningKind};

/// Secrets that a task names and did not name before, by its name or by what it does; or that it
/// uses otherwise than was signed.
pub(super) fn new_secrets(
    former: Option<&Graph<'_>>,
    now: &Graph<'_>,
    place: usize,
    may_name_secret: &dyn Fn(&str) -> bool,
    found: &mut Vec<Weakening>,
) {
    let task = now.task(place);
    let named: BTreeSet<&str> = secrets(task)
        .filter(|secret| !may_name_secret(secret))
        .collect();
    for secret in named {
        let how = former.map_or(Use::First, |former| {
            Comparison { former, now }.use_of(place, secret)
        });
        let other = match how {
            Use::Signed => continue,
            Use::First => String::new(),
            Use::Other(what) => format!(", with {what} than before"),
        };
        found.push(Weakening {
            task: task.name.clone(),
            kind: WeakeningKind::Secret,
            sentence: format!("{}: it is given the secret {secret}{other}", task.name),
            gates: former.map_or_else(Vec::new, |former| nearest(former, now, place)),
        });
    }
}

/// How a task uses a secret.
#[derive(Clone, Copy)]
enum Use {
    /// As it was before.
    Signed,
    /// Nothing that came before it had the secret.
    First,
    /// It had the secret already, and this part is another one.
    Other(&'static str),
}

impl Comparison<'_, '_> {
    /// Compares the use of a secret with that of the former task of this name, and of those that
    /// did the same.
    ///
    /// Who signed that a command is given a secret signed for no other command, folder, files,
    /// values or variables.
    fn use_of(&self, place: usize, secret: &str) -> Use {
        let task = self.now.task(place);
        let same = self.former.doing(&task.work).iter().copied();
        let same =
            same.filter(|at| self.former.task(*at).working_directory == task.working_directory);
        let origins = self.former.named(&task.name).into_iter().chain(same);
        let mut found = Use::First;
        for origin in origins {
            if secrets(self.former.task(origin)).all(|known| known != secret) {
                continue;
            }
            match (self.differs(origin, place, secret), found) {
                (None, _) => return Use::Signed,
                (Some(what), Use::First) => found = Use::Other(what),
                (Some(_), Use::Signed | Use::Other(_)) => {}
            }
        }
        found
    }

    /// Names the first part of a secret's use that is not as it was.
    fn differs(&self, origin: usize, place: usize, secret: &str) -> Option<&'static str> {
        let (was, is) = (self.former.task(origin), self.now.task(place));
        if command(&was.work) != command(&is.work) {
            Some("another command")
        } else if was.working_directory != is.working_directory {
            Some("another working directory")
        } else if !same_files(was, is) {
            Some("other files")
        } else if !texts(was).eq(texts(is)) {
            Some("other variables beside it")
        } else if carriers(was, secret) != carriers(is, secret) {
            Some("another variable for it")
        } else if self.filled_otherwise(is) {
            Some("other values for its inputs or templates")
        } else if self.fed_otherwise(origin, place, false) {
            Some("other tasks to fill its command")
        } else {
            None
        }
    }
}

/// The variables in which a step finds a secret: some of them, such as `PATH`, change what runs.
fn carriers<'p>(task: &'p PlanTask, secret: &str) -> BTreeSet<&'p str> {
    let variables = task.environment.iter();
    variables
        .filter(|variable| match &variable.value {
            EnvironmentValue::Secret(name) => name == secret,
            EnvironmentValue::Text(_) => false,
        })
        .map(|variable| variable.name.as_str())
        .collect()
}

/// The variables whose values the plan itself says, in its order.
fn texts(task: &PlanTask) -> impl Iterator<Item = &EnvironmentVariable> {
    task.environment
        .iter()
        .filter(|variable| match variable.value {
            EnvironmentValue::Text(_) => true,
            EnvironmentValue::Secret(_) => false,
        })
}

/// The former gates before or behind a task, by its name, else by the gates that it has now.
fn nearest(former: &Graph<'_>, now: &Graph<'_>, place: usize) -> Vec<Gate> {
    let task = now.task(place);
    if let Some(origin) = former.named(&task.name) {
        let before: Vec<Gate> = former.before(origin).map(|s| s.gate.clone()).collect();
        if !before.is_empty() {
            return before;
        }
        let behind: Vec<Gate> = former.behind(origin).into_iter().cloned().collect();
        if !behind.is_empty() {
            return behind;
        }
    }
    let around: Vec<Gate> = now
        .around(place)
        .filter_map(|standing| former.plan.task(&standing.gated.name)?.approval.clone())
        .collect();
    if around.is_empty() {
        let all = former.plan.tasks.iter();
        return all.filter_map(|task| task.approval.clone()).collect();
    }
    around
}
