//! Secrets that tasks are given for the first time.

use std::collections::BTreeSet;

use super::super::{EnvironmentValue, EnvironmentVariable, Gate, PlanTask};
use super::changed::same_files;
use super::graph::{Graph, command, secrets};
use super::{Weakening, WeakeningKind};

/// Secrets that a task names and did not name before, by its name or by what it does.
pub(super) fn new_secrets(
    former: Option<&Graph<'_>>,
    now: &Graph<'_>,
    place: usize,
    may_name_secret: &dyn Fn(&str) -> bool,
    found: &mut Vec<Weakening>,
) {
    let task = now.task(place);
    let origins: Vec<&PlanTask> = former.map_or_else(Vec::new, |former| {
        let same = former.doing(&task.work).iter().copied();
        former
            .named(&task.name)
            .into_iter()
            .chain(same.filter(|at| former.task(*at).working_directory == task.working_directory))
            .map(|at| former.task(at))
            .collect()
    });
    let unknown: BTreeSet<&str> = secrets(task)
        .filter(|secret| !may_name_secret(secret))
        .filter(|secret| {
            !origins.iter().any(|origin| {
                secrets(origin).any(|known| known == *secret) && does_the_same(origin, task)
            })
        })
        .collect();
    found.extend(unknown.into_iter().map(|secret| Weakening {
        task: task.name.clone(),
        kind: WeakeningKind::Secret,
        sentence: format!("{}: it is given the secret {secret}", task.name),
        gates: former.map_or_else(Vec::new, |former| nearest(former, now, place)),
    }));
}

/// Tells if two tasks do the same with the same around them: who signed that a command is given a
/// secret signed for no other command, folder, files or variable.
fn does_the_same(one: &PlanTask, other: &PlanTask) -> bool {
    command(&one.work) == command(&other.work)
        && one.working_directory == other.working_directory
        && same_files(one, other)
        && texts(one).eq(texts(other))
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
