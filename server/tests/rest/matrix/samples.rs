//! What a good client sends to each route.

use axum::http::Method;
use model::view::{DecisionFilter, TaskFilter};
use serde_json::{Value, json};

use super::routes::filled;
use crate::house::House;

/// What a good client sends there, so that nothing but the caller is refused.
pub async fn sample(house: &House, route: &str) -> (Method, String, &'static str, String) {
    const JSON: &str = "application/json";
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let method: Method = match method {
        "PAGE" | "ANY" => Method::GET,
        method => method.parse().expect("a method"),
    };
    let viewer = house
        .count("SELECT id FROM accounts WHERE login = 'viewer'")
        .await;
    let approval = house.count("SELECT max(id) FROM approvals").await;
    let mut address = filled(path);
    if path.starts_with("/approvals/{id}") || path.starts_with("/api/v1/approvals/{id}") {
        address = address.replace("999999", &approval.to_string());
    }
    // A page whose object is not there says that, whatever its form was told.
    match route {
        "POST /tasks/{id}/{verb}" => {
            let task = house.count("SELECT min(id) FROM tasks").await;
            address = format!("/tasks/{task}/rerun");
        }
        "POST /runs/{key}/{verb}" => {
            let run = house.count("SELECT min(id) FROM runs").await;
            address = format!("/runs/{run}/retry");
        }
        _ => {}
    }
    let none = "0".repeat(64);
    let body = match route {
        "GET /api/v1/accounts/{id}/notifications" => {
            address = format!("/api/v1/accounts/{viewer}/notifications");
            Value::Null
        }
        "DELETE /agents/tasks/before" => {
            address.push_str("?date=2000-01-01");
            Value::Null
        }
        "POST /agents/tasks" | "POST /agents/tasks/" => json!({"task": "a", "run_id": "r"}),
        "PATCH /agents/tasks/{id}" | "POST /api/v1/plans/{name}/runs" => json!({}),
        "POST /api/v1/approvals/{id}/decide" => json!({"verdict": "approve", "digest": none}),
        "PUT /api/v1/groups/{name}" => json!({"members": []}),
        "POST /api/v1/delegations" => {
            json!({"to": "viewer", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"})
        }
        "POST /api/v1/tokens" => json!({"name": "x", "scopes": ["read"]}),
        "POST /api/v1/accounts" => json!({"login": "x", "password": "short", "roles": []}),
        "PATCH /api/v1/accounts/{id}" => json!({"roles": ["viewer"]}),
        "PUT /api/v1/plans/{name}" | "POST /api/v1/plans/{name}/what-if" => {
            return (
                method,
                address,
                "application/yaml",
                "plan: nightly".to_owned(),
            );
        }
        _ if path.starts_with("/fn/") => asked(approval),
        _ if path.starts_with("/api/") || path.starts_with("/agents/") => Value::Null,
        _ if method == Method::POST => {
            return (
                method,
                address,
                "application/x-www-form-urlencoded",
                form(&none),
            );
        }
        _ => Value::Null,
    };
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    (method, address, JSON, body)
}

/// All that any server function asks for.
fn asked(approval: i64) -> Value {
    let mut filter = json!(TaskFilter::default());
    let decisions = json!(DecisionFilter::default());
    let fields = decisions.as_object().expect("an object").clone();
    filter.as_object_mut().expect("an object").extend(fields);
    json!({
        "name": "nightly", "source": "plan: nightly", "days": 30, "id": approval, "key": 999_999, "task": 999_999,
        "attempt": 1, "after_seq": 0, "plan": null, "before": null, "filter": filter,
    })
}

/// All that any form has.
fn form(digest: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("digest", digest),
            ("verdict", "approve"),
            ("language", "en"),
            ("next", "/runs"),
            ("to", "viewer"),
            ("starts_at", "2026-01-01"),
            ("ends_at", "2026-01-02"),
            ("source", "plan: nightly"),
            ("days", "30"),
            ("name", "x"),
            ("scope.read", "true"),
            ("session", "999999"),
            ("token", "999999"),
            ("delegation", "999999"),
            ("delivery", "999999"),
        ])
        .finish()
}
