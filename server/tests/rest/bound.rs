//! An answer by API is bound to what the caller looked at, or says that it is not.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, header};
use engine::Settings;
use engine::settings::{ApprovalSettings, WithoutDigest};
use model::identity::Role;
use model::plan::Signer;
use serde_json::{Value, json};
use server::config::Config;
use sqlx::PgPool;

use crate::sign_off::{waiting_for, waiting_for_two};
use crate::support::{Answer, Api};

async fn api(pool: PgPool, native: WithoutDigest, reported: WithoutDigest) -> Api {
    let settings = Settings {
        public_url: Some("https://night.example".to_owned()),
        approvals: ApprovalSettings {
            native_without_digest: native,
            reported_without_digest: reported,
            ..ApprovalSettings::default()
        },
        ..Settings::default()
    };
    Api::with(pool, settings, Config::default()).await
}

/// The request that waits for this task, as a client finds it.
async fn row(api: &Api, task: i64) -> Value {
    let path = format!("/api/v1/approvals?task={task}");
    let list = api.get("viewer", &path).await.expect(200).json();
    list["pending"][0].clone()
}

async fn if_match(api: &Api, path: &str, tag: &str) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("x-test-caller", "approver")
        .header(header::IF_MATCH, tag)
        .body(Body::empty())
        .expect("a request");
    api.send(request).await
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_native_result_is_answered_by_what_was_seen(pool: PgPool) {
    let api = api(pool, WithoutDigest::Refuse, WithoutDigest::Blind).await;
    let task = waiting_for(&api, 1, Signer::Role(Role::Approver)).await;
    let row = row(&api, task).await;
    let (id, digest) = (&row["id"], row["digest"].as_str().expect("a digest"));
    for verb in ["approve", "reject"] {
        let path = format!("/agents/tasks/{task}/{verb}?note=fine");
        for blind in [
            api.post("approver", &path).await,
            if_match(&api, &path, "*").await,
        ] {
            let problem = blind.expect(428).json();
            let detail = problem["detail"].as_str().expect("a sentence");
            for part in [
                format!("https://night.example/approvals/{id}"),
                "If-Match: \"sha256:…\"".to_owned(),
                format!("GET /api/v1/approvals?task={task}"),
            ] {
                assert!(detail.contains(&part), "{detail}");
            }
        }
        // Who may not decide hears that first.
        api.post("viewer", &path).await.expect(403);
        // What was looked at is not what stands there.
        let other = format!("\"sha256:{}\"", "0".repeat(64));
        let changed = if_match(&api, &path, &other).await.expect(409);
        assert!(changed.text().contains("changed since you looked"));
        // Two that differ say nothing; what is no digest is none.
        let two = format!("{path}&digest={digest}");
        if_match(&api, &two, &other).await.expect(400);
        if_match(&api, &path, "\"1\"").await.expect(400);
        api.post("approver", &format!("{path}&digest="))
            .await
            .expect(422);
        let body = json!({"digest": "0".repeat(64)});
        api.json("approver", Method::POST, &two, &body)
            .await
            .expect(400);
    }
    let decide = format!("/api/v1/approvals/{id}/decide");
    let bare = json!({"verdict": "approve"});
    api.json("approver", Method::POST, &decide, &bare)
        .await
        .expect(428);
    assert_eq!(api.scalar("SELECT count(*) FROM decisions").await, 0);

    let path = format!("/agents/tasks/{task}/approve");
    let tag = format!("\"sha256:{digest}\"");
    let approved = if_match(&api, &path, &tag).await.expect(200).json();
    assert_eq!(approved["approval_state"], "approved");
    let late = if_match(&api, &path, &tag).await.expect(409);
    assert!(late.text().contains("already approved"));
    api.post("admin", &path).await.expect(409);
    assert_eq!(
        api.scalar("SELECT count(*) FROM decisions WHERE blind")
            .await,
        0
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_blind_signature_is_marked_and_never_one_of_two(pool: PgPool) {
    let api = api(pool, WithoutDigest::Blind, WithoutDigest::Refuse).await;
    let two = waiting_for_two(&api).await;
    let refused = api
        .post("approver", &format!("/agents/tasks/{two}/approve"))
        .await
        .expect(428)
        .text();
    assert!(refused.contains("asks for 2 signatures"), "{refused}");
    assert_eq!(api.scalar("SELECT count(*) FROM decisions").await, 0);
    assert_eq!(
        api.scalar("SELECT sum(signatures)::bigint FROM approvals")
            .await,
        0
    );

    let one = waiting_for(&api, 1, Signer::Role(Role::Approver)).await;
    let id = row(&api, one).await["id"].clone();
    let path = format!("/agents/tasks/{one}/approve");
    api.post("approver", &path).await.expect(200);
    let shown = api
        .get("viewer", &format!("/api/v1/approvals/{id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(shown["decisions"][0]["blind"], true);
    let log = api
        .get("viewer", "/api/v1/decisions")
        .await
        .expect(200)
        .json();
    assert_eq!(log["items"][0]["blind"], true);
    let csv = api
        .get("viewer", "/api/v1/decisions.csv")
        .await
        .expect(200)
        .text();
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].ends_with(",blind"), "{csv}");
    assert!(lines[1].ends_with(",true"), "{csv}");
    assert_eq!(
        api.scalar("SELECT count(*) FROM audit WHERE action = 'approval.decide' AND details -> 'blind' = 'true'")
            .await,
        1
    );

    // What outside orchestrators report follows its own setting.
    let reported = api.awaiting().await;
    api.post("approver", &format!("/agents/tasks/{reported}/reject"))
        .await
        .expect(428);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_requests_of_one_task_are_listed(pool: PgPool) {
    let api = Api::new(pool).await;
    let task = api.awaiting().await;
    let other = api.awaiting().await;
    let list = |query: String| {
        let api = &api;
        async move {
            let path = format!("/api/v1/approvals{query}");
            api.get("viewer", &path).await.expect(200).json()
        }
    };
    assert_eq!(
        list(String::new()).await["pending"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let of_task = list(format!("?task={task}")).await;
    assert_eq!(of_task["pending"].as_array().map(Vec::len), Some(1));
    assert_eq!(of_task["pending"][0]["task_id"], task);
    let digest = of_task["pending"][0]["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    assert_eq!(digest.len(), 64);
    let decide = format!("/agents/tasks/{task}/approve?digest=sha256:{digest}");
    api.post("approver", &decide).await.expect(200);
    let decided = list(format!("?task={task}")).await;
    assert_eq!(decided["pending"], json!([]));
    assert_eq!(decided["decided"][0]["state"], "approved");
    assert_eq!(
        list(format!("?task={other}")).await["decided"],
        json!([]),
        "that is another task's"
    );
    assert_eq!(
        list("?task=999999".to_owned()).await,
        json!({"pending": [], "decided": []})
    );
    for bad in ["", "0", "-1", "x", "1.5", "99999999999999999999"] {
        let path = format!("/api/v1/approvals?task={bad}");
        let problem = api.get("viewer", &path).await.expect(422).json();
        assert_eq!(problem["errors"][0]["field"], "task", "{bad}");
    }
}
