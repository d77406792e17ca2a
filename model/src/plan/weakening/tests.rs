//! The ways around a gate that were thought of, each by its name.

use super::{Weakening, WeakeningKind, weakenings};
use crate::identity::Role;
use crate::plan::{
    EnvironmentValue, EnvironmentVariable, Gate, InputDefinition, InputKind, Join, Plan, PlanTask,
    RequesterRule, RiskLevel, RiskRule, Signer, Work,
};
use crate::task::GatePhase;

pub(super) fn plan(tasks: Vec<PlanTask>) -> Plan {
    Plan {
        name: "release".to_owned(),
        description: String::new(),
        timezone: "UTC".to_owned(),
        run_id: "release-{date}".to_owned(),
        inputs: Vec::new(),
        triggers: Vec::new(),
        tasks,
    }
}

pub(super) fn task(name: &str, needs: &[&str]) -> PlanTask {
    PlanTask {
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        ..PlanTask::new(name, Work::run([format!("scripts/{name}")]))
    }
}

pub(super) fn approvers(phase: GatePhase) -> Gate {
    Gate::new(phase, vec![Signer::Role(Role::Approver)])
}

fn variable(name: &str, value: EnvironmentValue) -> EnvironmentVariable {
    EnvironmentVariable {
        name: name.to_owned(),
        value,
    }
}

pub(super) fn text(name: &str, value: &str) -> EnvironmentVariable {
    variable(name, EnvironmentValue::Text(value.to_owned()))
}

pub(super) fn secret(name: &str) -> EnvironmentVariable {
    variable(name, EnvironmentValue::Secret(name.to_owned()))
}

/// `notes` is free, `check` has its result looked at, `publish` follows it, and `deploy`
/// follows that and is looked at before it starts.
fn release() -> Plan {
    let mut tasks = vec![
        task("notes", &[]),
        task("check", &[]),
        task("publish", &["check"]),
        task("deploy", &["publish"]),
    ];
    tasks[1].approval = Some(approvers(GatePhase::AfterResult));
    tasks[2].environment = vec![text("TARGET", "production"), secret("KEY")];
    tasks[3].approval = Some(approvers(GatePhase::BeforeStart));
    plan(tasks)
}

fn at<'a>(plan: &'a mut Plan, name: &str) -> &'a mut PlanTask {
    plan.tasks
        .iter_mut()
        .find(|task| task.name == name)
        .expect("a task of the plan")
}

fn found(change: impl FnOnce(&mut Plan)) -> Vec<Weakening> {
    let before = release();
    let mut after = release();
    change(&mut after);
    weakenings(Some(&before), &[], &after, |_| false)
}

fn kinds(found: &[Weakening]) -> Vec<(&str, WeakeningKind)> {
    found.iter().map(|w| (w.task.as_str(), w.kind)).collect()
}

#[track_caller]
fn has(found: &[Weakening], task: &str, kind: WeakeningKind) {
    let of = found.iter().find(|w| w.task == task && w.kind == kind);
    let of = of.unwrap_or_else(|| panic!("{task} {kind:?} is not in {found:#?}"));
    assert!(!of.sentence.is_empty());
    assert!(!of.gates.is_empty(), "somebody must sign {of:?}");
}

#[track_caller]
fn nothing(change: impl FnOnce(&mut Plan)) {
    assert_eq!(found(change), Vec::new());
}

#[test]
fn a_gate_is_removed() {
    let found = found(|plan| at(plan, "check").approval = None);
    has(&found, "check", WeakeningKind::Gate);
    has(&found, "publish", WeakeningKind::Gate);
    has(&found, "deploy", WeakeningKind::Gate);
    assert_eq!(
        found[0].sentence,
        "check: nobody is asked any more about its result"
    );
    assert_eq!(
        found[1].sentence,
        "publish: it no longer stands behind the approval of check"
    );
}

#[test]
fn a_need_is_dropped() {
    let found = found(|plan| at(plan, "publish").needs.clear());
    has(&found, "publish", WeakeningKind::Gate);
    has(&found, "deploy", WeakeningKind::Gate);
    assert_eq!(found.len(), 2);
}

