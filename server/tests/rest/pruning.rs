//! What an admin prunes, and who may call from another origin.

use axum::http::{Method, header};
use serde_json::json;
use sqlx::PgPool;

use crate::support::Api;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn pruning_keeps_what_is_open_and_what_was_decided(pool: PgPool) {
    let api = Api::new(pool).await;
    let old = "2024-01-01T00:00:00";
    let finished = json!({"task": "a", "run_id": "old", "status": "succeeded", "started_at": old});
    api.report(finished.clone()).await;
    api.report(json!({"task": "b", "run_id": "old", "status": "running", "started_at": old}))
        .await;
    let signed = api
        .report(json!({"task": "c", "run_id": "signed", "status": "awaiting_approval", "started_at": old}))
        .await;
    api.post("approver", &format!("/agents/tasks/{signed}/approve"))
        .await
        .expect(200);
    let young = json!({"task": "d", "run_id": "new", "status": "succeeded"});
    api.report(young).await;

    let path = "/agents/tasks/before?date=2024-06-01";
    api.call("-", Method::DELETE, path).await.expect(401);
    api.call("operator", Method::DELETE, path).await.expect(403);
    api.call("admin", Method::DELETE, "/agents/tasks/before")
        .await
        .expect(422);
    api.call("admin", Method::DELETE, "/agents/tasks/before?date=x")
        .await
        .expect(422);
    let pruned = api
        .call("admin", Method::DELETE, path)
        .await
        .expect(200)
        .json();
    assert_eq!(
        pruned,
        json!({"deleted": 2, "cutoff": "2024-06-01T00:00:00Z"})
    );
    assert_eq!(
        api.call("admin", Method::DELETE, path)
            .await
            .expect(200)
            .json()["deleted"],
        0
    );
    assert_eq!(api.scalar("SELECT count(*) FROM tasks").await, 2);
    assert_eq!(
        api.scalar("SELECT count(DISTINCT task_id) FROM task_history")
            .await,
        2
    );
    assert_eq!(api.scalar("SELECT count(*) FROM decisions").await, 1);
    assert_eq!(
        api.scalar("SELECT count(*) FROM audit WHERE action = 'approval.decide'")
            .await,
        1
    );
    api.get("viewer", "/api/v1/approvals/1").await.expect(200);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn cors_is_closed_unless_origins_are_listed(pool: PgPool) {
    let preflight = |api: Api| async move {
        let request = axum::extract::Request::builder()
            .method(Method::OPTIONS)
            .uri("/api/v1/tasks")
            .header(header::ORIGIN, "https://console.example")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
            .body(axum::body::Body::empty())
            .unwrap();
        api.send(request)
            .await
            .headers
            .get(header::ACCESS_CONTROL_ALLOW_ORIGIN)
            .cloned()
    };
    assert_eq!(preflight(Api::new(pool.clone()).await).await, None);
    sqlx::query("DELETE FROM accounts")
        .execute(&pool)
        .await
        .unwrap();
    let config = server::config::Config {
        cors_origins: vec!["https://console.example".to_owned()],
        ..server::config::Config::default()
    };
    let open = Api::with(pool, engine::Settings::default(), config).await;
    assert_eq!(preflight(open).await.unwrap(), "https://console.example");
}
