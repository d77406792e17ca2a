//! Ways around the comparison that somebody who read it as an enemy found, each closed.

use super::tests::{approvers, plan, secret, task, text};
use super::{Weakening, WeakeningKind, weakenings};
use crate::plan::{Gate, InputDefinition, InputKind, Join, Plan, PlanTask, Signer, Work};
use crate::task::GatePhase;

/// `check` has its result looked at, `publish` follows it with a secret, `notes` is free.
fn release() -> Plan {
    let mut tasks = vec![
        task("notes", &[]),
        task("check", &[]),
        task("publish", &["check"]),
    ];
    tasks[1].approval = Some(approvers(GatePhase::AfterResult));
    tasks[2].environment = vec![text("TARGET", "production"), secret("KEY")];
    plan(tasks)
}

fn found(before: &Plan, after: &Plan) -> Vec<Weakening> {
    weakenings(Some(before), &[], after, |_| false)
}

#[track_caller]
fn has(found: &[Weakening], task: &str, kind: WeakeningKind) {
    let told = found.iter().any(|w| w.task == task && w.kind == kind);
    assert!(told, "{task} {kind:?} is not in {found:#?}");
}

fn changed(change: impl FnOnce(&mut Plan)) -> Vec<Weakening> {
    let mut after = release();
    change(&mut after);
    found(&release(), &after)
}

fn input(default: &str) -> InputDefinition {
    InputDefinition {
        name: "target".to_owned(),
        description: String::new(),
        kind: InputKind::String,
        required: false,
        default: Some(default.into()),
    }
}

/// The two versions of a plan that differ in what its input is by itself.
fn with_inputs(change: impl FnOnce(&mut Plan)) -> (Plan, Plan) {
    let mut before = release();
    change(&mut before);
    let mut after = before.clone();
    before.inputs = vec![input("staging")];
    after.inputs = vec![input("production")];
    (before, after)
}

#[test]
fn another_name_hides_no_other_surroundings() {
    for change in [
        |task: &mut PlanTask| task.environment[0] = text("TARGET", "elsewhere"),
        |task: &mut PlanTask| task.environment.insert(0, text("PATH", "scripts")),
        |task: &mut PlanTask| task.working_directory = Some("elsewhere".to_owned()),
        |task: &mut PlanTask| task.uses = vec!["check".to_owned()],
    ] {
        let found = changed(|plan| {
            plan.tasks[2].name = "put".to_owned();
            change(&mut plan.tasks[2]);
        });
        has(&found, "put", WeakeningKind::Command);
    }
    let same = changed(|plan| plan.tasks[2].name = "put".to_owned());
    assert_eq!(same, Vec::new());
}

#[test]
fn a_free_task_that_is_gone_hides_no_other_command() {
    let found = changed(|plan| {
        plan.tasks[2].name = "put".to_owned();
        plan.tasks[2].work = Work::run(["scripts/other"]);
        plan.tasks[2].environment.clear();
        plan.tasks.remove(0);
    });
    has(&found, "put", WeakeningKind::Command);
}

#[test]
fn another_input_does_not_open_a_gate() {
    let (before, after) = with_inputs(|plan| {
        plan.tasks[1].approval = Some(Gate {
            when: Some("inputs.target == 'staging'".to_owned()),
            ..approvers(GatePhase::AfterResult)
        });
    });
    has(&found(&before, &after), "check", WeakeningKind::Policy);
}

#[test]
fn another_input_reaches_a_shell_behind_a_gate() {
    let (before, after) = with_inputs(|plan| {
        plan.tasks[2].work = Work::Shell {
            program: "sh".to_owned(),
            script: "deploy \"$WATCHBILL_INPUT_TARGET\"".to_owned(),
        };
    });
    has(&found(&before, &after), "publish", WeakeningKind::Command);
}

#[test]
fn another_input_starts_nothing_behind_a_gate() {
    let (before, after) = with_inputs(|plan| {
        plan.tasks[2].when = Some("inputs.target == 'production'".to_owned());
    });
    has(&found(&before, &after), "publish", WeakeningKind::Condition);
}

