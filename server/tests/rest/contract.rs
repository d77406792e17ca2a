//! Tasks and approvals by our own routes: success, repeat, unknown id, forbidden, bad input.

use axum::http::{Method, header};
use model::task::Outcome;
use serde_json::json;
use sqlx::PgPool;

use crate::support::Api;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_task_and_what_it_left(pool: PgPool) {
    let api = Api::new(pool).await;
    let id = api.ended(Outcome::Failed).await;
    let task = api
        .get("viewer", &format!("/api/v1/tasks/{id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(task["row"]["state"], "failed");
    assert_eq!(task["attempts"][0]["outcome"], "failed");
    assert_eq!(task["definition"]["name"], "build");
    assert_eq!(task["history"].as_array().unwrap().len(), 3);
    let attempts = api
        .get("viewer", &format!("/api/v1/tasks/{id}/attempts"))
        .await
        .expect(200)
        .json();
    assert_eq!(attempts["items"][0]["number"], 1);

    let log = format!("/api/v1/tasks/{id}/attempts/1/log");
    let whole = api.get("viewer", &log).await.expect(200).json();
    assert_eq!(whole["text"], "one red\ntél\u{fffd}\n");
    assert_eq!(whole["complete"], true);
    let mut text = String::new();
    let mut after = json!(-1);
    loop {
        let slice = api
            .get("viewer", &format!("{log}?max_bytes=1&after={after}"))
            .await
            .expect(200)
            .json();
        text.push_str(slice["text"].as_str().unwrap());
        after = slice["next_seq"].clone();
        if slice["complete"] == true {
            break;
        }
    }
    assert_eq!(
        text, "one red\ntél\u{fffd}\n",
        "no slice splits a character"
    );
    api.get("viewer", &format!("{log}?max_bytes=0"))
        .await
        .expect(422);
    api.get("viewer", &format!("{log}?after=-2"))
        .await
        .expect(422);
    let raw = api.get("viewer", &format!("{log}/raw")).await.expect(200);
    assert_eq!(raw.bytes, b"one \x1b[31mred\x1b[0m\nt\xc3\xa9l\xff\0\n");
    assert!(
        raw.headers[header::CONTENT_DISPOSITION]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );
    assert_eq!(raw.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");

    let files = api
        .get("viewer", &format!("/api/v1/tasks/{id}/artifacts"))
        .await
        .expect(200)
        .json();
    let file = format!("/api/v1/tasks/{id}/artifacts/{}", files["items"][0]["id"]);
    let content = api.get("viewer", &file).await.expect(200);
    assert_eq!(content.bytes, b"<b><b>");
    assert_eq!(
        content.headers[header::CONTENT_TYPE],
        "application/octet-stream"
    );
    assert!(
        content.headers[header::CONTENT_DISPOSITION]
            .to_str()
            .unwrap()
            .contains("page.html")
    );
    let other = api.queued().await;
    api.get(
        "viewer",
        &file.replace(&format!("tasks/{id}/"), &format!("tasks/{other}/")),
    )
    .await
    .expect(404);

    for path in [
        "",
        "/attempts",
        "/artifacts",
        "/attempts/1/log",
        "/attempts/1/log/raw",
        "/artifacts/1",
    ] {
        api.get("viewer", &format!("/api/v1/tasks/999{path}"))
            .await
            .expect(404);
        api.get("viewer", &format!("/api/v1/tasks/x{path}"))
            .await
            .expect(422);
        api.get("-", &format!("/api/v1/tasks/{id}{path}"))
            .await
            .expect(401);
        api.get("reporter", &format!("/api/v1/tasks/{id}{path}"))
            .await
            .expect(403);
    }
    api.get("viewer", &format!("/api/v1/tasks/{id}/attempts/9/log"))
        .await
        .expect(404);
    api.get("viewer", &format!("/api/v1/tasks/{id}/attempts/9/log/raw"))
        .await
        .expect(404);

    let rerun = format!("/api/v1/tasks/{id}/rerun");
    api.post("viewer", &rerun).await.expect(403);
    assert_eq!(
        api.post("operator", &rerun).await.expect(200).json()["state"],
        "queued"
    );
    api.post("operator", &rerun).await.expect(409);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn holding_and_cancelling(pool: PgPool) {
    let api = Api::new(pool).await;
    let id = api.queued().await;
    for (action, state) in [
        ("hold", "on_hold"),
        ("unhold", "queued"),
        ("cancel", "cancelled"),
    ] {
        let path = format!("/api/v1/tasks/{id}/{action}");
        api.post("-", &path).await.expect(401);
        api.post("approver", &path).await.expect(403);
        assert_eq!(
            api.post("operator", &path).await.expect(200).json()["state"],
            state
        );
        api.post("operator", &path).await.expect(409);
        api.post("operator", &format!("/api/v1/tasks/999/{action}"))
            .await
            .expect(404);
        api.get("operator", &path).await.expect(405);
    }
    let note = json!({"notes": "a wrong key"});
    api.json(
        "operator",
        Method::POST,
        &format!("/api/v1/tasks/{id}/cancel"),
        &note,
    )
    .await
    .expect(422);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn approvals_are_decided_by_what_was_shown(pool: PgPool) {
    let api = Api::new(pool).await;
    api.awaiting().await;
    let inbox = api
        .get("viewer", "/api/v1/approvals")
        .await
        .expect(200)
        .json();
    let id = inbox["pending"][0]["id"].clone();
    let path = format!("/api/v1/approvals/{id}");
    let shown = api.get("approver", &path).await.expect(200).json();
    assert_eq!(shown["may_decide"], true);
    assert_eq!(shown["from"], json!(["role:approver"]));
    assert_eq!(
        shown["outputs_uri"],
        "https://github.com/user/repo/pull/123"
    );
    assert_eq!(
        api.get("viewer", &path).await.expect(200).json()["may_decide"],
        false
    );

    let decide = format!("{path}/decide");
    let answer = |digest: &str| json!({"verdict": "approve", "digest": digest, "note": "fine"});
    let digest = shown["digest"].as_str().unwrap();
    api.json("-", Method::POST, &decide, &answer(digest))
        .await
        .expect(401);
    api.json("viewer", Method::POST, &decide, &answer(digest))
        .await
        .expect(403);
    api.json("operator", Method::POST, &decide, &answer(digest))
        .await
        .expect(403);
    api.json("approver", Method::POST, &decide, &answer(&"0".repeat(64)))
        .await
        .expect(409);
    api.json("approver", Method::POST, &decide, &answer("zz"))
        .await
        .expect(422);
    api.json(
        "approver",
        Method::POST,
        &decide,
        &json!({"verdict": "approve"}),
    )
    .await
    .expect(428);
    api.json(
        "approver",
        Method::POST,
        &decide,
        &json!({"verdict": "maybe", "digest": digest}),
    )
    .await
    .expect(422);
    api.post("approver", &decide).await.expect(415);
    api.json(
        "approver",
        Method::POST,
        "/api/v1/approvals/999/decide",
        &answer(digest),
    )
    .await
    .expect(404);
    api.get("approver", "/api/v1/approvals/999")
        .await
        .expect(404);

    let decided = api
        .json("approver", Method::POST, &decide, &answer(digest))
        .await
        .expect(200)
        .json();
    assert_eq!(decided["row"]["state"], "approved");
    assert_eq!(decided["decisions"][0]["by"], "approver");
    let late = api
        .json("admin", Method::POST, &decide, &answer(digest))
        .await
        .expect(409)
        .text();
    assert!(late.contains("approved by approver"), "{late}");
    let inbox = api
        .get("viewer", "/api/v1/approvals")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            inbox["pending"].as_array().unwrap().len(),
            inbox["decided"].as_array().unwrap().len()
        ),
        (0, 1)
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_is_not_there(pool: PgPool) {
    let api = Api::new(pool).await;
    api.get("viewer", "/api/v1/nothing").await.expect(404);
    api.get("viewer", "/agents/nothing").await.expect(404);
    api.call("viewer", Method::PATCH, "/api/v1/plans")
        .await
        .expect(405);
}
