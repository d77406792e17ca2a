//! `/api/v1/me`, `/api/v1/sessions`, `/api/v1/tokens` and `/api/v1/accounts`.

mod accounts;
mod me;
mod notifications;
mod sessions;
mod tokens;

use std::str::FromStr;

use engine::{Error, FieldProblem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

/// The routes with their descriptions, to be merged into the API.
pub fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(me::me))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::change))
        .routes(routes!(notifications::get))
}

/// Words of a list, each of which must be known.
fn words<T: FromStr<Err: std::fmt::Display>>(
    field: &str,
    texts: &[String],
) -> Result<Vec<T>, Error> {
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(word) => found.push(word),
            Err(error) => problems.push(FieldProblem {
                field: format!("{field}[{index}]"),
                message: T::Err::to_string(&error),
            }),
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(Error::Invalid(problems))
    }
}

/// An id in a path; what is no number names nothing.
fn id<T: FromStr>(what: &str, text: &str) -> Result<T, Error> {
    text.parse()
        .map_err(|_| Error::NotFound(format!("there is no {what} {text}")))
}
