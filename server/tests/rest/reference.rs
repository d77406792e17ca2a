//! What the nightly-approvals reference's clients do, word for word.

use axum::http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::Api;

const FIELDS: [&str; 14] = [
    "approval_note",
    "approval_state",
    "approver",
    "duration_ms",
    "finished_at",
    "id",
    "inputs",
    "log_excerpt",
    "outputs_uri",
    "run_id",
    "started_at",
    "status",
    "task",
    "webhook_notified_at",
];

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_documented_create_and_update(pool: PgPool) {
    let api = Api::new(pool).await;
    let body = json!({
        "task": "seo.validate", "run_id": "nightly-2025-01-15", "status": "running",
        "started_at": "2025-01-15T02:30:00Z", "inputs": {"flags": ["--strict", "--dry-run"]},
        "someday": "an unknown key",
    });
    let made = api
        .json("operator", Method::POST, "/agents/tasks/", &body)
        .await
        .expect(201)
        .json();
    let mut keys: Vec<&String> = made.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, FIELDS);
    assert_eq!(made["started_at"], "2025-01-15T02:30:00Z");

    let path = format!("/agents/tasks/{}", made["id"]);
    let change = json!({
        "status": "succeeded", "finished_at": "2025-01-15T02:35:00", "duration_ms": 300_000,
        "outputs_uri": "https://github.com/user/repo/pull/123", "approver": "mallory",
    });
    let changed = api
        .json("operator", Method::PATCH, &path, &change)
        .await
        .expect(200)
        .json();
    assert_eq!(changed["status"], "succeeded");
    assert_eq!(changed["finished_at"], "2025-01-15T02:35:00Z");
    assert_eq!(changed["inputs"], body["inputs"]);
    assert_eq!(changed["approver"], Value::Null);
    assert_eq!(
        api.scalar("SELECT count(*) FROM runs WHERE finished_at IS NOT NULL")
            .await,
        1
    );
    assert_eq!(api.scalar("SELECT count(*) FROM task_history").await, 2);

    let refused = api
        .json(
            "operator",
            Method::PATCH,
            &path,
            &json!({"status": "running"}),
        )
        .await
        .expect(409);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("succeeded") && detail.contains("running"),
        "{detail}"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn its_client_asks_for_approval_in_one_patch(pool: PgPool) {
    let settings = engine::Settings {
        slack_webhook: Some("https://slack.example/hook".to_owned().into()),
        ..engine::Settings::default()
    };
    let api = Api::with(pool, settings, server::config::Config::default()).await;
    let id = api
        .report(
            json!({"task": "dx.integrate", "run_id": "nightly-2025-01-15", "status": "running"}),
        )
        .await;
    let path = format!("/agents/tasks/{id}");
    let patch = json!({
        "status": "awaiting_approval", "finished_at": "2025-01-15T02:41:00Z", "duration_ms": 11_000,
        "outputs_uri": "https://github.com/user/repo/pull/9", "log_excerpt": "opened a pull request",
        "approval_state": "pending", "webhook_notified_at": "2025-01-15T02:41:01Z",
    });
    let waiting = api
        .json("reporter", Method::PATCH, &path, &patch)
        .await
        .expect(200)
        .json();
    assert_eq!(waiting["status"], "awaiting_approval");
    assert_eq!(waiting["approval_state"], "pending");
    assert_eq!(
        api.scalar("SELECT count(*) FROM approvals WHERE state = 'pending' AND phase IS NULL")
            .await,
        1
    );
    assert_eq!(
        api.scalar("SELECT count(*) FROM outbox").await,
        0,
        "Slack was told already"
    );

    // The same report again changes nothing; another result asks again.
    api.json("operator", Method::PATCH, &path, &patch)
        .await
        .expect(200);
    assert_eq!(api.scalar("SELECT count(*) FROM approvals").await, 1);
    let other = json!({"outputs_uri": "https://github.com/user/repo/pull/10"});
    api.json("operator", Method::PATCH, &path, &other)
        .await
        .expect(200);
    assert_eq!(
        api.scalar("SELECT count(*) FROM approvals WHERE state = 'superseded'")
            .await,
        1
    );
    assert_eq!(
        api.scalar("SELECT count(*) FROM approvals WHERE state = 'pending'")
            .await,
        1
    );
    assert_eq!(
        api.scalar("SELECT count(*) FROM outbox WHERE channel = 'slack'")
            .await,
        1,
        "this nobody was told"
    );

    // No report leaves it, none decides it.
    api.json(
        "operator",
        Method::PATCH,
        &path,
        &json!({"status": "succeeded"}),
    )
    .await
    .expect(409);
    api.json(
        "operator",
        Method::PATCH,
        &path,
        &json!({"approval_state": "approved"}),
    )
    .await
    .expect(422);

    let approve = format!("{path}/approve?note=looks%20good");
    let approved = api.post("approver", &approve).await.expect(200).json();
    assert_eq!(approved["status"], "succeeded");
    assert_eq!(approved["approval_state"], "approved");
    assert_eq!(approved["approver"], "approver");
    assert_eq!(approved["approval_note"], "looks good");
    assert_eq!(approved["duration_ms"], 11_000);
    let twice = api.post("approver", &approve).await.expect(409);
    assert!(twice.text().contains("approved"));

    // What was signed stays as it was signed.
    api.json(
        "operator",
        Method::PATCH,
        &path,
        &json!({"outputs_uri": "https://evil.example"}),
    )
    .await
    .expect(409);
    api.json(
        "operator",
        Method::PATCH,
        &path,
        &json!({"webhook_notified_at": null}),
    )
    .await
    .expect(200);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn reject_and_cancel_take_a_note_in_the_body(pool: PgPool) {
    let api = Api::new(pool).await;
    let first = api.awaiting().await;
    let path = format!("/agents/tasks/{first}/reject");
    let rejected = api
        .json(
            "approver",
            Method::POST,
            &path,
            &json!({"note": "not like this"}),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(rejected["status"], "failed");
    assert_eq!(rejected["approval_state"], "rejected");
    assert_eq!(rejected["approval_note"], "not like this");
    assert!(rejected["finished_at"].is_string() && rejected["duration_ms"].is_number());

    let second = api.awaiting().await;
    let path = format!("/agents/tasks/{second}/cancel");
    let cancelled = api
        .json(
            "operator",
            Method::POST,
            &path,
            &json!({"note": "no longer needed"}),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(cancelled["status"], "skipped");
    assert_eq!(cancelled["approval_state"], "cancelled");
    assert_eq!(cancelled["approval_note"], "no longer needed");
    api.post("operator", &path).await.expect(409);
    api.post("approver", &format!("/agents/tasks/{second}/approve"))
        .await
        .expect(409);

    for action in ["approve", "reject", "cancel"] {
        let path = format!("/agents/tasks/{}/{action}", api.awaiting().await);
        api.post("-", &path).await.expect(401);
        api.post("viewer", &path).await.expect(403);
        api.post("reporter", &path).await.expect(403);
        api.post("admin", &format!("/agents/tasks/999999/{action}"))
            .await
            .expect(404);
        api.post("admin", &format!("/agents/tasks/x/{action}"))
            .await
            .expect(422);
        api.raw("admin", Method::POST, &path, "text/plain", "hello")
            .await
            .expect(415);
        let long = json!({"note": "x".repeat(5000)});
        api.json("admin", Method::POST, &path, &long)
            .await
            .expect(413);
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn native_tasks_are_not_the_reporters_to_change(pool: PgPool) {
    let api = Api::new(pool).await;
    let id = api.queued().await;
    let path = format!("/agents/tasks/{id}");
    let refused = api
        .json(
            "operator",
            Method::PATCH,
            &path,
            &json!({"status": "succeeded"}),
        )
        .await
        .expect(409);
    assert!(refused.text().contains("queued"));
    let listed = api.get("viewer", "/agents/tasks").await.expect(200).json();
    assert_eq!(listed[0]["run_id"], "");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn lists_and_pages(pool: PgPool) {
    let api = Api::new(pool).await;
    for number in 0..7 {
        let status = if number % 2 == 0 {
            "succeeded"
        } else {
            "failed"
        };
        api.report(json!({
            "task": format!("task.{}", number % 3), "run_id": "nightly-2025-01-15", "status": status,
            "started_at": format!("2025-01-15T02:3{number}:00"),
        }))
        .await;
    }
    let all = api
        .get("viewer", "/agents/tasks/?run_id=nightly-2025-01-15")
        .await
        .expect(200)
        .json();
    assert_eq!(all.as_array().unwrap().len(), 7);
    assert_eq!(all[0]["started_at"], "2025-01-15T02:36:00Z");
    let few = api
        .get("viewer", "/agents/tasks/?status=failed&limit=2")
        .await
        .expect(200)
        .json();
    assert_eq!(few.as_array().unwrap().len(), 2);

    let mut path = "/agents/tasks/paged?limit=2&status=failed&status=succeeded&task=task.0&task=task.1&since=2025-01-15T02:31:00".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = api.get("viewer", &path).await.expect(200).json();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|task| task["started_at"].clone()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!(
            "/agents/tasks/paged?limit=2&status=failed&status=succeeded&task=task.0&task=task.1&since=2025-01-15T02:31:00&cursor={cursor}"
        );
    }
    let minutes = [36, 34, 33, 31].map(|minute| json!(format!("2025-01-15T02:{minute}:00Z")));
    assert_eq!(seen, minutes);

    for bad in ["cursor=x", "cursor=", "cursor=e30"] {
        api.get("viewer", &format!("/agents/tasks/paged?{bad}"))
            .await
            .expect(400);
    }
    for bad in [
        "limit=0",
        "limit=-1",
        "limit=1000000000",
        "limit=ten",
        "limit=",
        "limit=201",
        "status=done",
        "since=yesterday",
        "task=a%00b",
    ] {
        let problem = api
            .get("viewer", &format!("/agents/tasks/paged?{bad}"))
            .await
            .expect(422)
            .json();
        assert_eq!(
            problem["errors"][0]["field"],
            bad.split('=').next().unwrap()
        );
    }
    api.get("-", "/agents/tasks/paged").await.expect(401);
    api.get("reporter", "/agents/tasks/paged").await.expect(403);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn bad_reports_are_named(pool: PgPool) {
    let api = Api::new(pool).await;
    let good = json!({"task": "a", "run_id": "r", "status": "running"});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (field, value) in [
        ("task", json!("")),
        ("task", json!("x".repeat(65))),
        ("task", json!("a\u{202e}b")),
        ("task", json!(5)),
        ("run_id", json!("x".repeat(65))),
        ("status", json!("done")),
        ("status", Value::Null),
        ("started_at", json!("soon")),
        ("duration_ms", json!(-1)),
        ("duration_ms", json!("1")),
        ("outputs_uri", json!("x".repeat(513))),
        ("approval_state", json!("approved")),
    ] {
        let problem = api
            .json(
                "operator",
                Method::POST,
                "/agents/tasks/",
                &with(field, value),
            )
            .await
            .expect(422)
            .json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let missing = api
        .json(
            "operator",
            Method::POST,
            "/agents/tasks/",
            &json!({"task": "a"}),
        )
        .await
        .expect(422)
        .json();
    assert_eq!(missing["errors"][0]["field"], "run_id");
    // Nothing of it was stored; a 64-character name is.
    assert_eq!(api.scalar("SELECT count(*) FROM tasks").await, 0);
    api.report(with("task", json!("é".repeat(64)))).await;

    let post = |kind: &'static str, body: String| {
        api.raw("operator", Method::POST, "/agents/tasks/", kind, body)
    };
    post("text/plain", good.to_string()).await.expect(415);
    post("application/json; charset=utf-8", good.to_string())
        .await
        .expect(201);
    for broken in [
        "{".to_owned(),
        String::new(),
        r#"{"task":"a","task":"b","run_id":"r"}"#.to_owned(),
        r#"{"task":"a\u0000","run_id":"r"}"#.to_owned(),
        r#"{"task":"\ud800","run_id":"r"}"#.to_owned(),
        r#"{"task":"a","run_id":"r","duration_ms":1e400}"#.to_owned(),
        r#"{"task":"a","run_id":"r","duration_ms":99999999999999999999}"#.to_owned(),
        format!(
            r#"{{"task":"a","run_id":"r","inputs":{}{}}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        ),
    ] {
        post("application/json", broken).await.expect(400);
    }
    let large = with("log_excerpt", json!("x".repeat(3 * 1024 * 1024)));
    post("application/json", large.to_string())
        .await
        .expect(413);

    api.json("-", Method::POST, "/agents/tasks/", &good)
        .await
        .expect(401);
    api.json("viewer", Method::POST, "/agents/tasks/", &good)
        .await
        .expect(403);
    api.json("reporter", Method::POST, "/agents/tasks", &good)
        .await
        .expect(201);
    api.json("operator", Method::PATCH, "/agents/tasks/999", &json!({}))
        .await
        .expect(404);
    api.json(
        "operator",
        Method::PATCH,
        "/agents/tasks/999999999999999999999",
        &json!({}),
    )
    .await
    .expect(422);
    api.json("operator", Method::PUT, "/agents/tasks/", &good)
        .await
        .expect(405);
}
