//! Every route against every kind of caller, over the whole router: `table.txt` says who gets
//! through. The routes are read from the router, the pages and the server functions themselves,
//! so that a route that is added without its row fails here.

mod callers;
mod routes;
mod samples;
mod strangers;

use std::collections::BTreeMap;

use sqlx::PgPool;

use callers::{CALLERS, house, log_in_again, send, sign};
use routes::routes;
use samples::sample;

/// Read afresh, so that a changed row needs no build.
fn table() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rest/matrix/table.txt");
    std::fs::read_to_string(path).expect("the table")
}

/// The rows of a table, by their routes.
fn rows(table: &str) -> BTreeMap<String, String> {
    table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let mut words = line.split_whitespace();
            let route: Vec<&str> = words.by_ref().take(2).collect();
            (route.join(" "), words.collect::<Vec<_>>().join(" "))
        })
        .collect()
}

/// What a table lacks, has too much, or says otherwise.
fn differences(table: &str, found: &BTreeMap<String, String>) -> Vec<String> {
    let rows = rows(table);
    let mut differences = Vec::new();
    for (route, pattern) in found {
        match rows.get(route) {
            Some(row) if row == pattern => {}
            Some(row) => differences.push(format!("{route} {pattern}\n    the table says {row}")),
            None => differences.push(format!("{route} {pattern}\n    has no row")),
        }
    }
    let gone = rows.keys().filter(|route| !found.contains_key(*route));
    differences.extend(gone.map(|route| format!("{route}\n    is no route")));
    differences
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn everybody_gets_through_where_the_table_says_and_nowhere_else(pool: PgPool) {
    let house = house(pool).await;
    let mut found = BTreeMap::new();
    for route in routes(&house.router).await {
        let (method, path, kind, body) = sample(&house, &route).await;
        let mut pattern = String::new();
        for (index, caller) in CALLERS.into_iter().enumerate() {
            if matches!(index, 1 | 5 | 11) {
                pattern.push(' ');
            }
            if path.contains("logout") {
                log_in_again(&house).await;
            }
            let request = caller.request(&method, &path, kind, body.clone());
            let answer = send(&house, request).await;
            pattern.push(sign(answer.status(), answer.headers()));
        }
        log_in_again(&house).await;
        found.insert(route, pattern);
    }
    assert!(found.len() > 100, "{} routes were found", found.len());
    let differences = differences(&table(), &found);
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    assert_eq!(house.decisions().await, 0, "no answer went through");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_route_without_a_row_is_found(pool: PgPool) {
    let house = house(pool).await;
    let planted = house.router.clone().route(
        "/api/v1/planted/{id}",
        axum::routing::get(async || "open").delete(async || "to all"),
    );
    let rows = rows(&table());
    let found = routes(&planted).await;
    let without: Vec<&String> = found.iter().filter(|it| !rows.contains_key(*it)).collect();
    assert_eq!(
        without,
        ["DELETE /api/v1/planted/{id}", "GET /api/v1/planted/{id}"]
    );
    // All that the API's document tells of is among them, so nothing is missed in between.
    let document = serde_json::to_value(server::rest::document()).expect("a document");
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let route = format!("{} {path}", method.to_uppercase());
            assert!(found.contains(&route), "{route}");
        }
    }
}

/// The routes whose path names what belongs to somebody, or to something else.
#[test]
fn what_has_an_owner_has_a_test_with_a_stranger() {
    for route in rows(&table()).keys() {
        let (_, path) = route.split_once(' ').expect("a method and a path");
        let owned = [
            "/api/v1/sessions/{",
            "/api/v1/tokens/{",
            "/api/v1/accounts/{",
            "/api/v1/delegations/{",
        ];
        let nested = path.starts_with("/api/") && path.matches('{').count() > 1;
        if nested || owned.iter().any(|start| path.starts_with(start)) {
            let tested = strangers::ROUTES.contains(&route.as_str());
            assert!(tested, "strangers.rs does not try {route}");
        }
    }
}
