//! The session's cookie.

use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use engine::identity::NewSession;
use secrecy::{ExposeSecret, SecretString};

use super::client::{Client, Transport};

/// The prefix makes browsers insist on https, this host alone and no wider path.
const SECURE: &str = "__Host-watchbill";
/// On this machine there is no TLS to insist on.
const PLAIN: &str = "watchbill";
const SECONDS: i64 = 7 * 24 * 3_600;

/// The session that the cookie for this transport holds. The other name does not count:
/// a page served over plain http could have set it.
pub(super) fn session(client: &Client, headers: &HeaderMap) -> Option<SecretString> {
    let name = name(client.transport)?;
    let jar = CookieJar::from_headers(headers);
    jar.get(name)
        .map(Cookie::value)
        .filter(|value| !value.is_empty())
        .map(SecretString::from)
}

/// Whether there is a cookie under either name.
pub(super) fn is_present(headers: &HeaderMap) -> bool {
    let jar = CookieJar::from_headers(headers);
    jar.get(SECURE).is_some() || jar.get(PLAIN).is_some()
}

/// The header that hands a session to the browser.
pub(super) fn set(transport: Transport, session: &SecretString) -> Option<HeaderValue> {
    header(transport, session.expose_secret().to_owned(), SECONDS)
}

/// The header that hands a session to the browser at this end of the connection.
#[must_use]
pub fn session_cookie(client: &Client, session: &NewSession) -> Option<HeaderValue> {
    set(client.transport, &session.value)
}

/// The header that takes it away.
#[must_use]
pub fn clear_cookie(client: &Client) -> Option<HeaderValue> {
    header(client.transport, String::new(), 0)
}

fn header(transport: Transport, value: String, seconds: i64) -> Option<HeaderValue> {
    let name = name(transport)?;
    // Lax, so that the link in a message finds its reader logged in; what follows such a
    // link only reads, and the origin check guards the rest.
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(name == SECURE)
        .same_site(SameSite::Lax)
        .build();
    HeaderValue::from_str(&format!("{cookie}; Max-Age={seconds}")).ok()
}

const fn name(transport: Transport) -> Option<&'static str> {
    match transport {
        Transport::Https => Some(SECURE),
        Transport::Loopback => Some(PLAIN),
        Transport::Open => None,
    }
}
