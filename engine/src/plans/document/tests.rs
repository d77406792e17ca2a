//! The catalogue of bad plans, and what good ones become.

use std::fmt::Write as _;
use std::time::Instant;

use model::plan::{EnvironmentValue, Join, Misfire, Overlap, RetryOn, Schedule, Window, Work};
use model::task::GatePhase;

use super::{MAX_BYTES, PlanProblem, parse};

const GOOD: &str = r#"plan: nightly
description: What the agents check while we sleep
timezone: Europe/Paris
run_id: "nightly-{date}"
inputs:
  site: { type: string, default: examples/site }
  depth: { type: choice, choices: [one, all], default: one, description: How far }
triggers:
  - cron: "30 2 * * *"
    misfire: latest
    overlap: queue
  - every: 7m
    between: "06:00-23:00"
tasks:
  seo.validate:
    run: [scripts/seo-validate, --strict, "{{ inputs.site }}"]
    timeout: 15m
    retries: { max: 3, backoff: 30s, ceiling: 10m, on: [failure, not_found] }
    approval:
      when: outputs_uri.contains("/pull/")
      from: [role:approver]
      required: 1
      expires: 72h
  publish:
    needs: [seo.validate]
    join: all_done
    when: tasks["seo.validate"].approval == "approved"
    shell: { program: bash, script: "echo $BRANCH" }
    working_directory: site/public
    environment:
      BRANCH: "{{ tasks['seo.validate'].outputs.branch }}"
      TOKEN: { secret: DEPLOY_TOKEN }
    queue: slow
    priority: 5
    labels: [linux]
"#;

/// The problems, as they are printed.
pub(super) fn problems(text: &str) -> Vec<String> {
    parse(text)
        .expect_err("the plan is wrong")
        .iter()
        .map(PlanProblem::to_string)
        .collect()
}

#[track_caller]
pub(super) fn refused(text: &str, place: &str, words: &str) {
    let found = problems(text);
    assert!(
        found
            .iter()
            .any(|problem| problem.starts_with(place) && problem.contains(words)),
        "wanted {place} … {words}, found {found:#?}"
    );
}

/// A plan of one task with these lines under it, which start at line 4.
fn with_task(lines: &str) -> String {
    format!("plan: p\ntasks:\n  a:\n{lines}")
}

#[test]
fn reads_all_of_a_plan() {
    let plan = parse(GOOD).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(plan.name, "nightly");
    assert_eq!(plan.inputs.len(), 2);
    assert_eq!(plan.triggers[0].misfire, Misfire::Latest);
    assert_eq!(plan.triggers[0].overlap, Overlap::Queue);
    assert_eq!(plan.triggers[1].key, "every 7m between 06:00-23:00");
    assert_eq!(
        plan.triggers[1].schedule,
        Schedule::Every {
            every_seconds: 420,
            window: Some(Window {
                opens_minute: 360,
                closes_minute: 1380
            }),
        }
    );
    let names: Vec<&str> = plan.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["seo.validate", "publish"]);
    let first = &plan.tasks[0];
    assert_eq!(first.timeout_seconds, 900);
    assert_eq!(first.retries.on, [RetryOn::Failure, RetryOn::NotFound]);
    let gate = first.approval.as_ref().expect("a gate");
    assert_eq!(gate.phase, GatePhase::AfterResult);
    assert_eq!(gate.expires_seconds, Some(259_200));
    let second = &plan.tasks[1];
    assert_eq!(second.join, Join::AllDone);
    assert!(matches!(&second.work, Work::Shell { program, .. } if program == "bash"));
    assert_eq!(
        second.environment[1].value,
        EnvironmentValue::Secret("DEPLOY_TOKEN".to_owned())
    );
}

#[test]
fn fills_in_what_is_not_said() {
    let plan = parse("plan: p\ntasks: { a: { run: [x], approval: {} } }").expect("a plan");
    assert_eq!(plan.run_id, "p-{date}");
    assert_eq!(plan.timezone, "UTC");
    assert_eq!(plan.tasks[0].timeout_seconds, 3600);
    assert_eq!(plan.tasks[0].queue, "default");
    assert_eq!(
        plan.tasks[0].approval.as_ref().expect("a gate").from.len(),
        1
    );
}

