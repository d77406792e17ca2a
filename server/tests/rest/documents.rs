//! The OpenAPI document is made from the handlers and says all of it.

use serde_json::Value;
use sqlx::PgPool;

use crate::support::Api;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_document_is_served_and_complete(pool: PgPool) {
    let api = Api::new(pool).await;
    api.get("-", "/api/v1/openapi.json").await.expect(401);
    let document = api
        .get("viewer", "/api/v1/openapi.json")
        .await
        .expect(200)
        .json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/agents/tasks/",
        "/agents/tasks/paged",
        "/agents/tasks/paged.csv",
        "/agents/tasks/{id}",
        "/agents/tasks/{id}/approve",
        "/agents/tasks/{id}/reject",
        "/agents/tasks/{id}/cancel",
        "/agents/tasks/before",
        "/api/v1/plans/{name}/runs",
        "/api/v1/tasks/{id}/attempts/{attempt}/log",
        "/api/v1/approvals/{id}/decide",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    // Every reference leads somewhere, and every operation has its own id.
    let mut operations = Vec::new();
    for methods in paths.values() {
        for operation in methods.as_object().unwrap().values() {
            operations.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    let count = operations.len();
    operations.sort();
    operations.dedup();
    assert_eq!(operations.len(), count);
    for reference in references(&document) {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match value {
                Value::String(text) if key == "$ref" => vec![text.clone()],
                other => references(other),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Every address that docs/API.md names is in the document, and the other way round.
#[test]
fn the_manual_names_every_address() {
    let manual = include_str!("../../../docs/API.md");
    let document = serde_json::to_value(server::rest::document()).unwrap();
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(
            manual.contains(path.as_str()),
            "docs/API.md does not name {path}"
        );
    }
}
