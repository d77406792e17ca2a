//! What people send from pages: plain forms, one subject a file.
//!
//! Each ends in a 303 to a page, or in the same page with its messages beside the fields.
//! Nothing of it stands in the address, and nothing needs JavaScript.

mod account;
mod acknowledge;
mod decide;
mod delegation;
mod delivery;
mod inputs;
mod language;
mod login;
mod notifications;
mod plan;
mod run;
mod task;
mod what_if;

use axum::Router;
use axum::routing::post;
use model::identity::Principal;

use super::reader::Reader;
use crate::state::AppState;

/// The fields of a form, in the order in which they were sent.
type Fields = axum::Form<Vec<(String, String)>>;

/// The addresses of the forms.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(
            "/login",
            post(login::login).get(super::page).head(super::page),
        )
        .route("/language", post(language::choose))
        .route(
            "/approvals/{id}/decide",
            post(decide::decide).get(back).head(back),
        )
        .route(
            "/approvals/{id}/acknowledge",
            post(acknowledge::acknowledge).get(back).head(back),
        )
        .route(
            "/account/delegate",
            post(delegation::create).get(back).head(back),
        )
        .route(
            "/account/undelegate",
            post(delegation::revoke).get(back).head(back),
        )
        .route("/tasks/{id}/{verb}", post(task::act).get(back).head(back))
        .route("/runs/{key}/{verb}", post(run::act).get(back).head(back))
        .route(
            "/plans/{name}/what-if",
            post(what_if::ask).get(super::page).head(super::page),
        )
        .route("/plans/{name}/run", post(plan::run).get(back).head(back))
        .route(
            "/plans/{name}/pause",
            post(plan::pause).get(back).head(back),
        )
        .route(
            "/plans/{name}/resume",
            post(plan::resume).get(back).head(back),
        )
        .route(
            "/deliveries/retry",
            post(delivery::retry).get(back).head(back),
        )
        .route(
            "/account/password",
            post(account::password).get(back).head(back),
        )
        .route(
            "/account/tokens",
            post(account::create_token).get(back).head(back),
        )
        .route(
            "/account/notifications",
            post(notifications::store).get(back).head(back),
        )
        .route(
            "/account/logout-everywhere",
            post(account::logout_everywhere).get(back).head(back),
        )
        .route(
            "/account/end-session",
            post(account::end_session).get(back).head(back),
        )
        .route(
            "/account/revoke",
            post(account::revoke_token).get(back).head(back),
        )
}

/// Whoever reads the address of a form meets the page that the form belongs to.
async fn back(uri: axum::http::Uri) -> axum::response::Response {
    let page = uri.path().rsplit_once('/').map_or("/", |(page, _)| page);
    super::refusal::see(page)
}

/// The value of a field; empty where it was not sent.
fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields
        .iter()
        .find(|(key, _)| key == name)
        .map_or("", |(_, value)| value.as_str())
}

/// The page of the request, in the order of the inbox that the person works through.
fn in_order(id: i64, group: &str) -> String {
    match group {
        "plan" | "result" => format!("/approvals/{id}?group={group}"),
        _ => format!("/approvals/{id}"),
    }
}

/// Whoever sent the form, where anybody is logged in.
fn sender(reader: &Reader) -> engine::Result<Principal> {
    reader
        .principal
        .clone()
        .ok_or_else(|| engine::Error::Unauthenticated("log in first".to_owned()))
}