#[test]
fn refuses_keys_with_line_and_column() {
    refused(
        "plan: p\ntasks:\n  a:\n    run: [x]\n    tiemout: 5m\n",
        "5:5: ",
        "did you mean 'timeout'?",
    );
    refused(
        "plan: p\ntasks:\n  a:\n    run: [x]\n    env: {}\n",
        "5:5: ",
        "'environment'",
    );
    refused(
        "plan: p\nplan: q\ntasks: {a: {run: [x]}}\n",
        "2:1: ",
        "second time",
    );
    refused(
        &with_task("    run: [x]\n  a:\n    run: [y]\n"),
        "5:3: ",
        "second time",
    );
    refused(&with_task("    http: {}\n"), "4:5: ", "not available yet");
    refused("tasks: {a: {run: [x]}}\n", "1:1: ", "'plan' is missing");
    refused("- plan\n", "1:", "");
    refused("plan: p\ntasks: [a]\n", "2:", "");
    refused("plan: {x: y}\ntasks: {a: {run: [x]}}\n", "1:", "");
}

#[test]
fn refuses_characters() {
    refused("plan: p\ntasks:\n\ta:\n", "3:1: ", "tab");
    refused(
        "plan: p\ntasks:\n  a:\n    run: [\"a\tb\"]\n",
        "4:13: ",
        "tab",
    );
    refused("\u{feff}plan: p\n", "1:1: ", "byte order mark");
    refused("plan: p\0\n", "1:8: ", "NUL");
    refused("plan: p\ntasks: {\"a\\u0000\": {run: [x]}}\n", "2:", "");
    refused("plan: p # \u{202e}\n", "1:11: ", "direction");
    refused("", "1:1: ", "empty");
    refused("  \n", "1:1: ", "empty");
    refused(
        "plan: p\ntasks: {a: {run: [x]}}\n---\nplan: q\n",
        "",
        "one plan",
    );
    refused("plan: \"p\ntasks:\n", "", "");
}

