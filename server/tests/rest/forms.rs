//! Forms of the pages, over the whole router.

use axum::http::StatusCode;
use engine::history::identical_requests;
use engine::lifecycle::{claim, finish, save, start};
use engine::plans::PlanOrigin;
use engine::tasks::digest::hex;
use engine::tasks::{AttemptResult, Finish, WorkerIdentity};
use model::id::ApprovalId;
use model::identity::{Principal, Role};
use model::task::Outcome;
use serde_json::json;
use sqlx::PgPool;

use crate::house::{House, settings};

fn digest(value: &str) -> &str {
    value.split(':').nth(1).expect("a digest")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn one_answer_signs_what_is_identical(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let (first, value) = house.waiting().await;
    let (second, _) = house.waiting().await;
    let (third, _) = house.waiting().await;
    // The third one has been decided meanwhile.
    let fields = [("digest", digest(&value)), ("verdict", "approve")];
    let path = format!("/approvals/{third}/decide");
    let alone = house.form("approver", &path, &fields).await;
    assert_eq!(alone.status, StatusCode::SEE_OTHER, "{}", alone.text);

    let also = format!("{second} {third} 999");
    let fields = [
        ("digest", digest(&value)),
        ("verdict", "approve"),
        ("also", also.as_str()),
    ];
    let path = format!("/approvals/{first}/decide");
    let answered = house.form("approver", &path, &fields).await;
    assert_eq!(answered.status, StatusCode::CONFLICT);
    assert!(
        answered
            .text
            .contains("approval 999 (it does not wait for exactly the same)"),
        "what was missed is said"
    );
    let approved = house
        .count("SELECT count(*) FROM approvals WHERE state = 'approved'")
        .await;
    assert_eq!(approved, 3);
    assert_eq!(house.decisions().await, 3, "nobody answered twice");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_same_words_in_another_run_or_version_are_not_identical(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let system = Principal::system("test");
    let worker = WorkerIdentity {
        id: house.engine.random.uuid(),
        name: "test".to_owned(),
        labels: Vec::new(),
    };
    // Each start is of the version before it, with these inputs; all results are the same.
    let starts = [
        ("", "staging"),
        ("", "staging"),
        ("", "prod --wipe"),
        ("  more: {needs: [a], run: [more]}\n", "staging"),
    ];
    let mut stored = None;
    for (more, environment) in starts {
        let text = format!(
            "plan: release\ninputs: {{env: {{type: string, default: staging}}}}\ntasks:\n  a: {{run: [a], \
             approval: {{}}}}\n  pub: {{needs: [a], run: [deploy, '{{{{ inputs.env }}}}']}}\n{more}"
        );
        if stored.as_ref() != Some(&text) {
            save(
                &house.engine,
                &system,
                "release",
                &text,
                None,
                PlanOrigin::Api,
            )
            .await
            .expect("a version");
            stored = Some(text);
        }
        start(
            &house.engine,
            &system,
            "release",
            json!({ "env": environment }),
        )
        .await
        .expect("a run");
        let lease = claim(&house.engine, &worker, 1).await.expect("a claim")[0].lease;
        let result = AttemptResult::bare(Outcome::Succeeded);
        finish(&house.engine, vec![Finish { lease, result }])
            .await
            .expect("a finish");
    }
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT id, digest FROM approvals WHERE state = 'pending' ORDER BY id")
            .fetch_all(&house.engine.pool)
            .await
            .expect("requests");
    let ids: Vec<ApprovalId> = rows.iter().map(|row| ApprovalId(row.0)).collect();
    assert!(rows.iter().all(|row| row.1 == rows[0].1), "one result");
    let identical = identical_requests(&house.engine, &system, ids[0])
        .await
        .expect("a list");
    assert_eq!(identical, [ids[1]]);

    let digest = hex(&rows[0].1);
    let also = ids[1..].iter().map(ToString::to_string).collect::<Vec<_>>();
    let also = also.join(" ");
    let fields = [
        ("digest", digest.as_str()),
        ("verdict", "approve"),
        ("also", also.as_str()),
    ];
    let path = format!("/approvals/{}/decide", ids[0]);
    let answered = house.form("approver", &path, &fields).await;
    assert_eq!(answered.status, StatusCode::CONFLICT, "{}", answered.text);
    let approved: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM approvals WHERE state = 'approved' ORDER BY id")
            .fetch_all(&house.engine.pool)
            .await
            .expect("requests");
    assert_eq!(approved, [ids[0].0, ids[1].0]);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_way_back_keeps_the_order_and_a_late_answer_is_told_in_french(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    house.person("admin", Role::Admin, None).await;
    let (id, value) = house.waiting().await;
    let path = format!("/approvals/{id}/decide");
    // What outside orchestrators report needs no note to be refused.
    let fields = [
        ("digest", digest(&value)),
        ("verdict", "reject"),
        ("group", "plan"),
    ];
    let refused = house.form("approver", &path, &fields).await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER, "{}", refused.text);
    assert_eq!(
        refused.location,
        Some(format!("/approvals/{id}?group=plan"))
    );
    let late = house.form("fr admin", &path, &fields).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text.contains("La décision était déjà prise"));
    assert!(late.text.contains("approver"), "it says who decided");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn nobody_tries_a_draft_without_a_login(pool: PgPool) {
    let house = House::new(pool, settings());
    let fields = [("days", "30"), ("source", "plan: nightly")];
    let asked = house
        .form("nobody", "/plans/nightly/what-if", &fields)
        .await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER);
    assert_eq!(asked.location.as_deref(), Some("/login"));
}
