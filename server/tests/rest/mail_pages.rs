//! The form by which people choose their mail, and the page of messages, over the whole router.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, StatusCode};
use engine::settings::MailSettings;
use engine::{Engine, Settings};
use leptos::config::LeptosOptions;
use serde_json::Value;
use server::config::Config;
use server::state::AppState;
use sqlx::PgPool;
use tower::ServiceExt as _;

struct Pages {
    engine: Engine,
    router: Router,
}

impl Pages {
    async fn new(pool: PgPool, settings: Settings) -> Self {
        let engine = Engine::new(pool, settings);
        for (login, role) in [("admin", "admin"), ("approver", "approver")] {
            sqlx::query(
                "WITH a AS (INSERT INTO accounts (login, password_hash, email)
                            VALUES ($1, 'none', $1 || '@example.org') RETURNING id),
                      r AS (INSERT INTO account_roles SELECT id, $2 FROM a)
                 INSERT INTO sessions (token_hash, account_id, expires_at)
                 SELECT sha256(convert_to('session-of-' || $1, 'UTF8')), id, watchbill_now() + interval '1 day' FROM a",
            )
            .bind(login)
            .bind(role)
            .execute(&engine.pool)
            .await
            .expect("the account is new");
        }
        let state = AppState {
            engine: engine.clone(),
            config: Arc::new(Config::default()),
            leptos_options: LeptosOptions::builder().output_name("watchbill").build(),
        };
        let router = server::router::router(&state);
        Self { engine, router }
    }

    async fn ask(&self, who: &str, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost:4180")
            .header("cookie", format!("watchbill=session-of-{who}"))
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(ConnectInfo(peer))
            .body(Body::from(body.to_owned()))
            .expect("a valid request");
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("the router always answers");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX)
            .await
            .expect("the body is whole");
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }
}

const FORM: &str = "mode=digest&digest_hour=6&language=fr&quiet_from=22:00&quiet_until=07:00\
                    &failures=true&failures_in_a_row=2&working_hours=Mon-Fri+09:00-18:00";

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn people_choose_their_mail_without_javascript(pool: PgPool) {
    let pages = Pages::new(pool, Settings::default()).await;
    let (status, page) = pages.ask("approver", Method::GET, "/account", "").await;
    assert_eq!(status, StatusCode::OK);
    for label in [
        "Mail address",
        "approver@example.org",
        "Quiet from",
        "Hour of the daily message",
    ] {
        assert!(page.contains(label), "{label} is missing");
    }

    let wrong = format!("{FORM}&email=nobody&zone=Mars/Olympus");
    let (status, page) = pages
        .ask("approver", Method::POST, "/account/notifications", &wrong)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in [
        "id=\"field-email-wrong\"",
        "Write one address, like approver@example.org.",
        "id=\"field-zone-wrong\"",
        "value=\"nobody\"",
        "value=\"Mars/Olympus\"",
    ] {
        assert!(page.contains(text), "{text} is missing");
    }

    let right = format!("{FORM}&email=night@example.org&zone=Europe/Paris");
    let (status, page) = pages
        .ask("approver", Method::POST, "/account/notifications", &right)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Your choice is stored."));
    let stored: (String, String, String, i16, bool, i32, String) = sqlx::query_as(
        "SELECT email, zone, notify_mode, digest_hour, failure_mail, failures_in_a_row, working_hours
         FROM accounts WHERE login = 'approver'",
    )
    .fetch_one(&pages.engine.pool)
    .await
    .unwrap();
    assert_eq!(
        stored,
        (
            "night@example.org".to_owned(),
            "Europe/Paris".to_owned(),
            "digest".to_owned(),
            6,
            true,
            2,
            "Mon-Fri 09:00-18:00".to_owned()
        )
    );
    // Reading a form's address changes nothing and leads to its page.
    let (status, _) = pages
        .ask("approver", Method::GET, "/account/notifications", "")
        .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
}

/// Whether the approver's address counts as refused, and all else that they chose.
async fn chosen(pages: &Pages) -> (bool, Value) {
    sqlx::query_as(
        "SELECT email_disabled_at IS NOT NULL,
                to_jsonb(a) - '{email_disabled_at,email_disabled_reason}'::text[]
         FROM accounts a WHERE login = 'approver'",
    )
    .fetch_one(&pages.engine.pool)
    .await
    .expect("the account")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_refused_address_is_tried_again_by_its_own_button_alone(pool: PgPool) {
    let pages = Pages::new(pool, Settings::default()).await;
    sqlx::query(
        "UPDATE accounts SET email_disabled_at = watchbill_now(), email_disabled_reason = 'no such user'",
    )
    .execute(&pages.engine.pool)
    .await
    .unwrap();
    let address = "/account/notifications";
    let whole = format!("{FORM}&email=approver@example.org&zone=Europe/Paris");
    let (status, page) = pages.ask("approver", Method::POST, address, &whole).await;
    assert_eq!(status, StatusCode::OK);
    let (refused, stored) = chosen(&pages).await;
    assert!(refused, "the address stood in the form as it was");
    assert_eq!(stored["notify_mode"], "digest");
    assert!(page.contains("no such user"), "{page}");
    assert!(page.contains("name=\"again\""), "{page}");

    let button = "email=approver@example.org&again=email";
    let (status, page) = pages.ask("approver", Method::POST, address, button).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(chosen(&pages).await, (false, stored));
    assert!(!page.contains("name=\"again\""), "{page}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn admins_see_messages_and_others_do_not(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        mail: MailSettings {
            folder: Some(folder.path().join("mail")),
            ..MailSettings::default()
        },
        ..Settings::default()
    };
    let pages = Pages::new(pool, settings).await;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO outbox (channel, dedup_key, payload, recipient_account_id, delivered_at, sent_subject, sent_text)
         SELECT 'mail', 'x', '{\"kind\": \"task_failed\"}', id, watchbill_now(), 'Failed: </script>', 'The <b>text</b>'
         FROM accounts WHERE login = 'approver' RETURNING id",
    )
    .fetch_one(&pages.engine.pool)
    .await
    .unwrap();
    let (status, page) = pages.ask("admin", Method::GET, "/mail", "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains(&format!("href=\"/mail/{id}\"")), "{page}");
    assert!(page.contains("No mail server is configured"));
    assert!(page.contains("Failed: &lt;/script&gt;"), "{page}");
    let one = format!("/mail/{id}");
    let (status, page) = pages.ask("admin", Method::GET, &one, "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("The &lt;b&gt;text&lt;/b&gt;"), "{page}");
    for path in ["/mail", &one] {
        let (status, page) = pages.ask("approver", Method::GET, path, "").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(!page.contains("Failed:"));
    }
    let (status, _) = pages.ask("admin", Method::GET, "/mail/999", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
