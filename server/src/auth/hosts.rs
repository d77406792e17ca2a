//! Which hosts a request may be addressed to. A page elsewhere can have its own name
//! resolve to us (DNS rebinding); what it sends then carries that name.

use std::net::IpAddr;

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::config::Config;
use crate::rest::error::problem;

/// Refuses a request that is addressed to somebody else.
pub(super) fn check(config: &Config, parts: &Parts) -> Result<(), Box<Response>> {
    let refuse = |status, detail: &str| Err(Box::new(problem(status, detail, &[])));
    // Probes come by address, and get nothing but whether we live.
    if matches!(parts.uri.path(), "/health" | "/ready") {
        return Ok(());
    }
    let Ok(authority) = authority(parts) else {
        return refuse(StatusCode::BAD_REQUEST, "send one Host header");
    };
    if !config.listen.ip().is_loopback() && config.allowed_hosts.is_empty() {
        return Ok(());
    }
    match authority {
        None => refuse(StatusCode::BAD_REQUEST, "send a Host header"),
        Some(authority) if is_listed(config, without_port(&authority)) => Ok(()),
        Some(_) => refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "this host name is not served here: set public_url or http.allowed_hosts",
        ),
    }
}

/// Whether requests may be addressed to the host: a loopback name, the public one, or listed.
pub(super) fn is_listed(config: &Config, host: &str) -> bool {
    is_loopback(host)
        || public_host(config).is_some_and(|public| public.eq_ignore_ascii_case(host))
        || config.allowed_hosts.iter().any(|allowed| allowed == host)
}

/// The host and port that the request is addressed to; an error for more than one.
pub(super) fn authority(parts: &Parts) -> Result<Option<String>, ()> {
    let mut headers = parts.headers.get_all(HOST).iter();
    let header = match (headers.next(), headers.next()) {
        (Some(_), Some(_)) => return Err(()),
        (Some(value), None) => Some(value.to_str().map_err(drop)?),
        (None, _) => parts
            .uri
            .authority()
            .map(axum::http::uri::Authority::as_str),
    };
    Ok(header
        .map(|authority| authority.trim().to_ascii_lowercase())
        .filter(|authority| !authority.is_empty()))
}

/// The host alone, an IPv6 address without its brackets.
pub(super) fn without_port(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    let host = authority.split(':').next().unwrap_or_default();
    host.strip_suffix('.').unwrap_or(host)
}

/// Whether the host is this machine by any of its own names.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The host of `public_url`.
pub(super) fn public_host(config: &Config) -> Option<&str> {
    let url = config.public_url.as_deref()?;
    let authority = url.split("://").nth(1)?.split('/').next()?;
    Some(without_port(authority))
}

/// `scheme://host[:port]` in lower case and without the scheme's own port.
pub(super) fn origin(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let port = match (scheme, authority.port_u16()) {
        ("https", Some(443)) | ("http", Some(80)) | (_, None) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    Some(format!("{scheme}://{}{port}", authority.host()).to_ascii_lowercase())
}
