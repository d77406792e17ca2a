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

#[cfg(test)]
mod tests {
    use super::super::tests::{release, task};
    use super::*;
    use crate::plan::Work;

    fn without(plan: &Plan, names: &[&str]) -> Plan {
        let mut plan = plan.clone();
        plan.tasks
            .retain(|task| !names.contains(&task.name.as_str()));
        plan
    }

    #[test]
    fn a_task_that_was_gone_meets_the_gates_that_it_had() {
        let first = release();
        let gone = without(&first, &["publish"]);
        let mut back = first.clone();
        back.tasks[2].needs.clear();
        let found = returned(&gone, std::slice::from_ref(&first), &back);
        assert!(found.iter().any(|lost| lost.task == "publish"), "{found:?}");
        // With dummies between, the gate gone as well, under another name, or in another task.
        let dummy = without(&first, &["publish", "check"]);
        let mut other = without(&back, &["check"]);
        other.tasks.last_mut().expect("a task").name = "other".to_owned();
        other.tasks.last_mut().expect("a task").needs.clear();
        let earlier = [gone.clone(), dummy.clone(), first.clone()];
        assert!(!returned(&dummy, &earlier, &other).is_empty());
        let mut moved = gone.clone();
        moved.tasks.push(task("free", &[]));
        let running = moved.clone();
        moved.tasks.last_mut().expect("a task").work = first.tasks[2].work.clone();
        assert!(!returned(&running, &earlier, &moved).is_empty());
    }

    #[test]
    fn what_comes_back_as_it_was_is_nothing() {
        let first = release();
        let gone = without(&first, &["publish"]);
        assert_eq!(returned(&gone, std::slice::from_ref(&first), &first), []);
        let mut more = first.clone();
        more.tasks.push(task("more", &[]));
        more.tasks.last_mut().expect("a task").work = Work::run(["never-seen"]);
        assert_eq!(returned(&first, &[gone], &more), []);
    }

    #[test]
    fn the_last_version_that_had_it_counts() {
        let first = release();
        let mut free = first.clone();
        free.tasks[2].needs.clear();
        let gone = without(&free, &["publish"]);
        // That it is free was signed between.
        assert_eq!(returned(&gone, &[free.clone(), first], &free), []);
    }
}
