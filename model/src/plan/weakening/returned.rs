//! Tasks, commands and values that an earlier version had, and the one that runs has not.
//!
//! Whoever takes a task away and brings it back in the next version meets the gates that it had:
//! those of the last version in which it stood.

use super::super::{Plan, PlanTask, Work};
use super::Weakening;
use super::compare::{Comparison, moved};
use super::graph::Graph;
use super::lineage::{Thing, holders};

/// Finds what comes back with less than it had, in any of the earlier versions, newest first.
pub(super) fn returned(running: &Plan, earlier: &[Plan], after: &Plan) -> Vec<Weakening> {
    let (running, now) = (Graph::new(running), Graph::new(after));
    let earlier: Vec<Graph<'_>> = earlier.iter().map(Graph::new).collect();
    let mut found = Vec::new();
    for place in 0..after.tasks.len() {
        let task = now.task(place);
        let mut is_gone = running.named(&task.name).is_none();
        let mut gone: Vec<Thing<'_>> = things(task)
            .into_iter()
            .filter(|thing| holders(&running, *thing).is_empty())
            .collect();
        for former in &earlier {
            if !is_gone && gone.is_empty() {
                break;
            }
            let comparison = Comparison { former, now: &now };
            if is_gone && let Some(origin) = former.named(&task.name) {
                is_gone = false;
                found.extend(comparison.lost(origin, place));
                found.extend(comparison.changed(origin, place));
            }
            let ran_here = !former.doing(&task.work).is_empty();
            gone.retain(|thing| {
                let holders = holders(former, *thing);
                // Where the whole command stood, its program says nothing more.
                let decides = !holders.is_empty() || (ran_here && is_program(*thing));
                if decides && !(ran_here && is_program(*thing)) {
                    let lost = comparison.least_lost(&holders, place).into_iter();
                    found.extend(lost.map(|lost| Weakening {
                        sentence: format!(
                            "{} ({})",
                            lost.sentence,
                            moved(*thing, former, &holders)
                        ),
                        ..lost
                    }));
                }
                !decides
            });
        }
    }
    found
}

/// All that a task runs and is given.
fn things(task: &PlanTask) -> Vec<Thing<'_>> {
    let mut things = vec![Thing::Work(&task.work)];
    if let Work::Run(argv) = &task.work
        && let Some(program) = argv.first()
    {
        things.push(Thing::Program(program));
    }
    things.extend(task.environment.iter().map(Thing::Variable));
    things
}

const fn is_program(thing: Thing<'_>) -> bool {
    match thing {
        Thing::Program(_) => true,
        Thing::Work(_) | Thing::Variable(_) => false,
    }
}
