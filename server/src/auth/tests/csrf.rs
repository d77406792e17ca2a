use sqlx::PgPool;

use super::{App, SESSION, TOKEN, app};
use crate::config::Config;

const OURS: &str = "http://localhost:4180";

async fn check(app: &App, credential: (&str, &str), headers: &[(&str, &str)], expected: u16) {
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let mut all = vec![credential];
        all.extend_from_slice(headers);
        let status = app.status(method, "/anything", &all).await;
        assert_eq!(status.as_u16(), expected, "{method} {headers:?}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_cookie_needs_a_page_of_ours(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    let cookie = format!("watchbill={SESSION}");
    let bearer = format!("Bearer {TOKEN}");
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[("sec-fetch-site", "same-origin")], 200),
        (
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            200,
        ),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "none")], 403),
        (&[("sec-fetch-site", "")], 403),
        (&[("sec-fetch-site", "cross-site"), ("origin", OURS)], 403),
        (
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
            403,
        ),
        (&[("origin", OURS)], 200),
        (&[("origin", "HTTP://LOCALHOST:4180")], 200),
        (&[("origin", "null")], 403),
        (&[("origin", "")], 403),
        (&[("origin", "http://localhost:4181")], 403),
        (&[("origin", "https://localhost:4180")], 403),
        (&[("origin", "http://evil.example")], 403),
        (&[("origin", "http://localhost:4180.evil.example")], 403),
        (&[("origin", OURS), ("origin", "http://evil.example")], 403),
        (&[("referer", "http://localhost:4180/")], 403),
        (&[], 403),
    ];
    for (headers, expected) in table {
        check(&app, ("cookie", &cookie), headers, *expected).await;
        check(&app, ("authorization", &bearer), headers, 200).await;
        check(&app, ("x-admin-key", TOKEN), headers, 200).await;
    }
    // A cookie that is no session any more is checked all the same.
    check(&app, ("cookie", "watchbill=old"), &[], 403).await;
    for method in ["GET", "HEAD", "OPTIONS"] {
        let headers = [
            ("cookie", cookie.as_str()),
            ("sec-fetch-site", "cross-site"),
        ];
        assert_eq!(
            app.status(method, "/anything", &headers).await.as_u16(),
            200,
            "{method}"
        );
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_login_needs_one_too_though_it_has_no_cookie(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (site, expected) in [
        ("cross-site", 403),
        ("same-site", 403),
        ("none", 403),
        ("-", 403),
        ("same-origin", 422),
    ] {
        let status = app
            .status("POST", "/login", &[form, ("sec-fetch-site", site)])
            .await;
        assert_eq!(status.as_u16(), expected, "{site}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn behind_a_proxy_the_public_origin_counts(pool: PgPool) {
    let config = Config {
        public_url: Some("https://watch.example".to_owned()),
        ..Config::default()
    };
    let app = app(pool, config).await;
    let cookie = format!("__Host-watchbill={SESSION}");
    let host = ("host", "watch.example");
    for (origin, expected) in [
        ("https://watch.example", 200),
        ("https://watch.example:443", 200),
        ("http://watch.example", 403),
        ("https://watch.example.evil", 403),
    ] {
        let headers = [host, ("cookie", cookie.as_str()), ("origin", origin)];
        assert_eq!(
            app.status("POST", "/anything", &headers).await.as_u16(),
            expected,
            "{origin}"
        );
    }
}
