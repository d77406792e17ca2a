//! Plans and their runs: what is stored, versioned, started and retried.

use axum::http::{Method, header};
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
    let plans = api.get("viewer", "/api/v1/plans").await.expect(200).json();
    assert_eq!(plans["items"][0]["name"], "nightly");
    assert_eq!(plans["items"][0]["task_count"], 2);
    let one = api.get("viewer", "/api/v1/plans/nightly").await.expect(200);
    assert_eq!(one.headers[header::ETAG], "\"1\"");
    assert_eq!(one.json()["next"].as_array().unwrap().len(), 10);
    let next = api
        .get("viewer", "/api/v1/plans/nightly/next?n=3")
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
    api.get("viewer", "/api/v1/plans/nightly/next?n=0")
        .await
        .expect(422);
    for path in [
        "/api/v1/plans/unknown",
        "/api/v1/plans/unknown/next",
        "/api/v1/plans/A%00B",
    ] {
        api.get("viewer", path).await.expect(404);
    }

    let start = "/api/v1/plans/nightly/runs";
    api.post("-", start).await.expect(401);
    api.post("viewer", start).await.expect(403);
    api.post("approver", start).await.expect(403);
    api.post("operator", "/api/v1/plans/unknown/runs")
        .await
        .expect(404);
    api.json("operator", Method::POST, start, &json!({"input": {}}))
        .await
        .expect(422);
    api.json(
        "operator",
        Method::POST,
        start,
        &json!({"inputs": {"nope": 1}}),
    )
    .await
    .expect(422);
    let started = api.post("operator", start).await.expect(201);
    let key = started.json()["key"].clone();
    assert_eq!(
        started.headers[header::LOCATION],
        format!("/api/v1/runs/{key}")
    );
    let again = api
        .json("operator", Method::POST, start, &json!({"inputs": {}}))
        .await
        .expect(201)
        .json();
    assert_ne!(again["run_id"], started.json()["run_id"]);

    let run = api
        .get("viewer", &format!("/api/v1/runs/{key}"))
        .await
        .expect(200)
        .json();
    assert_eq!(run["row"]["counts"]["total"], 2);
    assert_eq!(run["tasks"][1]["task"], "publish");
    let list = api
        .get("viewer", "/api/v1/runs?plan=nightly&limit=1")
        .await
        .expect(200)
        .json();
    assert_eq!(list["items"][0]["key"], again["key"]);
    let cursor = list["next_cursor"].as_str().unwrap();
    let rest = api
        .get(
            "viewer",
            &format!("/api/v1/runs?plan=nightly&limit=1&cursor={cursor}"),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(rest["items"][0]["key"], key);
    assert_eq!(rest["next_cursor"], Value::Null);
    assert_eq!(
        api.get("viewer", "/api/v1/runs?plan=other")
            .await
            .expect(200)
            .json()["items"],
        json!([])
    );
    api.get("viewer", "/api/v1/runs?limit=999")
        .await
        .expect(422);
    api.get("viewer", "/api/v1/runs?cursor=zzz")
        .await
        .expect(400);
    api.get("viewer", "/api/v1/runs/999").await.expect(404);

    let cancel = format!("/api/v1/runs/{key}/cancel");
    api.post("viewer", &cancel).await.expect(403);
    let cancelled = api.post("operator", &cancel).await.expect(200).json();
    assert_eq!(cancelled["row"]["counts"]["skipped"], 2);
    api.post("operator", &cancel).await.expect(409);
    let retry = format!("/api/v1/runs/{key}/retry");
    api.post("viewer", &retry).await.expect(403);
    let retried = api.post("operator", &retry).await.expect(200).json();
    assert_eq!(retried["row"]["counts"]["queued"], 2);
    api.post("operator", &retry).await.expect(409);
    for action in ["cancel", "retry"] {
        api.post("operator", &format!("/api/v1/runs/999/{action}"))
            .await
            .expect(404);
        api.post("operator", &format!("/api/v1/runs/x/{action}"))
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
    put("approver", "", "application/yaml", text.to_owned())
        .await
        .expect(403);
    put("operator", "", "text/html", text.to_owned())
        .await
        .expect(415);
    put("operator", "", "application/json", "{".to_owned())
        .await
        .expect(400);
    put(
        "operator",
        "",
        "application/yaml",
        "x".repeat(3 * 1024 * 1024),
    )
    .await
    .expect(413);
    let wrong = put(
        "operator",
        "",
        "application/yaml",
        text.replace("run:", "runs:"),
    )
    .await
    .expect(422)
    .json();
    assert!(!wrong["errors"].as_array().unwrap().is_empty());
    put(
        "operator",
        "?expected_version=x",
        "application/yaml",
        text.to_owned(),
    )
    .await
    .expect(422);
    put(
        "operator",
        "?expected_version=5",
        "application/yaml",
        text.to_owned(),
    )
    .await
    .expect(409);
    let saved = put(
        "operator",
        "?expected_version=0",
        "application/yaml",
        text.to_owned(),
    )
    .await
    .expect(200);
    assert_eq!(saved.headers[header::ETAG], "\"1\"");
    let same = put("operator", "", "application/yaml", text.to_owned())
        .await
        .expect(200)
        .json();
    assert_eq!(same["version"], 1, "the same text makes no version");
    let json = r#"{"plan": "hourly", "timezone": "UTC", "tasks": {"build": {"run": ["true"]}, "more": {"run": ["true"]}}}"#;
    let second = put("operator", "", "application/json", json.to_owned())
        .await
        .expect(200)
        .json();
    assert_eq!(second["version"], 2);
    put(
        "operator",
        "?expected_version=1",
        "application/yaml",
        text.to_owned(),
    )
    .await
    .expect(409);

    for action in ["pause", "resume"] {
        let path = format!("{path}/{action}");
        api.post("-", &path).await.expect(401);
        api.post("approver", &path).await.expect(403);
        api.post("operator", &path).await.expect(204);
        api.post("operator", &format!("/api/v1/plans/unknown/{action}"))
            .await
            .expect(404);
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_version_that_weakens_a_gate_is_accepted_and_waits(pool: PgPool) {
    let api = Api::new(pool).await;
    let path = "/api/v1/plans/release";
    let gated = "plan: release\ntasks:\n  ship: {run: [make], approval: {from: [role:approver]}}\n";
    let free = "plan: release\ntasks:\n  ship: {run: [make]}\n";
    let put = |query: &'static str, text: &'static str| {
        let (path, api) = (format!("{path}{query}"), &api);
        async move {
            api.raw("operator", Method::PUT, &path, "application/yaml", text)
                .await
        }
    };
    let first = put("", gated).await.expect(200).json();
    assert_eq!(
        (&first["state"], &first["proposed"]),
        (&json!("effective"), &json!([]))
    );
    let saved = put("?expected_version=1", free).await.expect(202);
    assert_eq!(saved.headers[header::ETAG], "\"1\"", "what runs");
    let saved = saved.json();
    assert_eq!(
        (&saved["state"], &saved["version"]),
        (&json!("proposed"), &json!(2))
    );
    let approval = saved["proposed"][0]["approval"].as_i64().expect("an id");
    let address = saved["proposed"][0]["address"].as_str().expect("a text");
    assert!(
        address.ends_with(&format!("/approvals/{approval}")),
        "{address}"
    );

    let plan = api.get("viewer", path).await.expect(200);
    assert_eq!(plan.headers[header::ETAG], "\"1\"");
    assert_eq!(plan.json()["proposed"]["approvals"], json!([approval]));
    let inbox = api
        .get("approver", "/api/v1/approvals")
        .await
        .expect(200)
        .json();
    assert_eq!(inbox["pending"][0]["task"], "version 2 of release");
    let request = format!("/api/v1/approvals/{approval}");
    let shown = api.get("approver", &request).await.expect(200).json();
    assert_eq!(
        shown["outputs"]["weakenings"],
        json!(["ship: nobody is asked any more about its result"])
    );
    let answer = json!({"verdict": "approve", "digest": shown["digest"]});
    let decide = format!("{request}/decide");
    api.json("operator", Method::POST, &decide, &answer)
        .await
        .expect(403);
    api.json("approver", Method::POST, &decide, &answer)
        .await
        .expect(200);
    let plan = api.get("viewer", path).await.expect(200);
    assert_eq!(plan.headers[header::ETAG], "\"2\"");
    assert_eq!(plan.json()["proposed"], Value::Null);

    let secret = "plan: fresh\ntasks:\n  ship: {run: [make], environment: {KEY: {secret: KEY}}}\n";
    let path = "/api/v1/plans/fresh";
    let saved = api
        .raw("operator", Method::PUT, path, "application/yaml", secret)
        .await
        .expect(202)
        .json();
    let missing = api.get("viewer", path).await.expect(404).json();
    let waits = format!(
        "no version of plan fresh has taken effect: version 1 waits for approval {}",
        saved["proposed"][0]["approval"]
    );
    assert_eq!(missing["detail"], json!(waits));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_draft_is_tried_on_the_past_and_not_stored(pool: PgPool) {
    let api = Api::new(pool).await;
    plan(&api).await;
    let started = api.post("operator", "/api/v1/plans/nightly/runs").await;
    started.expect(201);
    sqlx::query(
        "WITH t AS (UPDATE tasks SET state = 'succeeded', attempt = 1 WHERE name = 'build' RETURNING id)
         INSERT INTO attempts (task_id, number, worker_id, worker_name, token, started_at, finished_at, outcome)
         SELECT id, 1, gen_random_uuid(), 'test', gen_random_uuid(), now(), now(), 'succeeded' FROM t",
    )
    .execute(&api.engine.pool)
    .await
    .expect("it goes through");
    let draft = "plan: nightly\ntimezone: Europe/Paris\ntasks:\n  build:\n    run: [\"true\"]\n    approval: {}\n";
    let ask = |who: &'static str, query: &'static str, text: String| {
        let path = format!("/api/v1/plans/nightly/what-if{query}");
        let api = &api;
        async move {
            api.raw(who, Method::POST, &path, "application/yaml", text)
                .await
        }
    };
    ask("-", "", draft.to_owned()).await.expect(401);
    // Who cannot edit plans has nothing to try; not even whether the text is a plan is said.
    for text in [draft, "no plan at all: ["] {
        ask("viewer", "", text.to_owned()).await.expect(403);
        ask("approver", "", text.to_owned()).await.expect(403);
    }
    let answer = ask("operator", "?days=2", draft.to_owned())
        .await
        .expect(200)
        .json();
    assert_eq!(answer["considered"], 1);
    assert_eq!(answer["would_stop"], 1);
    assert_eq!(answer["stopped"][0]["task"], "build");
    ask("operator", "?days=0", draft.to_owned())
        .await
        .expect(422);
    ask("operator", "?days=401", draft.to_owned())
        .await
        .expect(422);
    for wrong in [
        draft.replace("nightly", "other"),
        draft.replace("approval", "aproval"),
    ] {
        ask("operator", "", wrong).await.expect(422);
    }
    let stored = api.get("viewer", "/api/v1/plans/nightly").await.expect(200);
    assert_eq!(stored.headers[header::ETAG], "\"1\"");
}