#[test]
fn a_task_is_put_between_that_does_not_wait() {
    let between = |need: &[&str]| {
        let middle = task("middle", need);
        found(move |plan| {
            at(plan, "publish").needs = vec!["middle".to_owned()];
            plan.tasks.push(middle);
        })
    };
    has(&between(&[]), "publish", WeakeningKind::Gate);
    assert_eq!(
        between(&["check"]),
        Vec::new(),
        "one that waits hides nothing"
    );
}

#[test]
fn a_task_is_put_between_that_only_waits() {
    let found = found(|plan| {
        let mut middle = task("middle", &["check"]);
        middle.join = Join::AllDone;
        plan.tasks.push(middle);
        at(plan, "publish").needs = vec!["middle".to_owned()];
    });
    has(&found, "publish", WeakeningKind::Join);
}

#[test]
fn a_join_takes_a_refusal_for_an_answer() {
    let found = found(|plan| at(plan, "publish").join = Join::AllDone);
    has(&found, "publish", WeakeningKind::Join);
    assert_eq!(
        found[0].sentence,
        "publish: it starts whatever is decided about check, and needed its approval"
    );
}

#[test]
fn a_join_is_met_by_another_need() {
    let other = found(|plan| {
        let publish = at(plan, "publish");
        publish.join = Join::AnySucceeded;
        publish.needs.push("notes".to_owned());
    });
    has(&other, "publish", WeakeningKind::Join);
    nothing(|plan| at(plan, "publish").join = Join::AnySucceeded);
    nothing(|plan| {
        plan.tasks.push(task("other", &["check"]));
        let publish = at(plan, "publish");
        publish.join = Join::AnySucceeded;
        publish.needs.push("other".to_owned());
    });
}

#[test]
fn a_task_gets_another_name_and_loses_its_gate() {
    let found = found(|plan| {
        let deploy = at(plan, "deploy");
        deploy.name = "ship".to_owned();
        deploy.approval = None;
    });
    has(&found, "ship", WeakeningKind::Gate);
}

#[test]
fn a_task_gets_another_name_and_another_command() {
    let without = found(|plan| {
        let deploy = at(plan, "deploy");
        *deploy = task("ship", &["publish"]);
    });
    has(&without, "ship", WeakeningKind::Gate);
    let with = found(|plan| {
        let deploy = at(plan, "deploy");
        let gate = deploy.approval.take();
        *deploy = task("ship", &["publish"]);
        deploy.approval = gate;
    });
    has(&with, "ship", WeakeningKind::Command);
}

#[test]
fn another_name_alone_is_no_weakening() {
    nothing(|plan| at(plan, "deploy").name = "ship".to_owned());
    nothing(|plan| {
        at(plan, "check").name = "look".to_owned();
        at(plan, "publish").needs = vec!["look".to_owned()];
    });
    nothing(|plan| {
        at(plan, "publish").name = "put".to_owned();
        at(plan, "deploy").needs = vec!["put".to_owned()];
    });
}

#[test]
fn a_command_is_copied_to_a_new_task() {
    let work = Work::run(["scripts/deploy"]);
    has(
        &found(|plan| plan.tasks.push(PlanTask::new("now", work.clone()))),
        "now",
        WeakeningKind::Gate,
    );
    let shell = Work::run(["scripts/deploy", "--now"]);
    has(
        &found(|plan| plan.tasks.push(PlanTask::new("now", shell))),
        "now",
        WeakeningKind::Gate,
    );
    nothing(|plan| plan.tasks.push(task("elsewhere", &[])));
}

#[test]
fn a_script_is_started_by_hand() {
    let mut before = release();
    at(&mut before, "deploy").work = Work::Shell {
        program: "bash".to_owned(),
        script: "make deploy".to_owned(),
    };
    let mut after = before.clone();
    after.tasks.push(PlanTask::new(
        "now",
        Work::run(["bash", "-c", "make deploy"]),
    ));
    has(
        &weakenings(Some(&before), &[], &after, |_| false),
        "now",
        WeakeningKind::Gate,
    );
}

