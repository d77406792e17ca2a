use axum::http::StatusCode;
use sqlx::PgPool;

use super::{SESSION, TOKEN, app, networks, request};
use crate::config::Config;

type Headers<'a> = &'a [(&'a str, &'a str)];

const PEER: &str = "192.0.2.7";
const JSON: (&str, &str) = ("content-type", "application/json");
const HOST: (&str, &str) = ("host", "night.example:4180");

fn config() -> Config {
    Config {
        listen: ([0, 0, 0, 0], 4180).into(),
        allowed_hosts: vec!["night.example".to_owned()],
        trust_report_from: networks(&["192.0.2.0/28", "10.0.0.1/32"]),
        trusted_proxies: networks(&["10.0.0.1/32"]),
        ..Config::default()
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_listed_peer_may_create_and_patch_and_nothing_else(pool: PgPool) {
    let app = app(pool, config()).await;
    for (method, path, expected) in [
        ("POST", "/agents/tasks/", "reporter"),
        ("POST", "/agents/tasks", "reporter"),
        ("PATCH", "/agents/tasks/12", "reporter"),
        ("PATCH", "/agents/tasks/12/", "reporter"),
        ("PATCH", "/agents/tasks/", "nobody"),
        ("PATCH", "/agents/tasks/12/approve", "nobody"),
        ("PATCH", "/agents/tasks/../1", "nobody"),
        ("PATCH", "/agents/tasksx/1", "nobody"),
        ("POST", "/agents/tasks/12", "nobody"),
        ("POST", "/agents/tasks/12/approve", "nobody"),
        ("POST", "/agents/tasks//", "nobody"),
        ("POST", "/agents/tasksx", "nobody"),
        ("GET", "/agents/tasks/", "nobody"),
        ("PUT", "/agents/tasks/12", "nobody"),
        ("DELETE", "/agents/tasks/before", "nobody"),
        ("POST", "/api/v1/agents/tasks/", "nobody"),
        ("POST", "/fn/agents/tasks/", "nobody"),
    ] {
        let taken = app
            .taken_for(request(method, path, PEER, &[HOST, JSON], "{}"))
            .await;
        assert_eq!(taken, expected, "{method} {path}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn every_condition_must_hold(pool: PgPool) {
    let app = app(pool, config()).await;
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("watchbill={SESSION}");
    let table: &[(&str, Headers, &str)] = &[
        (PEER, &[HOST, JSON], "reporter"),
        (
            PEER,
            &[HOST, ("content-type", "Application/JSON; charset=utf-8")],
            "reporter",
        ),
        (PEER, &[HOST, JSON, ("sec-fetch-mode", "cors")], "reporter"),
        ("::ffff:192.0.2.7", &[HOST, JSON], "reporter"),
        ("192.0.2.99", &[HOST, JSON], "nobody"),
        ("127.0.0.1", &[HOST, JSON], "nobody"),
        // A trusted proxy speaks for others.
        ("10.0.0.1", &[HOST, JSON], "nobody"),
        (PEER, &[HOST], "nobody"),
        (PEER, &[HOST, ("content-type", "text/plain")], "nobody"),
        (
            PEER,
            &[HOST, ("content-type", "text/plain; application/json")],
            "nobody",
        ),
        (
            PEER,
            &[HOST, JSON, ("content-type", "text/plain")],
            "nobody",
        ),
        (PEER, &[HOST, JSON, ("x-forwarded-for", PEER)], "nobody"),
        (PEER, &[HOST, JSON, ("x-forwarded-proto", "http")], "nobody"),
        (
            PEER,
            &[HOST, JSON, ("forwarded", "for=192.0.2.7")],
            "nobody",
        ),
        (PEER, &[HOST, JSON, ("via", "1.1 proxy")], "nobody"),
        (PEER, &[HOST, JSON, ("x-real-ip", PEER)], "nobody"),
        (PEER, &[HOST, JSON, ("cf-connecting-ip", PEER)], "nobody"),
        (
            PEER,
            &[HOST, JSON, ("origin", "http://night.example:4180")],
            "nobody",
        ),
        (
            PEER,
            &[HOST, JSON, ("sec-fetch-site", "same-origin")],
            "nobody",
        ),
        (
            PEER,
            &[HOST, JSON, ("authorization", "Basic eDp5")],
            "nobody",
        ),
        (PEER, &[HOST, JSON, ("authorization", &bearer)], "token"),
        (
            PEER,
            &[HOST, JSON, ("authorization", "Bearer wbt_x")],
            "401",
        ),
        (PEER, &[HOST, JSON, ("x-admin-key", "")], "401"),
        (PEER, &[HOST, JSON, ("cookie", &cookie)], "403"),
        (PEER, &[("host", "evil.example"), JSON], "421"),
        (PEER, &[("host", "192.0.2.1"), JSON], "421"),
    ];
    for (peer, headers, expected) in table {
        let taken = app
            .taken_for(request("POST", "/agents/tasks/", peer, headers, "{}"))
            .await;
        assert_eq!(taken, *expected, "{peer} {headers:?}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn nobody_is_trusted_unless_listed_and_no_host_unless_named(pool: PgPool) {
    let config = Config {
        allowed_hosts: Vec::new(),
        trust_report_from: networks(&["192.0.2.0/28"]),
        ..config()
    };
    let app = app(pool.clone(), config).await;
    let report = |host| {
        request(
            "POST",
            "/agents/tasks/",
            PEER,
            &[("host", host), JSON],
            "{}",
        )
    };
    assert_eq!(
        app.taken_for(report("any.example")).await,
        "nobody",
        "that host is not ours to answer for"
    );
    assert_eq!(app.taken_for(report("localhost")).await, "reporter");
    sqlx::query("TRUNCATE accounts CASCADE")
        .execute(&pool)
        .await
        .expect("the accounts go");
    let closed = super::app(pool, Config::default()).await;
    let request = request("POST", "/agents/tasks/", "127.0.0.1", &[JSON], "{}");
    assert_eq!(
        closed.taken_for(request).await,
        "nobody",
        "the list is empty by default"
    );
    let get = closed.status("GET", "/api/v1/me", &[]).await;
    assert_eq!(get, StatusCode::UNAUTHORIZED);
}
