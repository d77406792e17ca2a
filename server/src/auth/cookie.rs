//! The session's cookie, and the one by which a browser is known after its session.

use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use engine::identity::{NewSession, Origin};
use secrecy::{ExposeSecret, SecretString};

use super::client::{Client, Transport};

/// The prefix makes browsers insist on https, this host alone and no wider path.
const SECURE: &str = "__Host-watchbill";
/// On this machine there is no TLS to insist on.
const PLAIN: &str = "watchbill";
const SECONDS: i64 = 7 * 24 * 3_600;

/// It opens nothing; it keeps strangers' wrong tries from shutting the browser out.
const SECURE_DEVICE: &str = "__Host-watchbill-browser";
const PLAIN_DEVICE: &str = "watchbill-browser";
/// No browser keeps a cookie for longer.
const DEVICE_SECONDS: i64 = 400 * 24 * 3_600;

/// The session that the cookie for this transport holds. The other name does not count:
/// a page served over plain http could have set it.
pub(super) fn session(client: &Client, headers: &HeaderMap) -> Option<SecretString> {
    read(headers, name(client.transport)?)
}

/// Where a person's request comes from.
pub(crate) fn origin(client: &Client, headers: &HeaderMap) -> Origin {
    Origin {
        session: session(client, headers),
        address: Some(client.address),
        user_agent: user_agent(headers),
    }
}

/// The browser in its own words.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(text.to_owned())
}

/// What an earlier login gave this browser to be known by.
pub(super) fn device(client: &Client, headers: &HeaderMap) -> Option<SecretString> {
    read(headers, device_name(client.transport)?)
}

/// Whether there is a cookie under either name.
pub(super) fn is_present(headers: &HeaderMap) -> bool {
    let jar = CookieJar::from_headers(headers);
    jar.get(SECURE).is_some() || jar.get(PLAIN).is_some()
}

/// The header that hands a session to the browser.
pub(super) fn set(transport: Transport, session: &SecretString) -> Option<HeaderValue> {
    let name = name(transport)?;
    header(name, session.expose_secret().to_owned(), SECONDS)
}

/// The header that lets the browser be known at its next login.
pub(super) fn set_device(transport: Transport, device: &SecretString) -> Option<HeaderValue> {
    let name = device_name(transport)?;
    header(name, device.expose_secret().to_owned(), DEVICE_SECONDS)
}

/// The header that hands a session to the browser at this end of the connection.
#[must_use]
pub fn session_cookie(client: &Client, session: &NewSession) -> Option<HeaderValue> {
    set(client.transport, &session.value)
}

/// The header that takes it away.
#[must_use]
pub fn clear_cookie(client: &Client) -> Option<HeaderValue> {
    header(name(client.transport)?, String::new(), 0)
}

fn read(headers: &HeaderMap, name: &str) -> Option<SecretString> {
    CookieJar::from_headers(headers)
        .get(name)
        .map(Cookie::value)
        .filter(|value| !value.is_empty())
        .map(SecretString::from)
}

fn header(name: &'static str, value: String, seconds: i64) -> Option<HeaderValue> {
    // Lax, so that the link in a message finds its reader logged in; what follows such a
    // link only reads, and the origin check guards the rest.
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(name.starts_with("__Host-"))
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

const fn device_name(transport: Transport) -> Option<&'static str> {
    match transport {
        Transport::Https => Some(SECURE_DEVICE),
        Transport::Loopback => Some(PLAIN_DEVICE),
        Transport::Open => None,
    }
}
