//! A request that names a host of its own choosing: what is written because of it names ours.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, StatusCode, header};
use model::identity::Role;
use serde_json::json;
use server::config::Config;
use sqlx::PgPool;
use tempfile::TempDir;

use crate::house::House;

const PUBLIC: &str = "https://night.example";
const EVIL: &str = "evil.example";

/// Where proxies, and whoever plays one, say how they were addressed.
const HOSTILE: [(&str, &str); 8] = [
    ("x-forwarded-host", EVIL),
    ("x-forwarded-server", EVIL),
    ("x-forwarded-proto", "http"),
    ("x-host", EVIL),
    ("x-original-host", EVIL),
    ("forwarded", "host=evil.example;proto=http"),
    ("origin", "https://evil.example"),
    ("referer", "https://evil.example/approvals/1"),
];

/// A house as a configuration makes it, one that trusts whoever sends as a proxy; it has a
/// reporter with a token, and an approver whom mail reaches.
async fn house(pool: PgPool, data: &TempDir, listen: [u8; 4]) -> House {
    let config = Config {
        listen: (listen, 4180).into(),
        public_url: Some(PUBLIC.to_owned()),
        data_folder: data.path().to_owned(),
        slack_webhook: Some("https://hooks.example/slack".to_owned().into()),
        slack_signing_secret: Some("secret".to_owned().into()),
        generic_webhook: Some("https://hooks.example/webhook".to_owned().into()),
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        ..Config::default()
    };
    let house = House::with(pool, config.engine_settings(), config);
    house.person("approver", Role::Approver, None).await;
    house.person("operator", Role::Operator, None).await;
    for sql in [
        "UPDATE accounts SET email = login || '@example.org' WHERE login = 'approver'",
        "UPDATE tokens SET scopes = '{report}'
         WHERE account_id = (SELECT id FROM accounts WHERE login = 'operator')",
    ] {
        sqlx::query(sql)
            .execute(&house.engine.pool)
            .await
            .expect("changed");
    }
    house
}

/// Reports a task that waits for a signature, addressed to this host, and hostile otherwise.
async fn report(house: &House, host: &str) -> StatusCode {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/agents/tasks/")
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, "Bearer wbt_token-of-operator")
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000))));
    for (name, value) in HOSTILE {
        request = request.header(name, value);
    }
    let body = json!({
        "task": "seo.validate", "run_id": "nightly-2025-01-15", "status": "awaiting_approval",
    });
    let request = request.body(Body::from(body.to_string()));
    let (status, answer) = house.send_for_text(request.expect("a request")).await;
    assert!(!answer.contains(EVIL), "{answer}");
    status
}

/// Sends the mail, and looks at all that was written: each message leads to our own page.
async fn check(house: &House, data: &TempDir) {
    while engine::notify::mail::deliver_due(&house.engine)
        .await
        .expect("a pass")
        > 0
    {}
    let approval = house.count("SELECT max(id) FROM approvals").await;
    let page = format!("{PUBLIC}/approvals/{approval}");
    let messages: Vec<(String, String)> = sqlx::query_as(
        "SELECT channel, concat_ws(' ', payload::text, sent_subject, sent_text) FROM outbox ORDER BY channel",
    )
    .fetch_all(&house.engine.pool)
    .await
    .expect("messages");
    let channels: Vec<&str> = messages
        .iter()
        .map(|(channel, _)| channel.as_str())
        .collect();
    assert_eq!(channels, ["mail", "slack", "webhook"]);
    for (channel, text) in &messages {
        assert!(text.contains(&page), "{channel}: {text}");
        assert!(!text.contains(EVIL), "{channel}: {text}");
    }
    let files: Vec<_> = std::fs::read_dir(data.path().join("mail"))
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    let [file] = files.as_slice() else {
        panic!("one message: {files:?}");
    };
    // Long lines are broken for the way.
    let mail = std::fs::read_to_string(file)
        .expect("text")
        .replace("=\r\n", "");
    assert_eq!(
        mail.matches(&page).count(),
        2,
        "in the text and in the HTML: {mail}"
    );
    assert!(!mail.contains(EVIL), "{mail}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn messages_lead_to_the_public_address_whatever_a_request_names(pool: PgPool) {
    let data = tempfile::tempdir().expect("a folder");
    let house = house(pool, &data, [127, 0, 0, 1]).await;
    assert_eq!(report(&house, EVIL).await, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(house.count("SELECT count(*) FROM outbox").await, 0);
    assert_eq!(report(&house, "night.example").await, StatusCode::CREATED);
    check(&house, &data).await;
}

/// Beyond loopback, any host is served where none is listed.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn messages_lead_to_the_public_address_where_any_host_is_served(pool: PgPool) {
    let data = tempfile::tempdir().expect("a folder");
    let house = house(pool, &data, [0, 0, 0, 0]).await;
    assert_eq!(report(&house, EVIL).await, StatusCode::CREATED);
    check(&house, &data).await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn figures_are_for_peers_without_a_proxy_between(pool: PgPool) {
    let config = Config {
        metrics_from: vec!["127.0.0.0/8".parse().expect("a network")],
        ..Config::default()
    };
    let house = House::with(pool, config.engine_settings(), config);
    let ask = async |peer: [u8; 4], mark: Option<&'static str>| {
        let mut request = Request::builder()
            .uri("/metrics")
            .header(header::HOST, "127.0.0.1:4180")
            .extension(ConnectInfo(SocketAddr::from((peer, 50_000))));
        if let Some(name) = mark {
            request = request.header(name, "192.0.2.1");
        }
        let request = request.body(Body::empty()).expect("a request");
        house.send_for_text(request).await.0
    };
    assert_eq!(ask([127, 0, 0, 1], None).await, StatusCode::OK);
    assert_eq!(ask([192, 0, 2, 1], None).await, StatusCode::UNAUTHORIZED);
    for mark in [
        "cf-connecting-ip",
        "x-forwarded-proto",
        "x-forwarded-for",
        "true-client-ip",
        "via",
    ] {
        let answer = ask([127, 0, 0, 1], Some(mark)).await;
        assert_eq!(answer, StatusCode::UNAUTHORIZED, "{mark}");
    }
}
