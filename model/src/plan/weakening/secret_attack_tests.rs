//! Ways to a secret by what is around the command that it was signed for, each closed.

use super::tests::{plan, secret, task, text};
use super::{WeakeningKind, weakenings};
use crate::plan::{InputDefinition, InputKind, Plan, PlanTask, Work};

/// `send` has a secret and is filled by `pre`, which needs `first`; `notes` has no part in it.
fn sent() -> Plan {
    let mut tasks = vec![
        task("first", &[]),
        task("pre", &["first"]),
        task("send", &["pre"]),
        task("notes", &[]),
    ];
    tasks[2].work = Work::run(["scripts/send", "{{ tasks.pre.outputs.text }}"]);
    tasks[2].environment = vec![secret("KEY"), text("TARGET", "here")];
    let mut plan = plan(tasks);
    plan.inputs = vec![choice(&["id", "date"])];
    plan
}

fn choice(of: &[&str]) -> InputDefinition {
    InputDefinition {
        name: "command".to_owned(),
        description: String::new(),
        kind: InputKind::Choice(of.iter().map(|one| (*one).to_owned()).collect()),
        required: true,
        default: None,
    }
}

/// Tells if anybody is asked about the secret after this change.
fn asked(change: impl Fn(&mut Plan)) -> bool {
    asked_from(&sent(), change)
}

fn asked_from(before: &Plan, change: impl Fn(&mut Plan)) -> bool {
    let mut after = before.clone();
    change(&mut after);
    let found = weakenings(Some(before), &[], &after, |_| false);
    found
        .iter()
        .any(|w| w.task == "send" && w.kind == WeakeningKind::Secret)
}

#[test]
fn a_looser_input_is_another_use_of_a_secret() {
    for change in [
        (|plan| plan.inputs[0].kind = InputKind::String) as fn(&mut Plan),
        |plan| plan.inputs = vec![choice(&["id", "date", "env"])],
        |plan| plan.inputs.clear(),
        |plan| plan.inputs[0].default = Some("date".into()),
        |plan| {
            let mut other = choice(&["id"]);
            other.name = "other".to_owned();
            plan.inputs.push(other);
        },
    ] {
        assert!(asked(change));
    }
    assert!(!asked(
        |plan| plan.inputs[0].description = "of a tool".to_owned()
    ));
}

#[test]
fn what_fills_a_command_is_part_of_the_use_of_a_secret() {
    let changes: [fn(&mut PlanTask); 5] = [
        |task| task.work = Work::run(["scripts/other"]),
        |task| task.environment = vec![text("A", "b")],
        |task| task.working_directory = Some("elsewhere".to_owned()),
        |task| task.uses = vec!["notes".to_owned()],
        |task| task.when = Some("false".to_owned()),
    ];
    for change in changes {
        assert!(asked(|plan| change(&mut plan.tasks[1])), "the one it names");
        assert!(asked(|plan| change(&mut plan.tasks[0])), "one before that");
        assert!(!asked(|plan| change(&mut plan.tasks[3])), "one beside it");
    }
    assert!(asked(|plan| plan.tasks[1].needs = vec!["notes".to_owned()]));
    assert!(asked(|plan| {
        plan.tasks.remove(1);
        plan.tasks[1].needs.clear();
    }));
}

#[test]
fn a_template_that_names_no_task_means_all_of_them() {
    for text in [
        "{% set all = tasks %}{{ all.notes.outputs.text }}",
        "{{ tasks[inputs.command].outputs.text }}",
        "{{ tasks['pre' ~ inputs.command] }}",
        "{{ tasks|list }}",
        "{{ tasks.items() }}",
        "{{ tasks [ \"no\" ~ 'tes' ] }}",
        // It need not wait for a task to read it.
        "{{ tasks.notes.outputs.text }}",
        "{{ tasks['notes'].outputs.text }}",
    ] {
        let mut before = sent();
        before.tasks[2].work = Work::run(["scripts/send", text]);
        let other = |plan: &mut Plan| plan.tasks[3].work = Work::run(["scripts/other"]);
        assert!(asked_from(&before, other), "{text}");
    }
}

#[test]
fn a_text_of_the_environment_and_used_files_fill_as_well() {
    let mut before = sent();
    before.tasks[2].work = Work::Shell {
        program: "sh".to_owned(),
        script: "eval \"$C\"".to_owned(),
    };
    let other = |plan: &mut Plan| plan.tasks[1].work = Work::run(["scripts/other"]);
    assert!(!asked_from(&before, other));
    let mut by_text = before.clone();
    by_text.tasks[2]
        .environment
        .push(text("C", "{{ tasks.pre.outputs.c }}"));
    assert!(asked_from(&by_text, other));
    before.tasks[2].uses = vec!["pre".to_owned()];
    assert!(asked_from(&before, other));
}

#[test]
fn a_secret_stays_in_its_variable() {
    for name in ["https_proxy", "PATH"] {
        assert!(asked(
            |plan| plan.tasks[2].environment[0].name = name.to_owned()
        ));
        assert!(asked(|plan| {
            let mut second = secret("KEY");
            second.name = name.to_owned();
            plan.tasks[2].environment.push(second);
        }));
    }
    assert!(!asked(|plan| plan.tasks[2].environment.reverse()));
    assert!(!asked(|plan| plan.tasks[2].name = "send".to_owned()));
}
