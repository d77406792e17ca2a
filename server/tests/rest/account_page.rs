//! The page Account: where a person is logged in, and the tokens in their name.

use axum::http::StatusCode;
use model::identity::Role;
use sqlx::PgPool;

use crate::house::{House, Page, settings};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";

/// A house in which `owner` is logged in here, and on another machine.
async fn house(pool: PgPool) -> House {
    let house = House::new(pool, settings());
    house.person("owner", Role::Admin, None).await;
    sqlx::query(
        "INSERT INTO sessions (token_hash, account_id, expires_at, address, user_agent)
         SELECT sha256('elsewhere'), id, watchbill_now() + interval '1 hour', '192.0.2.7', $1 FROM accounts",
    )
    .bind(FIREFOX)
    .execute(&house.engine.pool)
    .await
    .expect("a session elsewhere");
    house
}

async fn execute(house: &House, sql: &'static str) {
    sqlx::query(sql)
        .execute(&house.engine.pool)
        .await
        .expect("the statement is right");
}

async fn make(house: &House, fields: &[(&str, &str)]) -> Page {
    let mut all = vec![("name", "nightly script")];
    all.extend_from_slice(fields);
    house.form("owner", "/account/tokens", &all).await
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn sessions_are_named_and_ended_one_by_one(pool: PgPool) {
    let house = house(pool).await;
    for (reader, present, browser, tokens) in [
        ("owner", "this browser", "Firefox on Linux", "tokens, too"),
        (
            "fr owner",
            "ce navigateur",
            "Firefox sous Linux",
            "jetons d’accès",
        ),
    ] {
        let page = house.page(reader, "/account").await;
        assert_eq!(page.status, StatusCode::OK);
        for words in [present, browser, "192.0.2.7", tokens] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        let marks = page.text.matches(present).count();
        assert_eq!(marks, 1, "one of the two is the present one");
    }
    let other = "SELECT coalesce(max(id), 0) FROM sessions WHERE address IS NOT NULL";
    let id = house.count(other).await.to_string();
    let fields = [("session", id.as_str())];
    let ended = house.form("owner", "/account/end-session", &fields).await;
    assert_eq!(
        (ended.status, ended.location.as_deref()),
        (StatusCode::SEE_OTHER, Some("/account"))
    );
    assert_eq!(house.count(other).await, 0);
    let again = house.form("owner", "/account/end-session", &fields).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert!(again.text.contains("there is no session"), "{}", again.text);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_token_that_decides_asks_for_the_password(pool: PgPool) {
    let house = house(pool).await;
    let decide = ("scope.decide", "true");
    let made = make(&house, &[decide]).await;
    assert_eq!(made.status, StatusCode::OK);
    assert!(made.text.contains("wbt_"), "just logged in");
    execute(
        &house,
        "UPDATE sessions SET created_at = created_at - interval '11 minutes'",
    )
    .await;
    let asked = make(&house, &[decide, ("present_password", "")]).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        asked.text.contains("Write your password") && asked.text.contains("nightly script"),
        "{}",
        asked.text
    );
    let read = make(&house, &[("scope.read", "true"), ("lifetime_days", "7")]).await;
    assert_eq!(read.status, StatusCode::OK);
    for days in ["0", "-1", "x", "3651"] {
        let refused = make(&house, &[("scope.read", "true"), ("lifetime_days", days)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{days}");
        assert!(refused.text.contains("between 1 and 3650"), "{days}");
    }
    let lengths = "SELECT sum(extract(day FROM expires_at - created_at))::bigint FROM tokens
                   WHERE name = 'nightly script'";
    assert_eq!(house.count(lengths).await, 90 + 7);
    let page = house.page("owner", "/account").await;
    assert!(page.text.contains("ends "), "{}", page.text);
    assert!(page.text.contains("has no end"), "that of before");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_password_is_never_sent_back(pool: PgPool) {
    let house = house(pool).await;
    // Cheap to verify; it is no password's.
    let hash = format!(
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzYWx0${}",
        "A".repeat(43)
    );
    sqlx::query("UPDATE accounts SET password_hash = $1")
        .bind(hash)
        .execute(&house.engine.pool)
        .await
        .expect("a hash");
    execute(
        &house,
        "UPDATE sessions SET created_at = created_at - interval '11 minutes'",
    )
    .await;
    let typed = ("present_password", "seven grey herons stand");
    let wrong = make(&house, &[("scope.admin", "true"), typed]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("not your present password"));
    assert!(!wrong.text.contains("herons"), "{}", wrong.text);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn logging_out_everywhere_leaves_the_tokens_unless_told(pool: PgPool) {
    let house = house(pool).await;
    let live = "SELECT count(*) FROM tokens WHERE revoked_at IS NULL";
    for (fields, left) in [(&[][..], 1), (&[("end_tokens", "true")][..], 0)] {
        execute(
            &house,
            "INSERT INTO sessions (token_hash, account_id, expires_at)
             SELECT sha256('session-of-owner'), id, watchbill_now() + interval '1 hour'
             FROM accounts ON CONFLICT DO NOTHING",
        )
        .await;
        let out = house
            .form("owner", "/account/logout-everywhere", fields)
            .await;
        assert_eq!(out.status, StatusCode::SEE_OTHER);
        assert_eq!(house.count(live).await, left);
        let sessions = house.count("SELECT count(*) FROM sessions").await;
        assert_eq!(sessions, 0);
    }
}
