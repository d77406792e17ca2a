//! Who reads a page, and in which language.

use std::convert::Infallible;

use app::text::{Language, language_of, negotiate};
use app::visit::{FormAnswer, Visit};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum_extra::extract::CookieJar;
use chrono::Datelike as _;
use engine::identity::Origin;
use model::identity::Principal;
use serde::Deserialize;

use crate::auth::{Caller, Client, local_path, origin};
use crate::state::AppState;

/// Where the choice of a language is kept.
pub const LANGUAGE_COOKIE: &str = "watchbill_language";

/// What a request says of whoever reads.
#[derive(Clone, Debug)]
pub struct Reader {
    pub principal: Option<Principal>,
    pub language: Language,
    /// Where the request comes from.
    pub origin: Origin,
    /// Where to go after a login, as the address says; to be checked before use.
    pub next: Option<String>,
}

#[derive(Default, Deserialize)]
struct Next {
    next: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let Caller(principal) = Caller::from_request_parts(parts, state).await?;
        let next = Query::<Next>::try_from_uri(&parts.uri).map(|Query(query)| query.next);
        let client = Client::from_request_parts(parts, state).await?;
        Ok(Self {
            principal,
            origin: origin(&client, &parts.headers),
            language: language(&parts.headers),
            next: next.unwrap_or_default(),
        })
    }
}

impl Reader {
    /// Whether somebody else chose the password: then nothing but a new one may be chosen.
    pub fn must_choose_password(&self) -> bool {
        self.principal
            .as_ref()
            .is_some_and(Principal::must_choose_password)
    }

    /// What the page is told.
    pub fn visit(&self, state: &AppState, answer: Option<FormAnswer>) -> Visit {
        let next = self.next.as_deref().map(|next| local_path(Some(next)));
        Visit {
            principal: self.principal.clone(),
            language: self.language,
            year: state.engine.clock.now().year(),
            next: next.filter(|next| next != "/"),
            answer,
        }
    }
}

/// The chosen language, else the first that the browser accepts.
fn language(headers: &HeaderMap) -> Language {
    let chosen = CookieJar::from_headers(headers)
        .get(LANGUAGE_COOKIE)
        .and_then(|cookie| language_of(cookie.value()));
    let accepted = || {
        let header = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        negotiate(header)
    };
    chosen.or_else(accepted).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_comes_before_what_the_browser_accepts() {
        let mut headers = HeaderMap::new();
        assert_eq!(language(&headers), Language::English);
        headers.insert(
            header::ACCEPT_LANGUAGE,
            "fr-FR,fr;q=0.9".parse().expect("a header"),
        );
        assert_eq!(language(&headers), Language::French);
        headers.insert(
            header::COOKIE,
            "watchbill_language=en".parse().expect("a header"),
        );
        assert_eq!(language(&headers), Language::English);
        headers.insert(
            header::COOKIE,
            "watchbill_language=xx".parse().expect("a header"),
        );
        assert_eq!(language(&headers), Language::French);
    }
}