#[test]
fn refuses_bombs_quickly() {
    let mut laughs = "plan: p\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n".to_owned();
    for level in 1..12 {
        let before = format!("*x{}", level - 1);
        writeln!(
            laughs,
            "x{level}: &x{level} [{}]",
            vec![before; 10].join(", ")
        )
        .expect("a text");
    }
    laughs.push_str("tasks: *x11\n");
    let deep = format!(
        "plan: p\ntasks: {}{}\n",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let mapped = format!(
        "plan: p\ntasks: {}x{}\n",
        "{a: ".repeat(5_000),
        "}".repeat(5_000)
    );
    let merged = "plan: p\na: &a\n  <<: *a\ntasks: *a\n".to_owned();
    let long = format!("plan: p\ndescription: {}\n", "x".repeat(MAX_BYTES));
    let wide = format!("plan: p\ntasks: [{}]\n", "[],".repeat(300_000));
    for text in [laughs, deep, mapped, merged, long, wide] {
        let started = Instant::now();
        assert!(parse(&text).is_err());
        // The promise is for the build that people run; a loaded, unoptimised one is far slower.
        let limit = if cfg!(debug_assertions) { 10_000 } else { 100 };
        let took = started.elapsed().as_millis();
        assert!(took < limit, "{took} ms for {}", &text[..40]);
    }
}

#[test]
fn refuses_names() {
    let long = "a".repeat(65);
    for name in [
        "../x",
        "%2F",
        "-rf",
        "Upper",
        "a..b",
        "\u{0430}bc",
        "a b",
        "a/b",
        "",
        &long,
    ] {
        refused(
            &format!("plan: p\ntasks: {{\"{name}\": {{run: [x]}}}}\n"),
            "2:",
            "name",
        );
        refused(
            &format!("plan: \"{name}\"\nrun_id: x\ntasks: {{a: {{run: [x]}}}}\n"),
            "1:7: plan: ",
            "name",
        );
    }
    refused(
        "plan: My Plan\ntasks: {a: {run: [x]}}\n",
        "1:",
        "write 'my-plan'",
    );
}

#[test]
fn refuses_dependencies() {
    refused(
        &with_task("    run: [x]\n    needs: [b]\n"),
        "5:13: tasks.a.needs[0]: ",
        "no task 'b'",
    );
    refused(
        &with_task("    run: [x]\n    needs: [a]\n"),
        "5:13: ",
        "cannot need itself",
    );
    refused(
        "plan: p\ntasks:\n  a: {run: [x], needs: [c]}\n  b: {run: [x], needs: [a]}\n  c: {run: [x], needs: [b]}\n",
        "3:",
        "a → c → b → a",
    );
    refused(
        "plan: p\ntasks:\n  a: {run: [x]}\n  b: {run: [x], needs: [a, a]}\n",
        "4:28: tasks.b.needs[1]: ",
        "twice",
    );
    let mut many = "plan: p\ntasks:\n".to_owned();
    for task in 0..1_001 {
        writeln!(many, "  t{task}: {{run: [x]}}").expect("a text");
    }
    refused(&many, "3:3: tasks: ", "1001 tasks");
    // A long chain takes no stack.
    let mut chain = "plan: p\ntasks:\n  t0: {run: [x]}\n".to_owned();
    for task in 1..1_000 {
        writeln!(chain, "  t{task}: {{run: [x], needs: [t{}]}}", task - 1).expect("a text");
    }
    assert!(parse(&chain).is_ok());
}

#[test]
fn refuses_schedules() {
    let plan =
        |trigger: &str| format!("plan: p\ntriggers:\n  - {trigger}\ntasks: {{a: {{run: [x]}}}}\n");
    refused(
        &plan("cron: \"0 0 31 2 *\""),
        "3:11: triggers[0].cron: ",
        "never runs",
    );
    refused(
        &plan("cron: \"0 0 2 * * *\""),
        "3:11: ",
        "no field for seconds",
    );
    refused(&plan("cron: \"TZ=UTC 0 2 * * *\""), "3:11: ", "'timezone'");
    refused(
        &plan("{cron: \"0 2 * * *\", every: 7m}"),
        "3:",
        "two triggers",
    );
    refused(&plan("{misfire: all}"), "3:", "needs 'cron'");
    refused(&plan("{every: 7}"), "3:", "has no unit");
    refused(&plan("{every: 1s}"), "3:", "shortest");
    refused(
        &plan("{every: 7m, between: 06:00-23:00x}"),
        "3:",
        "active hours",
    );
    refused(
        &plan("{every: 7m, between: \"06:00-06:00\"}"),
        "3:",
        "empty",
    );
    refused(
        &plan("{every: 7m, overlap: both}"),
        "3:",
        "skip, queue, allow or cancel",
    );
    refused(
        &plan("{cron: \"0 2 * * *\", between: \"06:00-23:00\"}"),
        "3:",
        "goes with 'every'",
    );
    refused(
        "plan: p\ntriggers: [{every: 7m}, {every: 7m}]\ntasks: {a: {run: [x]}}\n",
        "2:",
        "already",
    );
    for zone in ["EST", "europe/paris", "Mars/Olympus", "../../etc/passwd"] {
        refused(
            &format!("plan: p\ntimezone: {zone}\ntasks: {{a: {{run: [x]}}}}\n"),
            "2:11: timezone: ",
            "zone",
        );
    }
}

#[test]
fn refuses_tasks() {
    refused(&with_task("    run: []\n"), "4:10: ", "empty");
    refused(&with_task("    run: [ls -l]\n"), "4:11: ", "no shell");
    refused(&with_task("    run: ls\n"), "4:", "");
    refused(&with_task("    description: x\n"), "4:", "needs 'run'");
    refused(
        &with_task("    run: [x]\n    timeout: 90\n"),
        "5:14: tasks.a.timeout: ",
        "write 90s",
    );
    refused(
        &with_task("    run: [x]\n    timeout: 0s\n"),
        "5:14: ",
        "between 1s and 7d",
    );
    refused(
        &with_task("    run: [x]\n    working_directory: ../up\n"),
        "5:24: ",
        "relative",
    );
    refused(
        &with_task("    run: [x]\n    environment: {PORT: 8080}\n"),
        "5:",
        "quotes",
    );
    refused(
        &with_task("    run: [x]\n    environment: {TOKEN: {sekret: X}}\n"),
        "5:",
        "secret",
    );
    refused(
        &with_task("    run: [x]\n    environment: {1A: x}\n"),
        "5:",
        "variable",
    );
    refused(
        &with_task("    run: [x]\n    environment: {WATCHBILL_X: x}\n"),
        "5:",
        "another name",
    );
    refused(
        &with_task("    run: [\"{{ site }}\"]\n"),
        "4:11: tasks.a.run[0]: ",
        "inputs.site",
    );
    refused(
        &with_task("    run: [x]\n    retries: {max: 2, backoff: 5m, ceiling: 1m}\n"),
        "5:",
        "shorter",
    );
    refused(
        &with_task("    run: [x]\n    retries: {max: -1}\n"),
        "5:",
        "",
    );
    refused(
        &with_task("    run: [x]\n    join: all_done\n"),
        "5:11: ",
        "needs",
    );
}

#[test]
fn refuses_conditions_and_gates() {
    refused(
        &with_task("    run: [x]\n    when: inputs.a ==\n"),
        "5:11: tasks.a.when: ",
        "not CEL",
    );
    refused(
        &with_task("    run: [x]\n    when: outputs.a == 1\n"),
        "5:11: ",
        "not 'outputs'",
    );
    refused(
        &with_task("    run: [x]\n    when: tasks[\"b\"].status == 'x'\n"),
        "5:11: ",
        "no task 'b'",
    );
    refused(
        "plan: p\ntasks:\n  a: {run: [x]}\n  b: {run: [x], when: \"tasks['a'].status == 'failed'\"}\n",
        "4:",
        "add it to",
    );
    refused(
        &with_task("    run: [x]\n    approval: {required: 0}\n"),
        "5:26: tasks.a.approval.required: ",
        "needs a signature",
    );
    refused(
        &with_task("    run: [x]\n    approval: {from: [user:lead@example.org], required: 2}\n"),
        "5:",
        "2 must sign, and only 1 may",
    );
    refused(
        &with_task("    run: [x]\n    approval: {from: [role:viewer]}\n"),
        "5:",
        "may not sign",
    );
    refused(
        &with_task("    run: [x]\n    approval: {on_expire: escalate, expires: 3h}\n"),
        "5:",
        "nobody to escalate to",
    );
}

#[test]
fn refuses_inputs_and_run_ids() {
    let plan = |inputs: &str| format!("plan: p\ninputs: {inputs}\ntasks: {{a: {{run: [x]}}}}\n");
    refused(
        &plan("{a: {type: integer, default: x}}"),
        "2:",
        "whole number",
    );
    refused(&plan("{a: {type: choice}}"), "2:", "choices");
    refused(&plan("{a: {type: text}}"), "2:", "string, integer");
    refused(&plan("{A: {type: string}}"), "2:", "input's name");
    refused(
        &plan("{a: {type: string, default: x, required: true}}"),
        "2:",
        "never missing",
    );
    refused(
        "plan: p\ninputs: {a: {type: string, required: true}}\ntriggers: [{every: 1h}]\ntasks: {a: {run: [x]}}\n",
        "2:",
        "default",
    );
    refused(
        "plan: p\nrun_id: a b\ntasks: {a: {run: [x]}}\n",
        "2:9: run_id: ",
        "letters",
    );
    refused(
        &format!("plan: {}\ntasks: {{a: {{run: [x]}}}}\n", "p".repeat(60)),
        "1:1: run_id: ",
        "71 characters",
    );
}

#[test]
fn reports_everything_at_once_in_order() {
    let found = problems(
        "plan: P\ntimezone: EST\ntasks:\n  a:\n    run: [x]\n    needs: [b]\n    timeout: 5\n",
    );
    assert_eq!(found.len(), 4, "{found:#?}");
    let lines: Vec<&str> = found.iter().map(|problem| &problem[..1]).collect();
    assert_eq!(lines, ["1", "2", "6", "7"]);
}
