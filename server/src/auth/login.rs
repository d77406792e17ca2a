//! Logging in and out. The page belongs to `pages`, which calls [`login_submit`].

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use engine::identity::{self, LoginAttempt, sessions};
use engine::{Error, FieldProblem};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::client::{Client, Transport};
use super::{cookie, local_path};
use crate::rest::ApiError;
use crate::state::AppState;

/// The login form's fields.
#[derive(Clone, Debug, Deserialize)]
pub struct LoginForm {
    #[serde(default)]
    pub login: String,
    #[serde(default = "empty")]
    pub password: SecretString,
    /// Where to go afterwards; only a path of this site counts.
    #[serde(default)]
    pub next: Option<String>,
}

/// What came of a login.
#[derive(Clone, Debug)]
pub enum LoginOutcome {
    /// Send 303 to `next` with each of `cookies` as Set-Cookie.
    LoggedIn {
        cookies: [HeaderValue; 2],
        next: String,
    },
    /// Show the form again (422, or 429 where `retry_seconds` is given) with the messages
    /// beside their fields; an empty field name is about the whole form.
    Refused {
        problems: Vec<FieldProblem>,
        retry_seconds: Option<u64>,
        next: String,
    },
    /// No browser would keep the session: show why instead of asking again.
    InsecureTransport { explanation: String },
}

/// Tries to log in with what the form says.
pub async fn login_submit(
    state: &AppState,
    client: &Client,
    headers: &HeaderMap,
    form: LoginForm,
) -> Result<LoginOutcome, Error> {
    if client.transport == Transport::Open {
        let explanation = insecure(state);
        return Ok(LoginOutcome::InsecureTransport { explanation });
    }
    let next = local_path(form.next.as_deref());
    let missing = missing(&form);
    if !missing.is_empty() {
        return Ok(LoginOutcome::Refused {
            problems: missing,
            retry_seconds: None,
            next,
        });
    }
    let attempt = LoginAttempt {
        login: form.login,
        password: form.password,
        address: client.address,
        previous: cookie::session(client, headers),
        user_agent: cookie::user_agent(headers),
        device: cookie::device(client, headers),
    };
    let refused = |message: String, retry_seconds| LoginOutcome::Refused {
        problems: vec![FieldProblem {
            field: String::new(),
            message,
        }],
        retry_seconds,
        next: next.clone(),
    };
    match identity::login(&state.engine, &attempt).await {
        Ok(logged_in) => {
            let session = cookie::set(client.transport, &logged_in.session.value);
            let device = cookie::set_device(client.transport, &logged_in.device);
            let cookies = session
                .zip(device)
                .map(<[HeaderValue; 2]>::from)
                .ok_or_else(|| anyhow::anyhow!("a session's value does not fit a cookie"))?;
            Ok(LoginOutcome::LoggedIn { cookies, next })
        }
        Err(Error::Unauthenticated(message)) => Ok(refused(message, None)),
        Err(Error::TooMany {
            message,
            retry_seconds,
        }) => Ok(refused(message, Some(retry_seconds))),
        Err(error) => Err(error),
    }
}

/// `POST /logout`.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/logout", post(logout))
        .with_state(state)
}

async fn logout(State(state): State<AppState>, client: Client, headers: HeaderMap) -> Response {
    if let Some(session) = cookie::session(&client, &headers)
        && let Err(error) = sessions::logout(&state.engine, session.expose_secret()).await
    {
        // Forgetting the cookie alone would leave the session open: say that it failed.
        return ApiError(error).into_response();
    }
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/login")]).into_response();
    if let Some(cleared) = cookie::clear_cookie(&client) {
        response.headers_mut().insert(header::SET_COOKIE, cleared);
    }
    response
}

fn missing(form: &LoginForm) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut ask = |field: &str, message: &str| {
        problems.push(FieldProblem {
            field: field.to_owned(),
            message: message.to_owned(),
        });
    };
    if form.login.trim().is_empty() {
        ask("login", "Write your name.");
    }
    if form.password.expose_secret().is_empty() {
        ask("password", "Write your password.");
    }
    problems
}

fn insecure(state: &AppState) -> String {
    let address = state.config.address();
    let advice = if address.starts_with("https://") {
        format!("Open {address} instead, which is where this Watchbill is reached by https.")
    } else {
        "Let a reverse proxy with a certificate stand before Watchbill and set PUBLIC_URL to its https:// address, \
         or reach this port through an ssh tunnel as http://localhost."
            .to_owned()
    };
    format!(
        "You reached Watchbill by plain http from another machine. Your password and your session could be read on the way, \
         and browsers keep no secure session without https, so logging in is not possible here. {advice}"
    )
}

fn empty() -> SecretString {
    SecretString::from("")
}
