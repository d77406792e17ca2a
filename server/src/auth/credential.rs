//! What a request shows to prove who sends it.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use secrecy::SecretString;

use super::client::Client;
use super::cookie;

/// The one proof that counts.
#[derive(Debug)]
pub(super) enum Credential {
    /// A token, in either header.
    Token(SecretString),
    /// Something where a token should be that is none.
    Malformed,
    /// A session's cookie.
    Session(SecretString),
    Nothing,
}

impl Credential {
    /// A token counts before a cookie: whoever sends one means it.
    pub(super) fn of(client: &Client, headers: &HeaderMap) -> Self {
        let mut tokens = Vec::new();
        for value in headers.get_all(AUTHORIZATION) {
            match value.to_str().map(bearer) {
                Ok(Some(token)) => tokens.push(token),
                // Another scheme is between the browser and a proxy, and none of ours.
                Ok(None) => {}
                Err(_) => return Self::Malformed,
            }
        }
        for value in headers.get_all("x-admin-key") {
            match value.to_str() {
                Ok(token) => tokens.push(token.trim()),
                Err(_) => return Self::Malformed,
            }
        }
        match tokens.as_slice() {
            [] => cookie::session(client, headers).map_or(Self::Nothing, Self::Session),
            [first, rest @ ..] if !first.is_empty() && rest.iter().all(|other| other == first) => {
                Self::Token(SecretString::from(*first))
            }
            _ => Self::Malformed,
        }
    }
}

/// Whether the request carries anything that could be a proof, good or bad.
pub(super) fn shows_any(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
        || headers.contains_key("x-admin-key")
        || cookie::is_present(headers)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
