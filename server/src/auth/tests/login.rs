use axum::http::{StatusCode, header};
use axum::response::Response;
use engine::identity::accounts::{self, NewAccount};
use model::identity::{Principal, Role};
use secrecy::SecretString;
use sqlx::PgPool;

use super::{App, PASSWORD, app, request, text_of};
use crate::config::Config;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn with_jean(app: &App) {
    let new = NewAccount {
        login: "colleague".to_owned(),
        password: SecretString::from(PASSWORD),
        roles: vec![Role::Viewer],
        email: None,
    };
    accounts::create(&app.engine, &Principal::system("test"), &new)
        .await
        .expect("colleague is new");
    sqlx::query("UPDATE accounts SET must_change_password = false")
        .execute(&app.engine.pool)
        .await
        .expect("colleague chose it");
}

async fn submit(app: &App, peer: &str, headers: &[(&str, &str)], form: &str) -> Response {
    let mut all = vec![FORM, OURS];
    all.extend_from_slice(headers);
    app.send(request("POST", "/login", peer, &all, form)).await
}

fn cookie(response: &Response) -> &str {
    response.headers()[header::SET_COOKIE]
        .to_str()
        .expect("text")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_login_on_this_machine_and_its_logout(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    with_jean(&app).await;
    let form = "login=colleague&password=seven+grey+herons+stand&next=%2Fapprovals%3Fpage%3D2";
    let response = submit(&app, "127.0.0.1", &[], form).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], "/approvals?page=2");
    let set = cookie(&response);
    assert!(set.starts_with("watchbill="), "{set}");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure") && !set.contains("Domain"), "{set}");
    let session = set.split(';').next().expect("name and value").to_owned();
    let sent = [("cookie", session.as_str()), OURS];
    assert_eq!(
        app.taken_for(request("GET", "/x", "127.0.0.1", &sent, ""))
            .await,
        "session"
    );
    let left = app
        .send(request("POST", "/logout", "127.0.0.1", &sent, ""))
        .await;
    assert_eq!(
        (left.status(), &left.headers()[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/login".parse().expect("a value"))
    );
    assert!(cookie(&left).contains("Max-Age=0"));
    assert_eq!(
        app.taken_for(request("GET", "/x", "127.0.0.1", &sent, ""))
            .await,
        "nobody",
        "a replay"
    );
    let again = app.status("POST", "/logout", &sent).await;
    assert_eq!(again, StatusCode::SEE_OTHER, "again is no error");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn by_https_the_cookie_is_bound_to_the_host(pool: PgPool) {
    let config = Config {
        public_url: Some("https://watch.example".to_owned()),
        ..Config::default()
    };
    let app = app(pool, config).await;
    with_jean(&app).await;
    let host = ("host", "watch.example");
    let form = "login=colleague&password=seven+grey+herons+stand&next=//evil.example";
    let response = submit(&app, "127.0.0.1", &[host], form).await;
    assert_eq!(response.headers()[header::LOCATION], "/");
    let set = cookie(&response).to_owned();
    assert!(
        set.starts_with("__Host-watchbill=") && set.contains("Secure") && set.contains("Path=/"),
        "{set}"
    );
    let session = set.split(';').next().expect("name and value");
    let sent = [host, ("cookie", session)];
    assert_eq!(
        app.taken_for(request("GET", "/x", "127.0.0.1", &sent, ""))
            .await,
        "session"
    );
    let plain = session.replace("__Host-", "");
    let sent = [host, ("cookie", plain.as_str())];
    assert_eq!(
        app.taken_for(request("GET", "/x", "127.0.0.1", &sent, ""))
            .await,
        "nobody"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_browser_is_known_after_its_session(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    with_jean(&app).await;
    let form = "login=colleague&password=seven+grey+herons+stand";
    let response = submit(&app, "127.0.0.1", &[], form).await;
    let set: Vec<&str> = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|value| value.to_str().expect("text"))
        .collect();
    assert_eq!(set.len(), 2, "{set:?}");
    assert!(set[1].starts_with("watchbill-browser="), "{set:?}");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=34560000"] {
        assert!(set[1].contains(part), "{set:?}");
    }
    let device = set[1].split(';').next().expect("name and value");
    let sent = [("cookie", device)];
    let nobody = app
        .taken_for(request("GET", "/x", "127.0.0.1", &sent, ""))
        .await;
    assert_eq!(nobody, "nobody", "it opens nothing");
    sqlx::query(
        "INSERT INTO login_failures (subject)
         SELECT 'account:colleague' FROM generate_series(1, 300)",
    )
    .execute(&app.engine.pool)
    .await
    .expect("strangers tried");
    let shut = submit(&app, "127.0.0.1", &[], form).await;
    assert_eq!(shut.status(), StatusCode::TOO_MANY_REQUESTS);
    let known = submit(&app, "127.0.0.1", &sent, form).await;
    assert_eq!(known.status(), StatusCode::SEE_OTHER);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_plain_login_from_elsewhere_is_explained(pool: PgPool) {
    let config = Config {
        listen: ([0, 0, 0, 0], 4180).into(),
        ..Config::default()
    };
    let app = app(pool, config).await;
    let form = "login=approver&password=x";
    for (peer, host) in [
        ("192.0.2.9", "192.0.2.1:4180"),
        ("192.0.2.9", "localhost:4180"),
        ("127.0.0.1", "night.example"),
    ] {
        let response = submit(&app, peer, &[("host", host)], form).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        let text = text_of(response).await;
        assert!(
            text.contains("PUBLIC_URL") && text.contains("https"),
            "{text}"
        );
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_refused_login_says_the_same_for_all(pool: PgPool) {
    let app = app(pool, Config::default()).await;
    with_jean(&app).await;
    let mut answers = Vec::new();
    for form in [
        "login=colleague&password=wrong",
        "login=nobody&password=wrong",
    ] {
        let response = submit(&app, "127.0.0.1", &[], form).await;
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        answers.push((response.status(), text_of(response).await));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, StatusCode::UNPROCESSABLE_ENTITY);
    let empty = text_of(submit(&app, "127.0.0.1", &[], "login=+").await).await;
    assert!(
        empty.contains("\"login\"") && empty.contains("\"password\""),
        "{empty}"
    );
}
