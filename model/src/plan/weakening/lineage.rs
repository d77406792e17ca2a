//! The former tasks that a task of the new version may have come from.

use super::super::{EnvironmentValue, EnvironmentVariable, PlanTask, Work};
use super::graph::{Graph, command};

/// Something that a task runs or is given, and that may have stood behind a gate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Thing<'a> {
    Work(&'a Work),
    /// The program alone: the same one with other arguments is no new thing.
    Program(&'a str),
    Variable(&'a EnvironmentVariable),
}

impl Thing<'_> {
    fn is_of(self, task: &PlanTask) -> bool {
        match self {
            Self::Work(work) => command(&task.work) == command(work),
            Self::Program(program) => command(&task.work).first() == Some(&program),
            Self::Variable(variable) => {
                task.environment
                    .iter()
                    .any(|other| match (&other.value, &variable.value) {
                        // A secret is the same under whatever name the step knows it.
                        (EnvironmentValue::Secret(other), EnvironmentValue::Secret(secret)) => {
                            other == secret
                        }
                        _ => other == variable,
                    })
            }
        }
    }
}

/// The things that a task has and its namesake of the former version had not, each with the
/// former tasks that had it.
pub(super) fn things<'a>(
    former: &Graph<'_>,
    namesake: Option<&PlanTask>,
    task: &'a PlanTask,
) -> Vec<(Thing<'a>, Vec<usize>)> {
    let mut things = vec![Thing::Work(&task.work)];
    // A shell's script is all that tells two of them apart; its program says nothing.
    if let Work::Run(argv) = &task.work
        && let Some(program) = argv.first()
        && former.doing(&task.work).is_empty()
    {
        things.push(Thing::Program(program));
    }
    things.extend(task.environment.iter().map(Thing::Variable));
    things
        .into_iter()
        .filter(|thing| !namesake.is_some_and(|namesake| thing.is_of(namesake)))
        .map(|thing| (thing, holders(former, thing)))
        .filter(|(_, holders)| !holders.is_empty())
        .collect()
}

pub(super) fn holders(former: &Graph<'_>, thing: Thing<'_>) -> Vec<usize> {
    match thing {
        Thing::Work(work) => former.doing(work).to_vec(),
        Thing::Program(_) | Thing::Variable(_) => {
            let tasks = former.plan.tasks.iter().enumerate();
            tasks
                .filter(|(_, task)| thing.is_of(task))
                .map(|(place, _)| place)
                .collect()
        }
    }
}

/// The former tasks that the new version has neither by name nor by what they run.
pub(super) fn vanished(former: &Graph<'_>, now: &Graph<'_>) -> Vec<usize> {
    let tasks = former.plan.tasks.iter().enumerate();
    tasks
        .filter(|(_, task)| now.named(&task.name).is_none() && now.doing(&task.work).is_empty())
        .map(|(place, _)| place)
        .collect()
}
