use axum::http::header;
use model::identity::Role;
use sqlx::PgPool;

use super::{SESSION, TOKEN, app, json_of, person, request};
use crate::config::Config;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn each_proof_is_taken_for_what_it_is(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    person(&app.engine, "colleague", &[Role::Viewer]).await;
    let cookie = format!("watchbill={SESSION}");
    let secure = format!("__Host-watchbill={SESSION}");
    let bearer = format!("Bearer {TOKEN}");
    let lower = format!("bearer  {TOKEN}");
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[], "nobody"),
        (&[("cookie", &cookie)], "session"),
        (&[("cookie", "watchbill=unknown")], "nobody"),
        (&[("cookie", "watchbill=")], "nobody"),
        // Over plain http the secure name proves nothing.
        (&[("cookie", &secure)], "nobody"),
        (&[("authorization", &bearer)], "token"),
        (&[("authorization", &lower)], "token"),
        (&[("x-admin-key", TOKEN)], "token"),
        (
            &[("authorization", &bearer), ("x-admin-key", TOKEN)],
            "token",
        ),
        // A bad token never falls back, neither to a cookie nor to nobody.
        (&[("authorization", "Bearer wbt_unknown")], "401"),
        (&[("authorization", "Bearer")], "401"),
        (&[("authorization", "Bearer ")], "401"),
        (&[("x-admin-key", "")], "401"),
        (&[("x-admin-key", "wbt_unknown")], "401"),
        (
            &[("authorization", "Bearer wbt_unknown"), ("cookie", &cookie)],
            "401",
        ),
        (
            &[("x-admin-key", "wbt_unknown"), ("cookie", &cookie)],
            "401",
        ),
        (
            &[
                ("authorization", &bearer),
                ("x-admin-key", "wbt_token-of-colleague"),
            ],
            "401",
        ),
        (
            &[
                ("authorization", &bearer),
                ("authorization", "Bearer wbt_unknown"),
            ],
            "401",
        ),
        // A session's value is no token, and the other way round.
        (&[("authorization", "Bearer session-of-approver")], "401"),
        (&[("cookie", "watchbill=wbt_token-of-approver")], "nobody"),
        // A proxy's own scheme is not ours.
        (&[("authorization", "Basic bWFyaWU6eA==")], "nobody"),
        (
            &[("authorization", "Basic bWFyaWU6eA=="), ("cookie", &cookie)],
            "session",
        ),
    ];
    for (headers, expected) in table {
        let taken = app
            .taken_for(request("GET", "/anything", "127.0.0.1", headers, ""))
            .await;
        assert_eq!(taken, *expected, "{headers:?}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_refused_token_gets_a_problem_document(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    for headers in [
        [("authorization", "Bearer wbt_x")],
        [("x-admin-key", "wbt_x")],
        [("accept", "text/html")],
    ] {
        let response = app
            .send(request("GET", "/api/v1/me", "127.0.0.1", &headers, ""))
            .await;
        assert_eq!(response.status().as_u16(), 401);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert!(response.headers().contains_key(header::WWW_AUTHENTICATE));
        let problem = json_of(response).await;
        assert_eq!(problem["status"], 401);
        assert!(
            !problem["detail"]
                .as_str()
                .expect("a sentence")
                .contains("wbt_x")
        );
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_expired_or_revoked_token_and_a_disabled_person_are_refused(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("watchbill={SESSION}");
    let by_token = async || {
        app.taken_for(request(
            "GET",
            "/x",
            "127.0.0.1",
            &[("authorization", &bearer)],
            "",
        ))
        .await
    };
    let by_cookie = async || {
        app.taken_for(request(
            "GET",
            "/x",
            "127.0.0.1",
            &[("cookie", &cookie)],
            "",
        ))
        .await
    };
    let run =
        async |sql: &'static str| sqlx::query(sql).execute(&app.engine.pool).await.expect(sql);
    assert_eq!(
        (by_token().await, by_cookie().await),
        ("token".to_owned(), "session".to_owned())
    );
    run("UPDATE tokens SET expires_at = watchbill_now()").await;
    run("UPDATE sessions SET expires_at = watchbill_now()").await;
    assert_eq!(
        (by_token().await, by_cookie().await),
        ("401".to_owned(), "nobody".to_owned())
    );
    run("UPDATE tokens SET expires_at = NULL, revoked_at = watchbill_now()").await;
    assert_eq!(by_token().await, "401");
    run("UPDATE tokens SET revoked_at = NULL").await;
    run("UPDATE sessions SET expires_at = watchbill_now() + interval '1 day'").await;
    assert_eq!(
        (by_token().await, by_cookie().await),
        ("token".to_owned(), "session".to_owned())
    );
    run("UPDATE accounts SET disabled_at = watchbill_now()").await;
    assert_eq!(
        (by_token().await, by_cookie().await),
        ("401".to_owned(), "nobody".to_owned())
    );
}
