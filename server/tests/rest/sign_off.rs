//! Signatures over both APIs: of several people, and answers that ask for changes.

use axum::http::Method;
use engine::lifecycle::{claim, finish};
use engine::tasks::{AttemptResult, Finish, NewTask, WorkerIdentity, enqueue};
use model::identity::{Principal, Role};
use model::plan::{Gate, Signer};
use model::task::{GatePhase, Outcome};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Api, definition};

/// A native task that has ended well and waits for two people.
pub async fn waiting_for_two(api: &Api) -> i64 {
    waiting_for(api, 2, Signer::Role(Role::Approver)).await
}

/// A native task that has ended well and waits for as many of these.
pub async fn waiting_for(api: &Api, required: u32, signer: Signer) -> i64 {
    let mut definition = definition("publish");
    definition.approval = Some(Gate {
        required,
        ..Gate::new(GatePhase::AfterResult, vec![signer])
    });
    let new = NewTask {
        definition,
        inputs: json!({}),
    };
    let task = enqueue(&api.engine, &Principal::system("test"), &[new])
        .await
        .expect("it is enqueued")[0];
    let worker = WorkerIdentity {
        id: api.engine.random.uuid(),
        name: "test".to_owned(),
        labels: Vec::new(),
    };
    let lease = claim(&api.engine, &worker, 1).await.expect("a claim")[0].lease;
    let result = AttemptResult::bare(Outcome::Succeeded);
    finish(&api.engine, vec![Finish { lease, result }])
        .await
        .expect("a finish");
    task.0
}

async fn pending(api: &Api) -> (i64, String) {
    let list = api
        .get("approver", "/api/v1/approvals")
        .await
        .expect(200)
        .json();
    let one = &list["pending"][0];
    let id = one["id"].as_i64().expect("one waits");
    (id, one["digest"].as_str().expect("a digest").to_owned())
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_first_signature_of_two_is_taken_and_decides_nothing(pool: PgPool) {
    let api = Api::new(pool).await;
    let task = waiting_for_two(&api).await;
    let (_, digest) = pending(&api).await;
    let approve = format!("/agents/tasks/{task}/approve?digest={digest}");
    let first = api.post("approver", &approve).await.expect(200).json();
    assert_eq!(first["status"], "awaiting_approval");
    assert_eq!(first["approval_state"], "pending");
    api.post("approver", &approve).await.expect(409);
    let second = api.post("admin", &approve).await.expect(200).json();
    assert_eq!(second["status"], "succeeded");
    assert_eq!(second["approval_state"], "approved");
    assert_eq!(second["approver"], "admin");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_reported_task_is_sent_back_and_asks_anew(pool: PgPool) {
    let api = Api::new(pool).await;
    let task = api.awaiting().await;
    let (approval, digest) = pending(&api).await;
    let path = format!("/api/v1/approvals/{approval}/decide");
    let answer =
        |note: Value| json!({"verdict": "request_changes", "digest": digest, "note": note});
    api.json("approver", Method::POST, &path, &answer(json!(null)))
        .await
        .expect(422);
    let asked = api
        .json(
            "approver",
            Method::POST,
            &path,
            &answer(json!("the title is missing")),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(asked["row"]["state"], "changes_requested");
    let detail = api
        .get("viewer", &format!("/api/v1/tasks/{task}"))
        .await
        .expect(200)
        .json();
    assert_eq!(detail["row"]["state"], "blocked");
    assert!(
        detail["row"]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("the title is missing")),
        "{detail}"
    );
    let again = json!({
        "status": "awaiting_approval", "approval_state": "pending",
        "outputs_uri": "https://github.com/user/repo/pull/124",
    });
    api.json(
        "operator",
        Method::PATCH,
        &format!("/agents/tasks/{task}"),
        &again,
    )
    .await
    .expect(200);
    let (anew, _) = pending(&api).await;
    assert_ne!(anew, approval, "a new request");
    let late = api
        .json(
            "admin",
            Method::POST,
            &path,
            &answer(json!("the date as well")),
        )
        .await
        .expect(409)
        .json();
    assert_eq!(
        late["successor"],
        json!({"id": anew, "url": format!("/approvals/{anew}")}),
        "{late}"
    );
    // What was seen before binds no answer that names the task alone.
    let seen = format!("/agents/tasks/{task}/approve?digest={digest}");
    let late = api.post("admin", &seen).await.expect(409).json();
    assert_eq!(late["successor"]["id"], anew, "{late}");
    let shown = api
        .get("viewer", &format!("/api/v1/approvals/{approval}"))
        .await
        .expect(200)
        .json();
    assert_eq!(shown["successor"], anew);
    api.post("approver", &format!("/agents/tasks/{task}/approve"))
        .await
        .expect(200);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn whether_somebody_may_sign_is_told_as_a_value(pool: PgPool) {
    let api = Api::new(pool).await;
    api.awaiting().await;
    let (approval, _) = pending(&api).await;
    let path = format!("/api/v1/approvals/{approval}");
    for (who, may, kind) in [
        ("approver", true, "may_sign"),
        ("viewer", false, "may_not_decide"),
    ] {
        let seen = api.get(who, &path).await.expect(200).json();
        assert_eq!(seen["may_decide"], may, "{who}");
        let said = &seen["eligibility"];
        assert!(said == kind || said.get(kind).is_some(), "{who}: {said}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_request_that_was_superseded_shows_what_was_reported_then(pool: PgPool) {
    let api = Api::new(pool).await;
    let link = |number: u32| format!("https://github.com/user/repo/pull/{number}");
    let report = |number: u32, said: &str| {
        json!({
            "task": "seo.validate", "run_id": "nightly-2025-01-15", "status": "awaiting_approval",
            "outputs_uri": link(number), "log_excerpt": said,
        })
    };
    let task = api.report(report(123, "three links")).await;
    let (first, _) = pending(&api).await;
    let path = format!("/agents/tasks/{task}");
    let again = report(124, "four links");
    api.json("operator", Method::PATCH, &path, &again)
        .await
        .expect(200);
    let (second, _) = pending(&api).await;
    assert_ne!(first, second);
    for (approval, state, number, said) in [
        (first, "superseded", 123, "three links"),
        (second, "pending", 124, "four links"),
    ] {
        let shown = api
            .get("approver", &format!("/api/v1/approvals/{approval}"))
            .await
            .expect(200)
            .json();
        assert_eq!(shown["row"]["state"], state);
        assert_eq!(shown["outputs_uri"], link(number));
        assert_eq!(shown["log_excerpt"], said);
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_group_that_a_request_asks_for_keeps_somebody(pool: PgPool) {
    let api = Api::new(pool).await;
    let path = "/api/v1/groups/release";
    let members = |logins: Value| json!({ "members": logins });
    api.json("admin", Method::PUT, path, &members(json!(["approver"])))
        .await
        .expect(200);
    waiting_for(&api, 1, Signer::Group("release".to_owned())).await;
    let emptied = api
        .json("admin", Method::PUT, path, &members(json!([])))
        .await
        .expect(409)
        .json();
    let removed = api
        .call("admin", Method::DELETE, path)
        .await
        .expect(409)
        .json();
    for refused in [emptied, removed] {
        let why = refused["detail"].as_str().expect("a sentence");
        assert!(
            why.contains("asks for group:release") && why.contains("decide it"),
            "{why}"
        );
    }
    api.json("admin", Method::PUT, path, &members(json!(["admin"])))
        .await
        .expect(200);
}
