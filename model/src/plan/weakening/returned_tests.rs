//! Versions in a row, each of which asks nobody less than the one before it.

use super::tests::{approvers, plan, secret, task, text};
use super::{Weakening, weakenings};
use crate::plan::{Gate, Plan, PlanTask, Work};
use crate::task::GatePhase;

fn reviewed() -> Gate {
    Gate {
        required: 2,
        ..approvers(GatePhase::AfterResult)
    }
}

/// Two people look at `rev` before `pub` runs.
fn release() -> Plan {
    let mut tasks = vec![
        task("check", &[]),
        task("rev", &["check"]),
        task("pub", &["rev"]),
    ];
    tasks[1].approval = Some(reviewed());
    tasks[2].work = Work::run(["echo", "PUBLISHED"]);
    tasks[2].environment = vec![text("TARGET", "production")];
    plan(tasks)
}

fn without(names: &[&str]) -> Plan {
    let mut plan = release();
    plan.tasks
        .retain(|task| !names.contains(&task.name.as_str()));
    plan
}

/// What is told of the last of these versions, by the earlier ones and the one that runs.
fn found(versions: &[Plan]) -> Vec<Weakening> {
    let [earlier @ .., running, after] = versions else {
        panic!("two versions at least");
    };
    let newest_first: Vec<Plan> = earlier.iter().rev().cloned().collect();
    weakenings(Some(running), &newest_first, after, |_| true)
}

#[track_caller]
fn asks_two(versions: &[Plan]) {
    for version in 1..versions.len() - 1 {
        assert_eq!(found(&versions[..=version]), Vec::new(), "{version}");
    }
    let found = found(versions);
    let asked = found.iter().any(|w| w.gates.contains(&reviewed()));
    assert!(asked, "{found:#?}");
}

#[test]
fn a_task_that_was_dropped_comes_back_behind_its_gate() {
    let backs: [fn(&mut PlanTask); 6] = [
        |task| task.needs.clear(),
        |task| task.needs = vec!["check".to_owned()],
        |task| {
            task.needs.clear();
            task.name = "other".to_owned();
        },
        |task| {
            task.needs.clear();
            task.name = "other".to_owned();
            task.work = Work::run(["echo", "PUBLISHED", "again"]);
        },
        |task| {
            task.needs.clear();
            task.name = "other".to_owned();
            task.work = Work::run(["true"]);
        },
        |task| task.work = Work::run(["true"]),
    ];
    let dummy = plan(vec![task("dummy", &[])]);
    for back in backs {
        let mut last = release();
        back(&mut last.tasks[2]);
        asks_two(&[release(), without(&["pub"]), last.clone()]);
        asks_two(&[release(), dummy.clone(), last.clone()]);
        let many = vec![dummy.clone(); 30];
        asks_two(&[vec![release()], many, vec![last]].concat());
    }
    let mut free = release();
    free.tasks[1].approval = None;
    asks_two(&[release(), dummy, free]);
}

#[test]
fn a_command_that_was_dropped_comes_back_behind_its_gate() {
    // Another task that runs already takes it up, and one has the same program.
    let mut between = without(&["rev", "pub"]);
    let mut hello = task("hello", &[]);
    hello.work = Work::run(["scripts/hello"]);
    between.tasks.push(hello.clone());
    let mut first = release();
    first.tasks.push(hello);
    let mut last = between.clone();
    last.tasks[1].work = Work::run(["echo", "PUBLISHED"]);
    asks_two(&[first.clone(), between.clone(), last]);
    let mut given = between.clone();
    given.tasks[1].environment = vec![text("TARGET", "production")];
    asks_two(&[first, between, given]);
}

#[test]
fn a_secret_that_comes_back_asks_those_whom_its_gate_asked() {
    let mut first = release();
    first.tasks[2].environment = vec![secret("KEY")];
    let mut last = without(&["rev", "pub"]);
    last.tasks[0].environment = vec![secret("KEY")];
    asks_two(&[first, without(&["rev", "pub"]), last]);
}

#[test]
fn what_comes_back_as_it_was_asks_nobody() {
    assert_eq!(
        found(&[release(), without(&["pub"]), release()]),
        Vec::new()
    );
    let gone = without(&["rev", "pub"]);
    assert_eq!(found(&[release(), gone.clone(), release()]), Vec::new());
    let mut other = gone.clone();
    other.tasks.push(task("other", &[]));
    assert_eq!(found(&[release(), gone, other]), Vec::new());
    // That it is free was signed, and it stood so last.
    let mut free = release();
    free.tasks[2].needs.clear();
    assert_eq!(
        found(&[release(), free.clone(), without(&["pub"]), free]),
        Vec::new()
    );
}
