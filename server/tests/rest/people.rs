//! Groups, delegations and the decision log over the API.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use model::identity::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::house::{House, settings};
use crate::support::Api;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn groups_are_made_listed_and_removed_by_administrators(pool: PgPool) {
    let api = Api::new(pool).await;
    let path = "/api/v1/groups/release";
    let members = json!({"members": ["approver"]});
    api.json("-", Method::PUT, path, &members).await.expect(401);
    api.json("approver", Method::PUT, path, &members)
        .await
        .expect(403);
    let made = api.json("admin", Method::PUT, path, &members).await;
    assert_eq!(made.expect(200).json()["members"], json!(["approver"]));
    let nobody = json!({"members": ["nobody"]});
    api.json("admin", Method::PUT, path, &nobody)
        .await
        .expect(422);
    api.json("admin", Method::PUT, "/api/v1/groups/Release", &members)
        .await
        .expect(422);
    let listed = api.get("viewer", "/api/v1/groups").await.expect(200).json();
    assert_eq!(
        listed,
        json!([{"name": "release", "members": ["approver"]}])
    );
    api.call("approver", Method::DELETE, path).await.expect(403);
    api.call("admin", Method::DELETE, "/api/v1/groups/%00")
        .await
        .expect(422);
    api.call("admin", Method::DELETE, path).await.expect(204);
    api.call("admin", Method::DELETE, path).await.expect(404);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_delegation_is_made_by_who_may_sign_and_ended_by_them(pool: PgPool) {
    let api = Api::new(pool).await;
    let path = "/api/v1/delegations";
    let to = |login: &str| json!({"to": login, "starts_at": "2100-01-01T00:00:00Z", "ends_at": "2100-01-08T00:00:00Z"});
    api.json("-", Method::POST, path, &to("admin"))
        .await
        .expect(401);
    api.json("viewer", Method::POST, path, &to("admin"))
        .await
        .expect(403);
    for wrong in ["approver", "viewer", "nobody", "\u{7}"] {
        api.json("approver", Method::POST, path, &to(wrong))
            .await
            .expect(422);
    }
    let made = api
        .json("approver", Method::POST, path, &to("admin"))
        .await
        .expect(201)
        .json();
    let listed = api.get("approver", path).await.expect(200).json();
    assert_eq!(listed[0]["id"], made["id"]);
    let one = format!("{path}/{}", made["id"]);
    // It is not theirs to see, let alone to end.
    api.call("operator", Method::DELETE, &one).await.expect(404);
    api.call("approver", Method::DELETE, &one).await.expect(204);
    api.call("approver", Method::DELETE, &format!("{path}/x"))
        .await
        .expect(422);
}

/// A request with this token and a JSON body.
async fn by_token(
    house: &House,
    token: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    house.send(request).await
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_signature_is_handed_on_by_its_person_and_by_no_token(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    house.person("admin", Role::Admin, None).await;
    sqlx::query(
        "INSERT INTO tokens (token_hash, name, account_id, scopes)
         SELECT sha256(convert_to('wbt_reads', 'UTF8')), 'reads', id, '{read}' FROM accounts WHERE login = 'approver'",
    )
    .execute(&house.engine.pool)
    .await
    .expect("the token is new");
    let decides = "wbt_token-of-approver";
    let api = "/api/v1/delegations";
    let one = |id: i64| format!("{api}/{id}");
    let nothing = json!(null);

    let week = json!({"to": "admin", "starts_at": "2100-01-01T00:00:00Z", "ends_at": "2100-01-08T00:00:00Z"});
    let (status, refused) = by_token(&house, decides, Method::POST, api, &week).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let told = refused["detail"].as_str().expect("a sentence");
    assert!(told.contains("log in"), "{told}");
    let days = [
        ("to", "admin"),
        ("starts_at", "2100-01-01"),
        ("ends_at", "2100-01-07"),
    ];
    for _ in 0..2 {
        let made = house.form("approver", "/account/delegate", &days).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
    }
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM delegations ORDER BY id")
        .fetch_all(&house.engine.pool)
        .await
        .expect("the delegations");
    let [first, second] = ids[..] else {
        panic!("two that the session made: {ids:?}")
    };

    let (status, _) = by_token(&house, "wbt_reads", Method::DELETE, &one(first), &nothing).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = by_token(&house, decides, Method::DELETE, &one(first), &nothing).await;
    assert_eq!(status, StatusCode::NO_CONTENT);

    sqlx::query("UPDATE account_roles SET role = 'viewer' WHERE role = 'approver'")
        .execute(&house.engine.pool)
        .await
        .expect("the role is lost");
    let (status, _) = by_token(&house, decides, Method::DELETE, &one(second), &nothing).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let field = second.to_string();
    let ended = house
        .form("approver", "/account/undelegate", &[("delegation", &field)])
        .await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER, "{}", ended.text);
    let open = "SELECT count(*) FROM delegations WHERE revoked_at IS NULL";
    assert_eq!(house.count(open).await, 0);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_decision_log_keeps_its_filter_everywhere(pool: PgPool) {
    let api = Api::new(pool).await;
    for run in ["one", "two", "three"] {
        let report = json!({"task": "change", "run_id": run, "status": "awaiting_approval", "approval_state": "pending"});
        let task = api
            .json("operator", Method::POST, "/agents/tasks/", &report)
            .await
            .expect(201)
            .json();
        let (who, action) = if run == "two" {
            ("admin", "reject")
        } else {
            ("approver", "approve")
        };
        api.post(who, &format!("/agents/tasks/{}/{action}", task["id"]))
            .await
            .expect(200);
    }
    let page = api
        .get("viewer", "/api/v1/decisions?limit=2")
        .await
        .expect(200)
        .json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(page["items"][0]["run_id"], "three");
    let cursor = page["next_cursor"].as_str().expect("there is more");
    let rest = api
        .get(
            "viewer",
            &format!("/api/v1/decisions?limit=2&cursor={cursor}"),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    assert!(rest["next_cursor"].is_null());

    let of_admin = api
        .get("viewer", "/api/v1/decisions?person=admin")
        .await
        .expect(200)
        .json();
    assert_eq!(of_admin["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(of_admin["items"][0]["verdict"], "reject");
    let csv = api
        .get("viewer", "/api/v1/decisions.csv?person=admin")
        .await
        .expect(200)
        .text();
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.contains("two") && !csv.contains("three"), "{csv}");
    let figures = api
        .get("viewer", "/api/v1/decisions/figures?person=admin")
        .await
        .expect(200)
        .json();
    assert_eq!(figures[0]["person"], "admin");
    assert_eq!(figures[0]["answers"], 1);
    assert_eq!(figures[0]["refusals"], 1);
    for wrong in [
        "decisions?person=%00",
        "decisions.csv?plan=%00",
        "decisions/figures?plan=%07",
    ] {
        api.get("viewer", &format!("/api/v1/{wrong}"))
            .await
            .expect(422);
    }
    api.get("-", "/api/v1/decisions.csv").await.expect(401);
}
