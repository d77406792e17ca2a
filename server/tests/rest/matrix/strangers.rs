//! What belongs to somebody else, or to something else, is refused or not there at all.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::callers::{Caller, house, log_in_again, send};
use crate::house::House;

/// What is tried here; `super` compares it with the router.
pub const ROUTES: [&str; 8] = [
    "DELETE /api/v1/delegations/{id}",
    "DELETE /api/v1/sessions/{id}",
    "DELETE /api/v1/tokens/{id}",
    "GET /api/v1/accounts/{id}/notifications",
    "GET /api/v1/tasks/{id}/artifacts/{artifact}",
    "GET /api/v1/tasks/{id}/attempts/{attempt}/log",
    "GET /api/v1/tasks/{id}/attempts/{attempt}/log/raw",
    "PATCH /api/v1/accounts/{id}",
];

async fn status(house: &House, caller: Caller, method: Method, path: &str, body: Value) -> u16 {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = caller.request(&method, path, "application/json", body);
    send(house, request).await.status().as_u16()
}

async fn form(house: &House, caller: Caller, path: &str, body: &str) -> u16 {
    const FORM: &str = "application/x-www-form-urlencoded";
    let request = caller.request(&Method::POST, path, FORM, body.to_owned());
    send(house, request).await.status().as_u16()
}

async fn id(house: &House, sql: &'static str) -> i64 {
    house.count(sql).await
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_file_and_an_output_are_their_own_tasks(pool: PgPool) {
    let house = house(pool).await;
    house.waiting_about("https://example.org/other").await;
    let task = id(&house, "SELECT min(id) FROM tasks").await;
    let other = id(&house, "SELECT max(id) FROM tasks").await;
    let artifact: i64 = sqlx::query_scalar(
        "WITH a AS (INSERT INTO artifacts (task_id, attempt, path, bytes, sha256)
                    VALUES ($1, 1, 'out/page.html', 3, '\\x00') RETURNING id),
              c AS (INSERT INTO artifact_chunks SELECT id, 0, convert_to('<b>', 'UTF8') FROM a),
              l AS (INSERT INTO log_chunks (task_id, attempt, seq, content) VALUES ($1, 1, 0, 'secret'))
         SELECT id FROM a",
    )
    .bind(task)
    .fetch_one(&house.engine.pool)
    .await
    .expect("a file");
    let admin = Caller::Session("admin");
    let get = |path: String| {
        let house = &house;
        async move {
            let request = admin.request(&Method::GET, &path, "application/json", String::new());
            let answer = send(house, request).await;
            let status = answer.status().as_u16();
            let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20)
                .await
                .expect("a short body");
            (status, String::from_utf8_lossy(&bytes).into_owned())
        }
    };
    let (own, text) = get(format!("/api/v1/tasks/{task}/artifacts/{artifact}")).await;
    assert_eq!((own, text.as_str()), (200, "<b>"));
    let (foreign, text) = get(format!("/api/v1/tasks/{other}/artifacts/{artifact}")).await;
    assert_eq!(foreign, 404, "{text}");
    for tail in ["", "/raw"] {
        let (_, text) = get(format!("/api/v1/tasks/{other}/attempts/1/log{tail}")).await;
        assert!(!text.contains("secret"), "{text}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_token_is_its_persons(pool: PgPool) {
    let house = house(pool).await;
    let token = id(
        &house,
        "SELECT min(t.id) FROM tokens t JOIN accounts a ON a.id = t.account_id WHERE a.login = 'admin'",
    )
    .await;
    let path = format!("/api/v1/tokens/{token}");
    let body = format!("token={token}");
    for login in ["viewer", "operator", "approver"] {
        let caller = Caller::Session(login);
        let by_api = status(&house, caller, Method::DELETE, &path, Value::Null).await;
        assert_eq!(by_api, 404, "{login}");
        let by_form = form(&house, caller, "/account/revoke", &body).await;
        assert_eq!(by_form, 404, "{login}");
    }
    let revoked = "SELECT count(*) FROM tokens WHERE revoked_at IS NOT NULL";
    assert_eq!(id(&house, revoked).await, 0);
    let own = status(
        &house,
        Caller::Session("admin"),
        Method::DELETE,
        &path,
        Value::Null,
    );
    assert_eq!(own.await, 204);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_session_is_its_persons(pool: PgPool) {
    let house = house(pool).await;
    log_in_again(&house).await;
    let of = "SELECT s.id FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.login = 'viewer'";
    let session = id(&house, of).await;
    let path = format!("/api/v1/sessions/{session}");
    let body = format!("session={session}");
    for login in ["operator", "approver", "admin"] {
        let caller = Caller::Session(login);
        let by_api = status(&house, caller, Method::DELETE, &path, Value::Null).await;
        assert_eq!(by_api, 404, "{login}");
        let by_form = form(&house, caller, "/account/end-session", &body).await;
        assert_eq!(by_form, 404, "{login}");
    }
    assert_eq!(id(&house, of).await, session);
    let own = Caller::Session("viewer");
    let ended = status(&house, own, Method::DELETE, &path, Value::Null).await;
    assert_eq!(ended, 204);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_account_is_its_persons(pool: PgPool) {
    let house = house(pool).await;
    let admin = id(&house, "SELECT id FROM accounts WHERE login = 'admin'").await;
    let path = format!("/api/v1/accounts/{admin}");
    for login in ["viewer", "operator", "approver"] {
        let caller = Caller::Session(login);
        let read = format!("{path}/notifications");
        let read = status(&house, caller, Method::GET, &read, Value::Null).await;
        assert_eq!(read, 403, "{login}");
        for change in [
            json!({"notifications": {"email": "mallory@example.org"}}),
            json!({"password": "seven grey herons stand", "present_password": "x"}),
            json!({"roles": []}),
            json!({"disabled": true}),
            json!({"slack_user": "U1"}),
        ] {
            let changed = status(&house, caller, Method::PATCH, &path, change.clone()).await;
            assert_eq!(changed, 403, "{login} {change}");
        }
    }
    // An admin's token of another scope is not the admin.
    for scope in ["read", "report", "run", "plans", "decide"] {
        let change = json!({"roles": ["admin"]});
        let changed = status(&house, Caller::Token(scope), Method::PATCH, &path, change).await;
        assert_eq!(changed, 403, "{scope}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_delegation_is_ended_by_its_giver(pool: PgPool) {
    let house = house(pool).await;
    let delegation: i64 = sqlx::query_scalar(
        "INSERT INTO delegations (from_account_id, to_account_id, starts_at, ends_at)
         SELECT f.id, t.id, watchbill_now(), watchbill_now() + interval '1 day'
         FROM accounts f, accounts t WHERE f.login = 'admin' AND t.login = 'approver' RETURNING id",
    )
    .fetch_one(&house.engine.pool)
    .await
    .expect("a delegation");
    let path = format!("/api/v1/delegations/{delegation}");
    let body = format!("delegation={delegation}");
    for login in ["viewer", "operator", "approver"] {
        let caller = Caller::Session(login);
        let by_api = status(&house, caller, Method::DELETE, &path, Value::Null).await;
        assert!(
            matches!(
                StatusCode::from_u16(by_api),
                Ok(StatusCode::NOT_FOUND | StatusCode::FORBIDDEN)
            ),
            "{login} {by_api}"
        );
        let by_form = form(&house, caller, "/account/undelegate", &body).await;
        assert_eq!(by_form, by_api, "{login}");
    }
    let ended = "SELECT count(*) FROM delegations WHERE revoked_at IS NOT NULL";
    assert_eq!(id(&house, ended).await, 0);
}
