use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::identity::{principal_of_session, principal_of_token};
use model::identity::Principal;
use secrecy::ExposeSecret;

use super::client::Client;
use super::credential::Credential;
use super::{Caller, cookie, csrf, hosts, reporter};
use crate::rest::ApiError;
use crate::rest::error::problem;
use crate::state::AppState;

/// The middleware, for `axum::middleware::from_fn_with_state`. Puts [`Client`] and
/// [`Caller`] into the request's extensions.
pub async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let client = Client::of(&state.config, &parts);
    let caller = match hosts::check(&state.config, &parts) {
        // Slack's signature is the proof there, whatever else the request carries.
        Ok(()) if parts.uri.path() == crate::slack::PATH => Ok(None),
        Ok(()) => resolve(&state, &client, &parts).await,
        Err(refusal) => Err(refusal),
    };
    match caller {
        Ok(caller) => {
            parts.extensions.insert(client);
            parts.extensions.insert(Caller(caller));
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => *refusal,
    }
}

async fn resolve(
    state: &AppState,
    client: &Client,
    parts: &Parts,
) -> Result<Option<Principal>, Box<Response>> {
    let failed = |error| Box::new(ApiError(error).into_response());
    let credential = Credential::of(client, &parts.headers);
    let by_token = matches!(credential, Credential::Token(_) | Credential::Malformed);
    // A login is checked though it has no cookie yet: nobody should be logged in as another.
    let needs_origin = csrf::is_unsafe(&parts.method)
        && !by_token
        && (cookie::is_present(&parts.headers) || parts.uri.path() == "/login");
    if needs_origin && !csrf::is_same_origin(&state.config, client, &parts.headers) {
        return Err(Box::new(problem(
            StatusCode::FORBIDDEN,
            "this request did not come from a page of Watchbill; behind a reverse proxy, set public_url and let it pass Host and Origin on",
            &[],
        )));
    }
    match credential {
        // Never anonymous instead: whoever sends a token must hear that it does not work.
        Credential::Token(token) => principal_of_token(&state.engine, token.expose_secret())
            .await
            .map_err(failed)?
            .map(Some)
            .ok_or_else(|| failed(refused_token())),
        Credential::Malformed => Err(failed(refused_token())),
        Credential::Session(session) => {
            principal_of_session(&state.engine, session.expose_secret())
                .await
                .map_err(failed)
        }
        Credential::Nothing => Ok(reporter::recognise(&state.config, client, parts)),
    }
}

fn refused_token() -> engine::Error {
    engine::Error::Unauthenticated(
        "the token is unknown, expired or revoked, or its person may not log in".to_owned(),
    )
}
