//! Our own routes: success, repeat, unknown id, forbidden, bad input.

use axum::http::{Method, header};
use model::view::Outcome;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Api, definition};

/// Stores a plan of two tasks, the second behind the first.
async fn plan(api: &Api) {
    let mut second = definition("publish");
    second.needs = vec!["build".to_owned()];
    let plan = model::plan::Plan {
        name: "nightly".to_owned(),
        description: "What runs at night".to_owned(),
        timezone: "Europe/Paris".to_owned(),
        run_id: "nightly-{date}".to_owned(),
        inputs: Vec::new(),
        triggers: vec![model::plan::Trigger {
            key: "cron: 30 2 * * *".to_owned(),
            schedule: model::plan::Schedule::Cron {
                expression: "30 2 * * *".to_owned(),
            },
            misfire: model::plan::Misfire::Latest,
            overlap: model::plan::Overlap::Skip,
        }],
        tasks: vec![definition("build"), second],
    };
    sqlx::query(
        "WITH p AS (INSERT INTO plans (name, current_version, source) VALUES ('nightly', 1, 'api') RETURNING id)
         INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by)
         SELECT id, 1, '', 'plan: nightly', $1, 'test' FROM p",
    )
    .bind(serde_json::to_value(plan).expect("it goes through"))
    .execute(&api.engine.pool)
    .await
    .expect("it goes through");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn plans_and_runs(pool: PgPool) {
    let api = Api::new(pool).await;
    plan(&api).await;
    let plans = api.get("vera", "/api/v1/plans").await.expect(200).json();
    assert_eq!(plans["items"][0]["name"], "nightly");
    assert_eq!(plans["items"][0]["task_count"], 2);
    let one = api.get("vera", "/api/v1/plans/nightly").await.expect(200);
    assert_eq!(one.headers[header::ETAG], "\"1\"");
    assert_eq!(one.json()["next"].as_array().unwrap().len(), 10);
    let next = api
        .get("vera", "/api/v1/plans/nightly/next?n=3")
        .await
        .expect(200)
        .json();
    assert_eq!(next["items"].as_array().unwrap().len(), 3);
    assert!(
        next["items"][0]["local"]
            .as_str()
            .unwrap()
            .contains("02:30")
    );
    api.get("vera", "/api/v1/plans/nightly/next?n=0")
        .await
        .expect(422);
    for path in [
        "/api/v1/plans/unknown",
        "/api/v1/plans/unknown/next",
        "/api/v1/plans/A%00B",
    ] {
        api.get("vera", path).await.expect(404);
    }

    let start = "/api/v1/plans/nightly/runs";
    api.post("-", start).await.expect(401);
    api.post("vera", start).await.expect(403);
    api.post("ann", start).await.expect(403);
    api.post("olga", "/api/v1/plans/unknown/runs")
        .await
        .expect(404);
    api.json("olga", Method::POST, start, &json!({"input": {}}))
        .await
        .expect(422);
    api.json("olga", Method::POST, start, &json!({"inputs": {"nope": 1}}))
        .await
        .expect(422);
    let started = api.post("olga", start).await.expect(201);
    let key = started.json()["key"].clone();
    assert_eq!(
        started.headers[header::LOCATION],
        format!("/api/v1/runs/{key}")
    );
    let again = api
        .json("olga", Method::POST, start, &json!({"inputs": {}}))
        .await
        .expect(201)
        .json();
    assert_ne!(again["run_id"], started.json()["run_id"]);

    let run = api
        .get("vera", &format!("/api/v1/runs/{key}"))
        .await
        .expect(200)
        .json();
    assert_eq!(run["row"]["counts"]["total"], 2);
    assert_eq!(run["tasks"][1]["task"], "publish");
    let list = api
        .get("vera", "/api/v1/runs?plan=nightly&limit=1")
        .await
        .expect(200)
        .json();
    assert_eq!(list["items"][0]["key"], again["key"]);
    let cursor = list["next_cursor"].as_str().unwrap();
    let rest = api
        .get(
            "vera",
            &format!("/api/v1/runs?plan=nightly&limit=1&cursor={cursor}"),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(rest["items"][0]["key"], key);
    assert_eq!(rest["next_cursor"], Value::Null);
    assert_eq!(
        api.get("vera", "/api/v1/runs?plan=other")
            .await
            .expect(200)
            .json()["items"],
        json!([])
    );
    api.get("vera", "/api/v1/runs?limit=999").await.expect(422);
    api.get("vera", "/api/v1/runs?cursor=zzz").await.expect(400);
    api.get("vera", "/api/v1/runs/999").await.expect(404);

    let cancel = format!("/api/v1/runs/{key}/cancel");
    api.post("vera", &cancel).await.expect(403);
    let cancelled = api.post("olga", &cancel).await.expect(200).json();
    assert_eq!(cancelled["row"]["counts"]["skipped"], 2);
    api.post("olga", &cancel).await.expect(409);
    let retry = format!("/api/v1/runs/{key}/retry");
    api.post("vera", &retry).await.expect(403);
    let retried = api.post("olga", &retry).await.expect(200).json();
    assert_eq!(retried["row"]["counts"]["queued"], 2);
    api.post("olga", &retry).await.expect(409);
    for action in ["cancel", "retry"] {
        api.post("olga", &format!("/api/v1/runs/999/{action}"))
            .await
            .expect(404);
        api.post("olga", &format!("/api/v1/runs/x/{action}"))
            .await
            .expect(422);
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn plans_are_stored_as_versions(pool: PgPool) {
    let api = Api::new(pool).await;
    let path = "/api/v1/plans/hourly";
    let text = "plan: hourly\ntimezone: UTC\ntasks:\n  build:\n    run: [\"true\"]\n";
    let put = |who: &'static str, query: &'static str, kind: &'static str, body: String| {
        let path = format!("{path}{query}");
        let api = &api;
        async move { api.raw(who, Method::PUT, &path, kind, body).await }
    };
    put("-", "", "application/yaml", text.to_owned())
        .await
        .expect(401);
    put("ann", "", "application/yaml", text.to_owned())
        .await
        .expect(403);
    put("olga", "", "text/html", text.to_owned())
        .await
        .expect(415);
    put("olga", "", "application/json", "{".to_owned())
        .await
        .expect(400);
    put("olga", "", "application/yaml", "x".repeat(3 * 1024 * 1024))
        .await
        .expect(413);
    let wrong = put(
        "olga",
        "",
        "application/yaml",
        text.replace("run:", "runs:"),
    )
    .await
    .expect(422)
    .json();
    assert!(!wrong["errors"].as_array().unwrap().is_empty());
    put(
        "olga",
        "?expected_version=x",
        "application/yaml",
        text.to_owned(),
    )
    .await
    .expect(422);
    put(
        "olga",
        "?expected_version=5",
        "application/yaml",
        text.to_owned(),
    )
    .await
    .expect(409);
    let saved = put(
        "olga",
        "?expected_version=0",
        "application/yaml",
        text.to_owned(),
    )
    .await
    .expect(200);
    assert_eq!(saved.headers[header::ETAG], "\"1\"");
    let same = put("olga", "", "application/yaml", text.to_owned())
        .await
        .expect(200)
        .json();
    assert_eq!(same["version"], 1, "the same text makes no version");
    let json = r#"{"plan": "hourly", "timezone": "UTC", "tasks": {"build": {"run": ["true"]}, "more": {"run": ["true"]}}}"#;
    let second = put("olga", "", "application/json", json.to_owned())
        .await
        .expect(200)
        .json();
    assert_eq!(second["version"], 2);
    put(
        "olga",
        "?expected_version=1",
        "application/yaml",
        text.to_owned(),
    )
    .await
    .expect(409);

    for action in ["pause", "resume"] {
        let path = format!("{path}/{action}");
        api.post("-", &path).await.expect(401);
        api.post("ann", &path).await.expect(403);
        api.post("olga", &path).await.expect(204);
        api.post("olga", &format!("/api/v1/plans/unknown/{action}"))
            .await
            .expect(404);
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_task_and_what_it_left(pool: PgPool) {
    let api = Api::new(pool).await;
    let id = api.ended(Outcome::Failed).await;
    let task = api
        .get("vera", &format!("/api/v1/tasks/{id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(task["row"]["state"], "failed");
    assert_eq!(task["attempts"][0]["outcome"], "failed");
    assert_eq!(task["definition"]["name"], "build");
    assert_eq!(task["history"].as_array().unwrap().len(), 3);
    let attempts = api
        .get("vera", &format!("/api/v1/tasks/{id}/attempts"))
        .await
        .expect(200)
        .json();
    assert_eq!(attempts["items"][0]["number"], 1);

    let log = format!("/api/v1/tasks/{id}/attempts/1/log");
    let whole = api.get("vera", &log).await.expect(200).json();
    assert_eq!(whole["text"], "one red\ntél\u{fffd}\n");
    assert_eq!(whole["complete"], true);
    let mut text = String::new();
    let mut after = json!(-1);
    loop {
        let slice = api
            .get("vera", &format!("{log}?max_bytes=1&after={after}"))
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
    api.get("vera", &format!("{log}?max_bytes=0"))
        .await
        .expect(422);
    api.get("vera", &format!("{log}?after=-2"))
        .await
        .expect(422);
    let raw = api.get("vera", &format!("{log}/raw")).await.expect(200);
    assert_eq!(raw.bytes, b"one \x1b[31mred\x1b[0m\nt\xc3\xa9l\xff\0\n");
    assert!(
        raw.headers[header::CONTENT_DISPOSITION]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );
    assert_eq!(raw.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");

    let files = api
        .get("vera", &format!("/api/v1/tasks/{id}/artifacts"))
        .await
        .expect(200)
        .json();
    let file = format!("/api/v1/tasks/{id}/artifacts/{}", files["items"][0]["id"]);
    let content = api.get("vera", &file).await.expect(200);
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
        "vera",
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
        api.get("vera", &format!("/api/v1/tasks/999{path}"))
            .await
            .expect(404);
        api.get("vera", &format!("/api/v1/tasks/x{path}"))
            .await
            .expect(422);
        api.get("-", &format!("/api/v1/tasks/{id}{path}"))
            .await
            .expect(401);
        api.get("reporter", &format!("/api/v1/tasks/{id}{path}"))
            .await
            .expect(403);
    }
    api.get("vera", &format!("/api/v1/tasks/{id}/attempts/9/log"))
        .await
        .expect(404);
    api.get("vera", &format!("/api/v1/tasks/{id}/attempts/9/log/raw"))
        .await
        .expect(404);

    let rerun = format!("/api/v1/tasks/{id}/rerun");
    api.post("vera", &rerun).await.expect(403);
    assert_eq!(
        api.post("olga", &rerun).await.expect(200).json()["state"],
        "queued"
    );
    api.post("olga", &rerun).await.expect(409);
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
        api.post("ann", &path).await.expect(403);
        assert_eq!(
            api.post("olga", &path).await.expect(200).json()["state"],
            state
        );
        api.post("olga", &path).await.expect(409);
        api.post("olga", &format!("/api/v1/tasks/999/{action}"))
            .await
            .expect(404);
        api.get("olga", &path).await.expect(405);
    }
    let note = json!({"notes": "a wrong key"});
    api.json(
        "olga",
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
        .get("vera", "/api/v1/approvals")
        .await
        .expect(200)
        .json();
    let id = inbox["pending"][0]["id"].clone();
    let path = format!("/api/v1/approvals/{id}");
    let shown = api.get("ann", &path).await.expect(200).json();
    assert_eq!(shown["may_decide"], true);
    assert_eq!(shown["from"], json!(["role:approver"]));
    assert_eq!(
        shown["outputs_uri"],
        "https://github.com/user/repo/pull/123"
    );
    assert_eq!(
        api.get("vera", &path).await.expect(200).json()["may_decide"],
        false
    );

    let decide = format!("{path}/decide");
    let answer = |digest: &str| json!({"verdict": "approve", "digest": digest, "note": "fine"});
    let digest = shown["digest"].as_str().unwrap();
    api.json("-", Method::POST, &decide, &answer(digest))
        .await
        .expect(401);
    api.json("vera", Method::POST, &decide, &answer(digest))
        .await
        .expect(403);
    api.json("olga", Method::POST, &decide, &answer(digest))
        .await
        .expect(403);
    api.json("ann", Method::POST, &decide, &answer(&"0".repeat(64)))
        .await
        .expect(409);
    api.json("ann", Method::POST, &decide, &answer("zz"))
        .await
        .expect(422);
    api.json("ann", Method::POST, &decide, &json!({"verdict": "approve"}))
        .await
        .expect(422);
    api.json(
        "ann",
        Method::POST,
        &decide,
        &json!({"verdict": "maybe", "digest": digest}),
    )
    .await
    .expect(422);
    api.post("ann", &decide).await.expect(415);
    api.json(
        "ann",
        Method::POST,
        "/api/v1/approvals/999/decide",
        &answer(digest),
    )
    .await
    .expect(404);
    api.get("ann", "/api/v1/approvals/999").await.expect(404);

    let decided = api
        .json("ann", Method::POST, &decide, &answer(digest))
        .await
        .expect(200)
        .json();
    assert_eq!(decided["row"]["state"], "approved");
    assert_eq!(decided["decisions"][0]["by"], "ann");
    let late = api
        .json("admin", Method::POST, &decide, &answer(digest))
        .await
        .expect(409)
        .text();
    assert!(late.contains("approved by ann"), "{late}");
    let inbox = api
        .get("vera", "/api/v1/approvals")
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
    api.get("vera", "/api/v1/nothing").await.expect(404);
    api.get("vera", "/agents/nothing").await.expect(404);
    api.call("vera", Method::PATCH, "/api/v1/plans")
        .await
        .expect(405);
}
