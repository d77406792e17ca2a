//! Whoever asks, and a house in which all of them are known.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use model::identity::Role;
use model::plan::{Plan, PlanTask, Work};
use server::config::Config;
use sqlx::PgPool;
use tower::ServiceExt as _;

use crate::house::{House, settings};

/// In the order of the table's columns.
pub const CALLERS: [Caller; 12] = [
    Caller::Nobody,
    Caller::Session("viewer"),
    Caller::Session("operator"),
    Caller::Session("approver"),
    Caller::Session("admin"),
    Caller::Token("read"),
    Caller::Token("report"),
    Caller::Token("run"),
    Caller::Token("plans"),
    Caller::Token("decide"),
    Caller::Token("admin"),
    Caller::Token("disabled"),
];

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    Nobody,
    /// A browser in which the account of this login is logged in.
    Session(&'static str),
    /// A token of an admin with this scope alone; `disabled` has all of them, and its account is.
    Token(&'static str),
}

impl Caller {
    /// A request of this caller, from a browser on this machine where it is one.
    pub fn request(self, method: &Method, path: &str, kind: &str, body: String) -> Request {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::ACCEPT, "text/html, application/json")
            .header(header::CONTENT_TYPE, kind)
            .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000))));
        match self {
            Self::Nobody => request = request.header("sec-fetch-site", "same-origin"),
            Self::Session(login) => {
                request = request
                    .header("sec-fetch-site", "same-origin")
                    .header(header::COOKIE, format!("watchbill=session-of-{login}"));
            }
            Self::Token(scope) => {
                request = request.header(header::AUTHORIZATION, format!("Bearer wbt_{scope}"));
            }
        }
        request.body(Body::from(body)).expect("a request")
    }
}

/// The callers of the table, in a house with a plan, where a reported task waits for a signature.
pub async fn house(pool: PgPool) -> House {
    let config = Config {
        // Whoever is near would read them without a word.
        metrics_from: Vec::new(),
        ..Config::default()
    };
    let house = House::with(pool, settings(), config);
    for (login, role) in [
        ("viewer", Role::Viewer),
        ("operator", Role::Operator),
        ("approver", Role::Approver),
        ("admin", Role::Admin),
        ("gone", Role::Admin),
    ] {
        house.person(login, role, None).await;
    }
    for scope in ["read", "report", "run", "plans", "decide", "admin"] {
        token(&house, scope, "admin", &[scope]).await;
    }
    let all = ["read", "report", "run", "plans", "decide", "admin"];
    token(&house, "disabled", "gone", &all).await;
    sqlx::query("UPDATE accounts SET disabled_at = watchbill_now() WHERE login = 'gone'")
        .execute(&house.engine.pool)
        .await
        .expect("it is disabled");
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
    house.waiting().await;
    plan(&house).await;
    house
}

async fn plan(house: &House) {
    let plan = Plan {
        name: "nightly".to_owned(),
        description: String::new(),
        timezone: "Europe/Paris".to_owned(),
        run_id: "nightly-{date}".to_owned(),
        inputs: Vec::new(),
        triggers: Vec::new(),
        tasks: vec![PlanTask::new("build", Work::run(["true"]))],
    };
    sqlx::query(
        "WITH p AS (INSERT INTO plans (name, current_version, source) VALUES ('nightly', 1, 'api') RETURNING id)
         INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by)
         SELECT id, 1, '', 'plan: nightly', $1, 'test' FROM p",
    )
    .bind(serde_json::to_value(plan).expect("a plan is JSON"))
    .execute(&house.engine.pool)
    .await
    .expect("the plan is new");
}

async fn token(house: &House, value: &str, login: &str, scopes: &[&str]) {
    sqlx::query(
        "INSERT INTO tokens (token_hash, name, account_id, scopes)
         SELECT sha256(convert_to('wbt_' || $1, 'UTF8')), 'matrix', id, $3 FROM accounts WHERE login = $2",
    )
    .bind(value)
    .bind(login)
    .bind(scopes)
    .execute(&house.engine.pool)
    .await
    .expect("the token is new");
}

/// Logging out is among the routes.
pub async fn log_in_again(house: &House) {
    sqlx::query(
        "INSERT INTO sessions (token_hash, account_id, expires_at)
         SELECT sha256(convert_to('session-of-' || login, 'UTF8')), id, watchbill_now() + interval '1 hour'
         FROM accounts WHERE disabled_at IS NULL ON CONFLICT DO NOTHING",
    )
    .execute(&house.engine.pool)
    .await
    .expect("everybody is logged in");
}

/// The table's sign for an answer: `+` where the caller got past the door, whatever they met
/// behind it, `.` where they did not, `!` where the server failed.
pub fn sign(status: StatusCode, headers: &HeaderMap) -> char {
    if status.is_server_error() {
        return '!';
    }
    // Logging out leads there as well, and takes the cookie away.
    let to_login = headers
        .get(header::LOCATION)
        .is_some_and(|to| to.as_bytes().starts_with(b"/login"));
    let turned_away = to_login && !headers.contains_key(header::SET_COOKIE);
    let refused = status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN;
    if turned_away || refused { '.' } else { '+' }
}

pub async fn send(house: &House, request: Request) -> Response {
    let answer = house.router.clone().oneshot(request).await;
    answer.expect("the router always answers")
}
