//! Random graphs: what adds gates is never found, what takes one away always is.

use proptest::prelude::*;

use super::tests::{approvers, plan, task};
use super::{WeakeningKind, weakenings};
use crate::plan::{Join, Plan, PlanTask, Work};
use crate::task::GatePhase;

const JOINS: [Join; 3] = [Join::AllSucceeded, Join::AllDone, Join::AnySucceeded];
const PHASES: [GatePhase; 2] = [GatePhase::BeforeStart, GatePhase::AfterResult];

/// One task: which earlier ones it needs, how, its gate, and what it runs.
type Sketch = (Vec<bool>, usize, Option<usize>, usize);

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let one = (
        proptest::collection::vec(any::<bool>(), 8),
        0..JOINS.len(),
        proptest::option::of(0..PHASES.len()),
        0_usize..12,
    );
    proptest::collection::vec(one, 1..8)
}

fn drawn(sketches: &[Sketch]) -> Plan {
    let name = |place: usize| format!("t{place}");
    let tasks = sketches.iter().enumerate();
    plan(
        tasks
            .map(|(place, (needs, join, gate, work))| PlanTask {
                needs: (0..place).filter(|need| needs[*need]).map(name).collect(),
                join: JOINS[*join],
                approval: gate.map(|phase| approvers(PHASES[phase])),
                work: Work::run([format!("scripts/{work}")]),
                ..task(&name(place), &[])
            })
            .collect(),
    )
}

proptest! {
    #[test]
    fn a_plan_is_not_weaker_than_itself(sketches in sketches()) {
        let plan = drawn(&sketches);
        prop_assert_eq!(weakenings(Some(&plan), &[], &plan, |_| false), Vec::new());
    }

    #[test]
    fn more_gates_and_needs_are_never_weaker(
        sketches in sketches(), gates in proptest::collection::vec(any::<bool>(), 8),
        needs in proptest::collection::vec(any::<u8>(), 8),
    ) {
        let before = drawn(&sketches);
        let mut after = before.clone();
        for (place, task) in after.tasks.iter_mut().enumerate() {
            if gates[place] && task.approval.is_none() {
                task.approval = Some(approvers(PHASES[usize::from(needs[place]) % 2]));
            }
            // Where one of several does, a further one is a further way.
            if task.join == Join::AnySucceeded {
                continue;
            }
            for need in (0..place).map(|need| format!("t{need}")) {
                if needs[place] & 1 == 1 && !task.needs.contains(&need) {
                    task.needs.push(need);
                }
            }
        }
        prop_assert_eq!(weakenings(Some(&before), &[], &after, |_| false), Vec::new());
    }

    #[test]
    fn a_gate_that_is_gone_is_always_found(sketches in sketches(), which in any::<prop::sample::Index>()) {
        let before = drawn(&sketches);
        let gated: Vec<usize> = (0..before.tasks.len())
            .filter(|place| before.tasks[*place].approval.is_some())
            .collect();
        prop_assume!(!gated.is_empty());
        let mut after = before.clone();
        let place = gated[which.index(gated.len())];
        after.tasks[place].approval = None;
        let found = weakenings(Some(&before), &[], &after, |_| false);
        prop_assert!(
            found.iter().any(|w| w.task == before.tasks[place].name && w.kind == WeakeningKind::Gate),
            "{found:?}"
        );
        // Another name for it hides nothing, unless the same command was free already.
        let free = before.tasks.iter().any(|task| {
            task.work == before.tasks[place].work && task.name != before.tasks[place].name
        });
        let name = std::mem::replace(&mut after.tasks[place].name, "other".to_owned());
        for need in after.tasks.iter_mut().flat_map(|task| &mut task.needs) {
            if *need == name {
                "other".clone_into(need);
            }
        }
        if !free {
            let found = weakenings(Some(&before), &[], &after, |_| false);
            prop_assert!(found.iter().any(|w| w.task == "other"), "{found:?}");
        }
    }

    #[test]
    fn other_names_for_all_tasks_are_no_weakening(mut sketches in sketches()) {
        // Where two run the same, one cannot be told from the other by what it runs.
        for (place, sketch) in sketches.iter_mut().enumerate() {
            sketch.3 = place;
        }
        let before = drawn(&sketches);
        let mut after = before.clone();
        for task in &mut after.tasks {
            task.name = format!("new-{}", task.name);
            for need in &mut task.needs {
                *need = format!("new-{need}");
            }
        }
        prop_assert_eq!(weakenings(Some(&before), &[], &after, |_| false), Vec::new());
    }

    #[test]
    fn what_stands_in_a_row_behind_a_gate_stays_there(length in 2_usize..12, cut in any::<prop::sample::Index>()) {
        let name = |place: usize| format!("t{place}");
        let mut tasks: Vec<PlanTask> = (0..length).map(|place| task(&name(place), &[])).collect();
        for (place, task) in tasks.iter_mut().enumerate().skip(1) {
            task.needs = vec![name(place - 1)];
        }
        tasks[0].approval = Some(approvers(GatePhase::AfterResult));
        let before = plan(tasks);
        let cut = 1 + cut.index(length - 1);
        for change in [|task: &mut PlanTask| task.needs.clear(), |task: &mut PlanTask| task.join = Join::AllDone] {
            let mut after = before.clone();
            change(&mut after.tasks[cut]);
            let found = weakenings(Some(&before), &[], &after, |_| false);
            for place in cut..length {
                prop_assert!(found.iter().any(|w| w.task == name(place)), "{} of {found:?}", name(place));
            }
        }
    }
}
