use sqlx::PgPool;

use super::{app, json_of, networks, request};
use crate::config::Config;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn only_trusted_proxies_say_who_the_sender_is(pool: PgPool) {
    let config = Config {
        trusted_proxies: networks(&["10.0.0.0/8", "2001:db8:1::/48"]),
        ..Config::default()
    };
    let app = app(pool, config).await;
    for (peer, forwarded, address) in [
        ("192.0.2.7", &["203.0.113.9"][..], "192.0.2.7"),
        ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        (
            "10.0.0.1",
            &["6.6.6.6", "203.0.113.9, 10.0.0.2"],
            "203.0.113.9",
        ),
        ("10.0.0.1", &["6.6.6.6, nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["127.0.0.1, 203.0.113.9:4711"], "203.0.113.9"),
        (
            "2001:db8:1::1",
            &["6.6.6.6, [2001:db8:2::9]:443"],
            "2001:db8:2::9",
        ),
        ("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &[""], "10.0.0.1"),
        ("10.0.0.1", &[], "10.0.0.1"),
    ] {
        let headers: Vec<(&str, &str)> = forwarded
            .iter()
            .map(|value| ("x-forwarded-for", *value))
            .chain([("host", "localhost")])
            .collect();
        let response = app
            .send(request("GET", "/anything", peer, &headers, ""))
            .await;
        assert_eq!(
            json_of(response).await["address"],
            address,
            "{peer} {forwarded:?}"
        );
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_forged_address_does_not_buy_more_tries(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    sqlx::query("INSERT INTO login_failures (subject) SELECT 'address:127.0.0.1' FROM generate_series(1, 49)")
        .execute(&app.engine.pool)
        .await
        .expect("the failures are counted");
    let mut answers = Vec::new();
    for hop in ["1.1.1.1", "2.2.2.2", "3.3.3.3"] {
        // Through a proxy that nobody trusts this is no loopback request, so it is not even tried.
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-forwarded-for", hop),
        ];
        let form = format!("login=nobody-{hop}&password=wrong");
        answers.push(
            app.send(request("POST", "/login", "127.0.0.1", &headers, &form))
                .await
                .status()
                .as_u16(),
        );
        let plain = app
            .send(request("POST", "/login", "127.0.0.1", &headers[..2], &form))
            .await;
        answers.push(plain.status().as_u16());
    }
    assert_eq!(answers, [403, 422, 403, 429, 403, 429]);
}
