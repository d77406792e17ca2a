//! Old reporters that know no tokens, recognised by their address: the narrowest door.

use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use model::identity::{Principal, PrincipalKind};

use super::client::{Client, came_through_a_proxy, contains};
use super::{credential, hosts};
use crate::config::Config;

/// The reporter, where every condition of `api.trust_report_from` holds.
pub(super) fn recognise(config: &Config, client: &Client, parts: &Parts) -> Option<Principal> {
    let peer = client.peer?;
    let listed = contains(&config.trust_report_from, peer)
        && !contains(&config.trusted_proxies, peer)
        && !came_through_a_proxy(&parts.headers);
    let addressed = client
        .authority
        .as_deref()
        .is_some_and(|authority| hosts::is_listed(config, hosts::without_port(authority)));
    // A browser on a listed machine is no reporter, whatever page drives it.
    let by_browser =
        parts.headers.contains_key(ORIGIN) || parts.headers.contains_key("sec-fetch-site");
    (listed
        && addressed
        && !by_browser
        && !credential::shows_any(&parts.headers)
        && is_report(&parts.method, parts.uri.path())
        && is_json(&parts.headers))
    .then(|| Principal {
        kind: PrincipalKind::TrustedReporter,
        name: format!("reporter at {peer}"),
        roles: Vec::new(),
    })
}

/// Creating and patching, and nothing else under that path.
fn is_report(method: &Method, path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/agents/tasks") else {
        return false;
    };
    let id = rest.trim_start_matches('/').trim_end_matches('/');
    match *method {
        Method::POST => matches!(rest, "" | "/"),
        Method::PATCH => {
            rest.starts_with('/') && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(given), None) = (types.next(), types.next()) else {
        return false;
    };
    given
        .to_str()
        .ok()
        .and_then(|text| text.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