#[test]
fn a_secret_is_signed_for_one_command() {
    for change in [
        |task: &mut PlanTask| task.work = Work::run(["scripts/other"]),
        |task: &mut PlanTask| task.environment.push(text("BASH_ENV", "scripts/x")),
        |task: &mut PlanTask| task.working_directory = Some("elsewhere".to_owned()),
        |task: &mut PlanTask| task.uses = vec!["check".to_owned()],
    ] {
        let mut before = release();
        before.tasks[0].environment = vec![secret("KEY")];
        let mut after = before.clone();
        change(&mut after.tasks[0]);
        has(&found(&before, &after), "notes", WeakeningKind::Secret);
    }
}

#[test]
fn of_two_gates_over_the_same_command_both_are_asked() {
    let gate = |group: &str| {
        Gate::new(
            GatePhase::AfterResult,
            vec![Signer::Group(group.to_owned())],
        )
    };
    let review = |name: &str, gate: Gate| PlanTask {
        work: Work::run(["scripts/review"]),
        approval: Some(gate),
        ..task(name, &[])
    };
    let before = plan(vec![
        review("security", gate("security")),
        review("legal", gate("legal")),
        task("publish", &["security", "legal"]),
    ]);
    let after = plan(vec![
        review("review", gate("friends")),
        task("publish", &["review"]),
    ]);
    let found = found(&before, &after);
    for group in ["security", "legal"] {
        let asked = found.iter().any(|w| w.gates.contains(&gate(group)));
        assert!(asked, "{group} is not asked: {found:#?}");
    }
}

#[test]
fn a_task_with_a_gate_is_not_left_out_while_another_waits_for_it() {
    let mut before = release();
    before.tasks[2].join = Join::AllDone;
    let mut after = before.clone();
    after.tasks[1].when = Some("false".to_owned());
    has(&found(&before, &after), "check", WeakeningKind::Condition);
}

#[test]
fn a_command_does_not_move_into_the_task_that_its_gate_looks_at() {
    for change in [
        (|plan| plan.tasks.truncate(2)) as fn(&mut Plan),
        |plan| plan.tasks[2].work = Work::run(["true"]),
        |_| {},
    ] {
        let found = changed(|plan| {
            plan.tasks[1].work = plan.tasks[2].work.clone();
            change(plan);
        });
        has(&found, "check", WeakeningKind::Gate);
        let found = changed(|plan| {
            plan.tasks[1].work = Work::run(["scripts/publish", "--now"]);
            change(plan);
        });
        has(&found, "check", WeakeningKind::Gate);
    }
}

/// `publish` is filled by `text`, which stands beside the gate or in front of it.
fn filled(beside: bool) -> (Plan, Plan) {
    let mut before = release();
    before.tasks.push(task("text", &[]));
    before.tasks[2].work = Work::run(["scripts/publish", "{{ tasks.text.outputs.of }}"]);
    let needed_by = if beside { 2 } else { 1 };
    before.tasks[needed_by].needs.push("text".to_owned());
    let mut after = before.clone();
    after.tasks[3].work = Work::run(["scripts/other"]);
    (before, after)
}

#[test]
fn a_task_beside_a_gate_does_not_fill_a_command_behind_it_otherwise() {
    let (before, after) = filled(true);
    let told = weakenings(Some(&before), &[], &after, |_| true);
    has(&told, "publish", WeakeningKind::Command);
    let (before, after) = filled(false);
    assert_eq!(weakenings(Some(&before), &[], &after, |_| true), Vec::new());
    let (mut before, mut after) = filled(true);
    for plan in [&mut before, &mut after] {
        plan.tasks[2].work = Work::run(["scripts/publish"]);
        plan.tasks[2].uses = vec!["text".to_owned()];
    }
    let told = weakenings(Some(&before), &[], &after, |_| true);
    has(&told, "publish", WeakeningKind::Command);
}
