//! Where a request comes from, and over what.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

use super::hosts;
use crate::config::Config;

/// How the browser reached us: it decides which cookie holds the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By https, through whatever ends TLS before us.
    Https,
    /// By plain http from this machine.
    Loopback,
    /// By plain http from elsewhere: no session can be kept safe there.
    Open,
}

/// What is known of the sender before any credential is looked at.
#[derive(Clone, Debug)]
pub struct Client {
    /// The other end of the connection; unknown only in tests.
    pub peer: Option<IpAddr>,
    /// The sender's address, past the proxies that are trusted.
    pub address: IpAddr,
    pub transport: Transport,
    /// The host and port that the request is addressed to, in lower case.
    pub authority: Option<String>,
}

impl Client {
    /// Reads it off a request.
    pub(super) fn of(config: &Config, parts: &Parts) -> Self {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip().to_canonical());
        let authority = hosts::authority(parts).ok().flatten();
        let by_trusted_proxy = peer.is_some_and(|peer| contains(&config.trusted_proxies, peer));
        let address = match peer {
            Some(peer) if by_trusted_proxy => {
                behind_proxies(&config.trusted_proxies, peer, &parts.headers)
            }
            Some(peer) => peer,
            None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let transport = transport(
            config,
            by_trusted_proxy,
            address,
            authority.as_deref(),
            &parts.headers,
        );
        Self {
            peer,
            address,
            transport,
            authority,
        }
    }

    /// The scheme that the browser's address bar shows.
    pub(super) const fn scheme(&self) -> &'static str {
        match self.transport {
            Transport::Https => "https",
            Transport::Loopback | Transport::Open => "http",
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        // Without the layer nothing is known, and nothing is trusted.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self {
            peer: None,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            transport: Transport::Open,
            authority: None,
        }))
    }
}

/// Whether one of the networks holds the address.
pub(super) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Whether some proxy left a mark: then the peer is not the sender.
pub(crate) fn came_through_a_proxy(headers: &HeaderMap) -> bool {
    const MARKS: [&str; 10] = [
        "forwarded",
        "via",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-host",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
        "x-envoy-external-address",
    ];
    headers
        .keys()
        .any(|name| name.as_str().starts_with("x-forwarded") || MARKS.contains(&name.as_str()))
}

/// The rightmost hop that is not a trusted proxy. What stands to its left was written by
/// that hop, and may be forged.
fn behind_proxies(trusted: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut nearest = peer;
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .collect();
    for hop in hops.iter().rev() {
        let Some(address) = hop_address(hop.trim()) else {
            break;
        };
        nearest = address;
        if !contains(trusted, address) {
            break;
        }
    }
    nearest
}

/// An address, with or without a port, as proxies write it.
fn hop_address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_matches(['[', ']']).parse())
        .ok()
        .map(|address| address.to_canonical())
}

fn transport(
    config: &Config,
    by_trusted_proxy: bool,
    address: IpAddr,
    authority: Option<&str>,
    headers: &HeaderMap,
) -> Transport {
    let host = authority.map(hosts::without_port);
    let public = hosts::public_host(config);
    let told = by_trusted_proxy
        .then(|| headers.get("x-forwarded-proto"))
        .flatten()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .map(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
    let public_is_https = config
        .public_url
        .as_deref()
        .is_some_and(|url| url.starts_with("https://"));
    let https = told.unwrap_or_else(|| public_is_https && host.is_some() && host == public);
    let from_here = address.is_loopback() && (by_trusted_proxy || !came_through_a_proxy(headers));
    // A container's port on the same machine: whoever runs it says so by a public_url.
    let said_to_be_here = public.is_some_and(hosts::is_loopback);
    if https {
        Transport::Https
    } else if host.is_some_and(hosts::is_loopback) && (from_here || said_to_be_here) {
        Transport::Loopback
    } else {
        Transport::Open
    }
}