#[test]
fn a_gate_moves_from_the_start_to_the_result() {
    let found = found(|plan| at(plan, "deploy").approval = Some(approvers(GatePhase::AfterResult)));
    has(&found, "deploy", WeakeningKind::Policy);
}

#[test]
fn risk_learns_auto() {
    let found = found(|plan| {
        let gate = at(plan, "check").approval.as_mut().expect("a gate");
        gate.risk = vec![RiskRule {
            when: None,
            level: RiskLevel::Auto,
        }];
    });
    has(&found, "check", WeakeningKind::Policy);
    assert_eq!(
        found[0].sentence,
        "the approval of check: rules of risk say how many must sign"
    );
    assert_eq!(
        found.len(),
        1,
        "said once, for all that stands behind it: {found:#?}"
    );
    assert_eq!(found[0].gates, vec![approvers(GatePhase::AfterResult)]);
}

#[test]
fn the_requester_may_sign() {
    let found = found(|plan| {
        let gate = at(plan, "deploy").approval.as_mut().expect("a gate");
        gate.requester = RequesterRule::Allowed;
    });
    assert_eq!(kinds(&found), [("deploy", WeakeningKind::Policy)]);
}

#[test]
fn two_tasks_swap_their_commands() {
    let found = found(|plan| {
        let free = at(plan, "notes").work.clone();
        let gated = std::mem::replace(&mut at(plan, "deploy").work, free);
        at(plan, "notes").work = gated;
    });
    has(&found, "notes", WeakeningKind::Gate);
    has(&found, "deploy", WeakeningKind::Command);
}

#[test]
fn two_tasks_swap_their_names() {
    let found = found(|plan| {
        at(plan, "notes").name = "other".to_owned();
        at(plan, "deploy").name = "notes".to_owned();
        at(plan, "other").name = "deploy".to_owned();
    });
    has(&found, "deploy", WeakeningKind::Gate);
}

#[test]
fn a_free_task_is_given_what_a_gated_one_had() {
    let text = found(|plan| at(plan, "notes").environment = vec![text("TARGET", "production")]);
    has(&text, "notes", WeakeningKind::Gate);
    let before = release();
    let mut after = release();
    at(&mut after, "notes").environment = vec![variable(
        "OTHER",
        EnvironmentValue::Secret("KEY".to_owned()),
    )];
    let secret = weakenings(Some(&before), &[], &after, |_| true);
    has(&secret, "notes", WeakeningKind::Gate);
}

#[test]
fn a_command_behind_a_gate_changes() {
    for change in [
        (|task: &mut PlanTask| task.work = Work::run(["scripts/other"])) as fn(&mut PlanTask),
        |task| task.environment = vec![text("TARGET", "elsewhere"), secret("KEY")],
        |task| task.working_directory = Some("elsewhere".to_owned()),
        |task| task.uses = vec!["notes".to_owned()],
    ] {
        let behind = found(|plan| change(at(plan, "publish")));
        has(&behind, "publish", WeakeningKind::Command);
        assert_eq!(behind[0].gates, vec![approvers(GatePhase::AfterResult)]);
    }
}

#[test]
fn a_command_in_front_of_a_gate_changes() {
    nothing(|plan| at(plan, "check").work = Work::run(["scripts/other"]));
    let mut before = release();
    let gate = at(&mut before, "check").approval.as_mut().expect("a gate");
    gate.when = Some("diff_size > 0".to_owned());
    let mut after = before.clone();
    at(&mut after, "check").work = Work::run(["scripts/other"]);
    has(
        &weakenings(Some(&before), &[], &after, |_| false),
        "check",
        WeakeningKind::Command,
    );
}

#[test]
fn a_command_far_in_front_of_a_condition_changes() {
    let mut before = release();
    before.tasks[1].needs = vec!["notes".to_owned()];
    before.tasks[1].approval.as_mut().expect("a gate").risk = vec![RiskRule {
        when: Some("diff_size < 5".to_owned()),
        level: RiskLevel::Auto,
    }];
    let mut after = before.clone();
    at(&mut after, "notes").work = Work::run(["scripts/other"]);
    has(
        &weakenings(Some(&before), &[], &after, |_| false),
        "notes",
        WeakeningKind::Command,
    );
}

