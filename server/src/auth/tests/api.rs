use axum::http::StatusCode;
use axum::response::Response;
use model::identity::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{App, PASSWORD, SESSION, TOKEN, app, json_of, person, request};
use crate::config::Config;

async fn call(app: &App, session: &str, method: &str, path: &str, body: &Value) -> Response {
    let cookie = format!("watchbill={session}");
    let headers = [
        ("cookie", cookie.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
    ];
    app.send(request(
        method,
        path,
        "127.0.0.1",
        &headers,
        &body.to_string(),
    ))
    .await
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn me_tells_who_and_what(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    let me = json_of(call(&app, SESSION, "GET", "/api/v1/me", &Value::Null).await).await;
    assert_eq!(
        (&me["name"], &me["kind"]),
        (&json!("approver"), &json!("session"))
    );
    assert_eq!(me["permissions"], json!(["read", "decide"]));
    let headers = [("x-admin-key", TOKEN)];
    let me = json_of(
        app.send(request("GET", "/api/v1/me", "127.0.0.1", &headers, ""))
            .await,
    )
    .await;
    assert_eq!(
        (&me["name"], &me["kind"], &me["scopes"]),
        (
            &json!("approver"),
            &json!("token"),
            &json!(["read", "decide"])
        )
    );
    assert_eq!(
        app.status("GET", "/api/v1/me", &[]).await,
        StatusCode::UNAUTHORIZED
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_token_is_made_used_listed_and_revoked(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    let request_body = json!({ "name": "script", "scopes": ["read"], "lifetime_days": 1 });
    let made = call(&app, SESSION, "POST", "/api/v1/tokens", &request_body).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(made.headers()["cache-control"], "no-store");
    let made = json_of(made).await;
    let bearer = format!("Bearer {}", made["token"].as_str().expect("a token"));
    let bearer = [("authorization", bearer.as_str())];
    assert_eq!(
        app.status("GET", "/api/v1/me", &bearer).await,
        StatusCode::OK
    );
    let listed = json_of(call(&app, SESSION, "GET", "/api/v1/tokens", &Value::Null).await).await;
    assert_eq!(listed["items"][0]["name"], "script");
    assert!(listed["items"][0].get("token").is_none());
    assert!(
        listed["items"][0]["created_at"]
            .as_str()
            .expect("a time")
            .ends_with('Z')
    );
    let path = format!("/api/v1/tokens/{}", made["id"]);
    for _ in 0..2 {
        assert_eq!(
            call(&app, SESSION, "DELETE", &path, &Value::Null)
                .await
                .status(),
            StatusCode::NO_CONTENT
        );
    }
    assert_eq!(
        app.status("GET", "/api/v1/me", &bearer).await,
        StatusCode::UNAUTHORIZED
    );
    for id in ["404", "x", "-1", "99999999999999999999"] {
        let path = format!("/api/v1/tokens/{id}");
        assert_eq!(
            call(&app, SESSION, "DELETE", &path, &Value::Null)
                .await
                .status(),
            StatusCode::NOT_FOUND
        );
    }
    let others = call(
        &app,
        SESSION,
        "GET",
        "/api/v1/tokens?account=all",
        &Value::Null,
    )
    .await;
    assert_eq!(others.status(), StatusCode::FORBIDDEN);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn bad_bodies_are_refused_by_kind(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    for (kind, body, expected) in [
        ("text/plain", "{}", 415),
        ("application/json", "{", 400),
        ("application/json", "{}", 422),
        ("application/json", "{\"name\": 1, \"scopes\": []}", 422),
        (
            "application/json",
            "{\"name\": \"x\", \"scopes\": [\"root\"]}",
            422,
        ),
        (
            "application/json",
            "{\"name\": \"x\\u0000\", \"scopes\": [\"read\"]}",
            400,
        ),
        (
            "application/json",
            "{\"name\": \"x\", \"scopes\": [\"read\"], \"more\": 1}",
            422,
        ),
    ] {
        let cookie = format!("watchbill={SESSION}");
        let headers = [
            ("cookie", cookie.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("content-type", kind),
        ];
        let response = app
            .send(request(
                "POST",
                "/api/v1/tokens",
                "127.0.0.1",
                &headers,
                body,
            ))
            .await;
        assert_eq!(response.status().as_u16(), expected, "{body}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert!(json_of(response).await["detail"].is_string());
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn accounts_are_for_administrators(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    person(&app.engine, "root", &[Role::Admin]).await;
    let root = "session-of-root";
    let new = json!({ "login": "colleague", "password": PASSWORD, "roles": ["viewer"] });
    assert_eq!(
        call(&app, SESSION, "POST", "/api/v1/accounts", &new)
            .await
            .status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        call(&app, SESSION, "GET", "/api/v1/accounts", &Value::Null)
            .await
            .status(),
        StatusCode::FORBIDDEN
    );
    let made = call(&app, root, "POST", "/api/v1/accounts", &new).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let made = json_of(made).await;
    assert!(!made.to_string().contains("herons"));
    assert_eq!(
        call(&app, root, "POST", "/api/v1/accounts", &new)
            .await
            .status(),
        StatusCode::CONFLICT
    );
    let path = format!("/api/v1/accounts/{}", made["id"]);
    let change = async |session, body: Value| call(&app, session, "PATCH", &path, &body).await;
    assert_eq!(
        change(SESSION, json!({ "roles": ["admin"] }))
            .await
            .status(),
        StatusCode::FORBIDDEN
    );
    let changed = json_of(change(root, json!({ "roles": ["operator"] })).await).await;
    assert_eq!(changed["roles"], json!(["operator"]));
    assert!(
        json_of(change(root, json!({ "disabled": true })).await).await["disabled_at"].is_string()
    );
    assert!(
        json_of(change(root, json!({ "disabled": false })).await).await["disabled_at"].is_null()
    );
    for wrong in [
        json!({}),
        json!({ "roles": ["king"] }),
        json!({ "roles": ["viewer"], "disabled": true }),
    ] {
        assert_eq!(
            change(root, wrong).await.status(),
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
    let unknown = call(
        &app,
        root,
        "PATCH",
        "/api/v1/accounts/404",
        &json!({ "disabled": true }),
    )
    .await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        call(&app, root, "GET", "/api/v1/accounts", &Value::Null)
            .await
            .status(),
        StatusCode::OK
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn sessions_are_listed_and_ended_by_their_person(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    sqlx::query(
        "INSERT INTO sessions (token_hash, account_id, expires_at, address, user_agent)
         SELECT sha256('elsewhere'), id, watchbill_now() + interval '1 hour', '192.0.2.7', 'curl/8.5.0'
         FROM accounts",
    )
    .execute(&app.engine.pool)
    .await
    .expect("a session elsewhere");
    let list = async || {
        let listed = call(&app, SESSION, "GET", "/api/v1/sessions", &Value::Null).await;
        assert_eq!(listed.status(), StatusCode::OK);
        json_of(listed).await["items"].clone()
    };
    let items = list().await;
    assert_eq!(items[0]["is_present"], true);
    assert_eq!(items[1]["is_present"], false);
    assert_eq!(items[1]["address"], "192.0.2.7");
    assert_eq!(items[1]["browser"], json!({"name": "curl", "system": null}));
    let path = format!("/api/v1/sessions/{}", items[1]["id"]);
    for expected in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        let ended = call(&app, SESSION, "DELETE", &path, &Value::Null).await;
        assert_eq!(ended.status(), expected);
    }
    assert_eq!(list().await.as_array().map(Vec::len), Some(1));
    let token = [("x-admin-key", TOKEN)];
    for (method, path) in [("GET", "/api/v1/sessions"), ("DELETE", path.as_str())] {
        assert_eq!(
            app.status(method, path, &token).await,
            StatusCode::FORBIDDEN
        );
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_token_that_decides_asks_for_the_password(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    let make = async |more: Value| {
        let mut body = json!({ "name": "script", "scopes": ["decide"] });
        let fields = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(fields);
        let made = call(&app, SESSION, "POST", "/api/v1/tokens", &body).await;
        (made.status(), json_of(made).await)
    };
    let (status, made) = make(json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "just logged in");
    assert!(made["expires_at"].is_string());
    let (status, _) = make(json!({ "lifetime_days": 0 })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    sqlx::query("UPDATE sessions SET created_at = created_at - interval '11 minutes'")
        .execute(&app.engine.pool)
        .await
        .expect("a while ago");
    let (status, refused) = make(json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.to_string().contains("present_password"),
        "{refused}"
    );
    let (status, _) = make(json!({ "scopes": ["read"] })).await;
    assert_eq!(status, StatusCode::CREATED, "that one is not asked");
}
