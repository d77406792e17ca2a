//! A browser sends our cookie along with what any page makes it send. Unsafe requests
//! are honoured only from our own pages, as the browser itself testifies.

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, Method};

use super::client::Client;
use super::hosts::origin;
use crate::config::Config;

/// Whether the method may change something.
pub(super) fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether the request comes from a page of ours. Without any testimony it does not.
pub(super) fn is_same_origin(config: &Config, client: &Client, headers: &HeaderMap) -> bool {
    // No page can set or suppress this one; where a browser sends it, it decides.
    let mut sites = headers.get_all("sec-fetch-site").iter();
    match (sites.next(), sites.next()) {
        (Some(site), None) => return site == "same-origin",
        (Some(_), Some(_)) => return false,
        (None, _) => {}
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(given), None) = (origins.next(), origins.next()) else {
        return false;
    };
    let given = given.to_str().ok().and_then(origin);
    let addressed = client
        .authority
        .as_deref()
        .and_then(|authority| origin(&format!("{}://{authority}", client.scheme())));
    let public = config.public_url.as_deref().and_then(origin);
    // `null` is no origin, and nothing equals it.
    given.is_some() && (given == addressed || given == public)
}