#[test]
fn a_command_behind_a_gate_is_filled_otherwise() {
    let mut before = release();
    before.inputs = vec![InputDefinition {
        name: "target".to_owned(),
        description: String::new(),
        kind: InputKind::String,
        required: false,
        default: Some("staging".into()),
    }];
    at(&mut before, "publish").work = Work::run(["scripts/publish", "{{ inputs.target }}"]);
    let mut after = before.clone();
    after.inputs[0].description = "where to".to_owned();
    assert_eq!(
        weakenings(Some(&before), &[], &after, |_| false),
        Vec::new()
    );
    after.inputs[0].default = Some("production".into());
    has(
        &weakenings(Some(&before), &[], &after, |_| false),
        "publish",
        WeakeningKind::Command,
    );
}

#[test]
fn a_condition_behind_a_gate_changes() {
    let mut before = release();
    at(&mut before, "publish").when = Some("inputs.sure".to_owned());
    let mut after = before.clone();
    for when in [None, Some("true".to_owned())] {
        at(&mut after, "publish").when = when;
        has(
            &weakenings(Some(&before), &[], &after, |_| false),
            "publish",
            WeakeningKind::Condition,
        );
    }
    nothing(|plan| at(plan, "publish").when = Some("inputs.sure".to_owned()));
}

#[test]
fn a_gated_task_is_left_out_while_another_only_waits_for_it() {
    let mut before = release();
    at(&mut before, "publish").join = Join::AllDone;
    at(&mut before, "check").approval = Some(approvers(GatePhase::BeforeStart));
    let mut after = before.clone();
    at(&mut after, "check").when = Some("false".to_owned());
    has(
        &weakenings(Some(&before), &[], &after, |_| false),
        "check",
        WeakeningKind::Condition,
    );
}

#[test]
fn a_secret_is_named_for_the_first_time() {
    let name = |plan: &mut Plan| at(plan, "notes").environment = vec![secret("OTHER")];
    let found = found(name);
    assert_eq!(kinds(&found), [("notes", WeakeningKind::Secret)]);
    assert_eq!(found[0].sentence, "notes: it is given the secret OTHER");
    assert_eq!(found[0].gates.len(), 2, "no gate is near: all of them sign");
    let (before, mut after) = (release(), release());
    name(&mut after);
    let allowed = |secret: &str| secret == "OTHER";
    assert_eq!(weakenings(Some(&before), &[], &after, allowed), Vec::new());
}

#[test]
fn a_new_plan_is_compared_with_an_empty_one() {
    let found = weakenings(None, &[], &release(), |_| false);
    assert_eq!(kinds(&found), [("publish", WeakeningKind::Secret)]);
    assert_eq!(found[0].gates, Vec::new());
    assert_eq!(weakenings(None, &[], &release(), |_| true), Vec::new());
}

#[test]
fn two_gates_become_one() {
    let gated = |name: &str| PlanTask {
        work: Work::run(["scripts/check"]),
        approval: Some(approvers(GatePhase::AfterResult)),
        ..task(name, &[])
    };
    let before = plan(vec![gated("a"), gated("b"), task("last", &["a", "b"])]);
    let after = plan(vec![gated("c"), task("last", &["c"])]);
    let found = weakenings(Some(&before), &[], &after, |_| false);
    assert_eq!(kinds(&found), [("last", WeakeningKind::Gate)]);
}

#[test]
fn what_asks_nobody_less_is_nothing() {
    nothing(|plan| {
        plan.description = "other".to_owned();
        plan.timezone = "Europe/Paris".to_owned();
        let publish = at(plan, "publish");
        publish.queue = "slow".to_owned();
        publish.priority = 7;
        publish.labels = vec!["big".to_owned()];
        publish.timeout_seconds = 7;
        publish.retries.max = 3;
    });
    nothing(|plan| plan.tasks.reverse());
    nothing(|plan| {
        plan.tasks.pop();
    });
}
