//! The layer over a small router: what each kind of request is taken for.

mod api;
mod credentials;
mod csrf;
mod forwarded;
mod hosts;
mod login;
mod reporter;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::{Form, Json, Router, routing};
use engine::{Engine, Settings};
use leptos::config::LeptosOptions;
use model::identity::{PrincipalKind, Role};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt;

use super::{
    Caller, Client, LoginForm, LoginOutcome, api as api_routes, layer, login_submit, router,
};
use crate::config::Config;
use crate::state::AppState;

/// A session and a token that [`app`] stores for `approver`, an approver.
pub const SESSION: &str = "session-of-approver";
pub const TOKEN: &str = "wbt_token-of-approver";
pub const PASSWORD: &str = "seven grey herons stand";

pub struct App {
    pub engine: Engine,
    router: Router,
}

/// The layer, the routes of this module, and for every other path an answer that says
/// who was recognised.
pub async fn app(pool: PgPool, config: Config) -> App {
    let engine = Engine::new(pool, Settings::default());
    person(&engine, "approver", &[Role::Approver]).await;
    let state = AppState {
        engine: engine.clone(),
        config: Arc::new(config),
        leptos_options: LeptosOptions::builder().output_name("test").build(),
    };
    let (api, _) = api_routes().with_state(state.clone()).split_for_parts();
    let page = Router::new()
        .route("/login", routing::post(log_in))
        .with_state(state.clone());
    let router = Router::new()
        .merge(router(state.clone()))
        .merge(api)
        .merge(page)
        .fallback(routing::any(who))
        .layer(from_fn_with_state(state, layer));
    App { engine, router }
}

/// An account with the session `session-of-<login>` and the token `wbt_token-of-<login>`.
pub async fn person(engine: &Engine, login: &str, roles: &[Role]) {
    let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    sqlx::query(
        "WITH a AS (INSERT INTO accounts (login, password_hash) VALUES ($1, 'none') RETURNING id),
              r AS (INSERT INTO account_roles SELECT id, unnest($2::text[]) FROM a),
              s AS (INSERT INTO sessions (token_hash, account_id, expires_at)
                    SELECT sha256(convert_to('session-of-' || $1, 'UTF8')), id, watchbill_now() + interval '1 day' FROM a)
         INSERT INTO tokens (token_hash, name, account_id, scopes)
         SELECT sha256(convert_to('wbt_token-of-' || $1, 'UTF8')), 'test', id, '{read,decide}' FROM a",
    )
    .bind(login)
    .bind(roles)
    .execute(&engine.pool)
    .await
    .expect("the account is new");
}

async fn who(Caller(caller): Caller, client: Client) -> Json<Value> {
    let kind = caller.as_ref().map(|caller| match caller.kind {
        PrincipalKind::Session { .. } => "session",
        PrincipalKind::PendingPassword { .. } => "pending password",
        PrincipalKind::PersonToken { .. } => "token",
        PrincipalKind::StepToken { .. } => "step",
        PrincipalKind::TrustedReporter => "reporter",
        PrincipalKind::System => "system",
    });
    let name = caller.map(|caller| caller.name);
    Json(json!({ "kind": kind, "name": name, "address": client.address.to_string() }))
}

async fn log_in(
    axum::extract::State(state): axum::extract::State<AppState>,
    client: Client,
    headers: axum::http::HeaderMap,
    Form(form): Form<LoginForm>,
) -> axum::response::Response {
    use axum::response::IntoResponse;
    match login_submit(&state, &client, &headers, form).await {
        Ok(LoginOutcome::LoggedIn { cookies, next }) => (
            StatusCode::SEE_OTHER,
            axum::response::AppendHeaders(cookies.map(|cookie| (header::SET_COOKIE, cookie))),
            [(header::LOCATION, next)],
        )
            .into_response(),
        Ok(LoginOutcome::Refused {
            problems,
            retry_seconds,
            ..
        }) => {
            let status = retry_seconds.map_or(StatusCode::UNPROCESSABLE_ENTITY, |_| {
                StatusCode::TOO_MANY_REQUESTS
            });
            (status, Json(json!(problems))).into_response()
        }
        Ok(LoginOutcome::InsecureTransport { explanation }) => {
            (StatusCode::FORBIDDEN, explanation).into_response()
        }
        Err(error) => crate::rest::ApiError(error).into_response(),
    }
}

/// A request from `peer`, addressed to localhost unless a header says otherwise.
pub fn request(
    method: &str,
    path: &str,
    peer: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Body> {
    let peer: IpAddr = peer.parse().expect("an address");
    let mut builder = Request::builder().method(method).uri(path);
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        builder = builder.header("host", "localhost:4180");
    }
    for (name, value) in headers.iter().filter(|(_, value)| *value != "-") {
        builder = builder.header(*name, *value);
    }
    builder
        .extension(ConnectInfo(SocketAddr::new(peer, 50_000)))
        .body(Body::from(body.to_owned()))
        .expect("a request")
}

impl App {
    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("the router always answers")
    }

    /// Sends from this machine, without a body.
    pub async fn status(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> StatusCode {
        self.send(request(method, path, "127.0.0.1", headers, ""))
            .await
            .status()
    }

    /// Who the request was taken for: the kind, or the status of the refusal.
    pub async fn taken_for(&self, request: Request<Body>) -> String {
        let response = self.send(request).await;
        if response.status() != StatusCode::OK {
            return response.status().as_u16().to_string();
        }
        json_of(response).await["kind"]
            .as_str()
            .unwrap_or("nobody")
            .to_owned()
    }
}

pub async fn text_of(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("a short body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

pub async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_str(&text_of(response).await).expect("JSON")
}

pub fn networks(texts: &[&str]) -> Vec<ipnet::IpNet> {
    texts
        .iter()
        .map(|text| text.parse().expect("a network"))
        .collect()
}
