//! `watchbill plan what-if`: a draft on what already happened, and mistakes in asking for it.

use std::process::Output;

use engine::Engine;
use engine::lifecycle::{claim, finish};
use engine::tasks::{AttemptResult, Finish, WorkerIdentity};
use model::id::RunKey;
use model::identity::Principal;
use model::task::Outcome;
use serde_json::json;

use crate::support::Home;

const STORED: &str = "plan: nightly\ntasks:\n  change:\n    run: [change]\n";
const DRAFT: &str =
    "plan: nightly\ntasks:\n  change:\n    run: [change]\n    approval:\n      when: cost > 10\n";
/// Where the text of a plan stands, as seen from where the commands run.
const FILE: &str = "marks/plan.yaml";

/// Runs `watchbill plan …` beside a file with this text.
fn plan(home: &Home, text: &str, words: &[&str]) -> Output {
    std::fs::write(home.marks().join("plan.yaml"), text).expect("a file");
    home.command("plan").args(words).output().expect("it runs")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn log(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A run of the stored plan whose step ended well and reported this cost, and its readable id.
async fn result(engine: &Engine, cost: u32) -> (RunKey, String) {
    let run = engine::lifecycle::start(engine, &Principal::system("test"), "nightly", json!({}))
        .await
        .expect("a run");
    let worker = WorkerIdentity {
        id: engine.random.uuid(),
        name: "test".to_owned(),
        labels: Vec::new(),
    };
    let lease = claim(engine, &worker, 1).await.expect("a claim")[0].lease;
    let result = AttemptResult {
        report: Some(json!({ "cost": cost })),
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish(engine, vec![Finish { lease, result }])
        .await
        .expect("a finish");
    run
}

async fn count(engine: &Engine, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(&engine.pool)
        .await
        .expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_names_the_results_that_it_would_have_stopped() {
    let home = Home::new();
    let stored = plan(&home, STORED, &["apply", FILE]);
    assert!(stored.status.success(), "{}", log(&stored));
    let (engine, cluster) = home.engine().await;
    let mut runs = Vec::new();
    for cost in [500, 1, 20, 300] {
        runs.push(result(&engine, cost).await);
    }
    let (old, _) = &runs[0];
    sqlx::query("UPDATE runs SET created_at = created_at - interval '40 days' WHERE id = $1")
        .bind(old.0)
        .execute(&engine.pool)
        .await
        .expect("it ages");
    for (last, sentence, stopped) in [
        (
            "30d",
            "would have stopped 2 of 3 results of nightly",
            &[3, 2][..],
        ),
        (
            "50d",
            "would have stopped 3 of 4 results of nightly",
            &[3, 2, 0],
        ),
    ] {
        let tried = plan(&home, DRAFT, &["what-if", FILE, "--last", last]);
        let told = told(&tried);
        assert!(tried.status.success(), "{told}{}", log(&tried));
        let first = told.lines().next().expect("a line");
        assert!(
            first.starts_with(sentence) && first.ends_with("; 0 did stop"),
            "{told}"
        );
        let named: Vec<&str> = told
            .lines()
            .filter(|line| line.starts_with("stops "))
            .filter_map(|line| line.split_whitespace().nth(3))
            .collect();
        let expected: Vec<&str> = stopped
            .iter()
            .map(|at: &usize| runs[*at].1.as_str())
            .collect();
        assert_eq!(named, expected, "{told}");
        assert_eq!(told.lines().count(), stopped.len() + 1, "{told}");
    }
    for (what, sql, expected) in [
        ("versions", "SELECT count(*) FROM plan_versions", 1),
        ("requests", "SELECT count(*) FROM approvals", 0),
    ] {
        assert_eq!(count(&engine, sql).await, expected, "{what}");
    }
    engine.pool.close().await;
    cluster.leave().await;
}

#[test]
fn a_mistake_in_a_draft_is_told_by_line_and_column() {
    let home = Home::new();
    let draft = DRAFT.replace("    approval:", "    aproval:");
    let refused = plan(&home, &draft, &["what-if", FILE, "--last", "30d"]);
    assert_eq!(refused.status.code(), Some(1), "{}", log(&refused));
    assert_eq!(told(&refused), "");
    let log = log(&refused);
    assert!(
        log.lines().any(|line| {
            line.starts_with("marks/plan.yaml:5:5: ") && line.contains("did you mean 'approval'?")
        }),
        "{log}"
    );
}

#[test]
fn a_span_that_is_none_is_a_mistake_in_the_command_line() {
    let home = Home::new();
    for last in ["yesterday", "30", "1.5d"] {
        let refused = plan(&home, DRAFT, &["what-if", FILE, "--last", last]);
        let log = log(&refused);
        assert_eq!(refused.status.code(), Some(2), "{last}: {log}");
        assert!(log.contains(&format!("'{last}'")), "{last}: {log}");
        assert_eq!(told(&refused), "");
    }
}

/// Refused or answered with all there is.
#[test]
fn a_span_from_before_all_calendars_ends_in_no_panic() {
    let home = Home::new();
    let tried = plan(&home, DRAFT, &["what-if", FILE, "--last", "100000000d"]);
    let log = log(&tried);
    assert!(
        matches!(tried.status.code(), Some(0 | 2)) && !log.contains("panicked"),
        "{:?}: {log}",
        tried.status
    );
}
