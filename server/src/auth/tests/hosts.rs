use sqlx::PgPool;

use super::{app, request};
use crate::config::Config;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn on_loopback_only_known_hosts_are_served(pool: PgPool) {
    let config = Config {
        public_url: Some("https://watch.example:8443/base".to_owned()),
        ..Config::default()
    };
    let app = app(pool, config).await;
    for (host, expected) in [
        ("localhost", 200),
        ("LOCALHOST:4180", 200),
        ("localhost.:4180", 200),
        ("127.0.0.1:4180", 200),
        ("127.9.9.9", 200),
        ("[::1]:4180", 200),
        ("watch.example", 200),
        ("Watch.Example:8443", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("watch.example.evil", 421),
        ("192.0.2.1", 421),
        ("", 400),
    ] {
        let status = app.status("GET", "/anything", &[("host", host)]).await;
        assert_eq!(status.as_u16(), expected, "{host:?}");
        assert_eq!(
            app.status("GET", "/health", &[("host", host)])
                .await
                .as_u16(),
            200
        );
    }
    let two = [("host", "localhost"), ("host", "localhost")];
    assert_eq!(app.status("GET", "/anything", &two).await.as_u16(), 400);
    assert_eq!(
        app.status("GET", "/anything", &[("host", "-")])
            .await
            .as_u16(),
        400,
        "none at all"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn elsewhere_a_list_holds_where_there_is_one(pool: PgPool) {
    let open = Config {
        listen: ([0, 0, 0, 0], 4180).into(),
        ..Config::default()
    };
    let listed = Config {
        allowed_hosts: vec!["night.example".to_owned()],
        ..open.clone()
    };
    let (open, listed) = (app(pool.clone(), open).await, {
        sqlx::query("TRUNCATE accounts CASCADE")
            .execute(&pool)
            .await
            .expect("the accounts go");
        app(pool, listed).await
    });
    for (host, by_open, by_list) in [
        ("night.example", 200, 200),
        ("192.0.2.1:4180", 200, 421),
        ("x.example", 200, 421),
    ] {
        let send = || request("GET", "/anything", "192.0.2.9", &[("host", host)], "");
        assert_eq!(open.send(send()).await.status().as_u16(), by_open, "{host}");
        assert_eq!(
            listed.send(send()).await.status().as_u16(),
            by_list,
            "{host}"
        );
    }
}
