//! Where messages may go: nowhere inside, unless the operator's list says so.
//!
//! A name is resolved once for each connection, every address that it has is checked, and the
//! connection goes to one of those that were checked: whoever answers differently the next
//! time (DNS rebinding) is not asked a next time.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::settings::AllowedReceiver;

/// Asks for the addresses of a name.
pub trait Lookup: Send + Sync {
    fn addresses(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn addresses(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Why a receiver is refused: what kind of address its host leads to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its host leads to {kind}, where no message is sent; if that is meant, list the host or its network in notify.webhook_allow"
)]
pub struct Refused {
    kind: &'static str,
}

impl Refused {
    /// The refusal, where it is what made an exchange fail.
    pub fn behind(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refused) = error.downcast_ref::<Self>() {
                return Some(refused.clone());
            }
            cause = error.source();
        }
        None
    }
}

/// Checks receivers before anything is sent to them.
#[derive(Clone)]
pub struct Guard {
    allowed: Arc<[AllowedReceiver]>,
    lookup: Arc<dyn Lookup>,
}

impl Guard {
    pub fn new(allowed: &[AllowedReceiver], lookup: Arc<dyn Lookup>) -> Self {
        Self {
            allowed: allowed.into(),
            lookup,
        }
    }

    /// Refuses an address that stands in the URL itself, in whatever notation: the URL's
    /// parser has already read octal, hexadecimal and decimal forms. Names are checked where
    /// they are resolved.
    pub fn check_literal(&self, url: &Url) -> Result<(), Refused> {
        match literal(url) {
            Some(address) => self.check(&address.to_string(), &[address]),
            None => Ok(()),
        }
    }

    /// Resolves the URL's host and checks it as a connection would.
    ///
    /// # Errors
    /// The refusal; a name that has no address just now is none.
    pub async fn check_url(&self, url: &Url) -> Result<(), Refused> {
        let Some(name) = url.host_str().filter(|_| literal(url).is_none()) else {
            return self.check_literal(url);
        };
        match self.lookup.addresses(name.to_owned()).await {
            Ok(addresses) => self.check(name, &addresses),
            Err(_) => Ok(()),
        }
    }

    /// Every address must do: which of them a connection takes is not ours to say.
    fn check(&self, host: &str, addresses: &[IpAddr]) -> Result<(), Refused> {
        if self.allows_host(host) {
            return Ok(());
        }
        for address in addresses {
            let address = address.to_canonical();
            if !self.allows_address(address)
                && let Some(kind) = inner(address)
            {
                return Err(Refused { kind });
            }
        }
        Ok(())
    }

    fn allows_host(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.allowed.iter().any(|allowed| match allowed {
            AllowedReceiver::Host(name) => name.eq_ignore_ascii_case(host),
            AllowedReceiver::Network(_) => false,
        })
    }

    fn allows_address(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|allowed| match allowed {
            AllowedReceiver::Network(network) => network.contains(&address),
            AllowedReceiver::Host(_) => false,
        })
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.lookup.addresses(name.as_str().to_owned()).await?;
            guard.check(name.as_str(), &addresses)?;
            let pinned: Vec<SocketAddr> = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            Ok(Box::new(pinned.into_iter()) as Addrs)
        })
    }
}

/// The address that stands in the URL in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host)
        .parse()
        .ok()
}

/// What kind of address it is that is not of the public network, in words.
fn inner(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => inner_v4(address),
        IpAddr::V6(address) => inner_v6(address),
    }
}

/// By IANA's registry of special-purpose addresses.
const INNER_V4: [(&str, &str); 15] = [
    ("0.0.0.0/8", "this machine itself"),
    ("10.0.0.0/8", "a private network"),
    ("100.64.0.0/10", "a carrier's inner network"),
    ("127.0.0.0/8", "this machine itself"),
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private network"),
    ("192.0.0.0/24", "a reserved address"),
    ("192.0.2.0/24", "an address of documents"),
    ("192.88.99.0/24", "a reserved address"),
    ("192.168.0.0/16", "a private network"),
    ("198.18.0.0/15", "a network of benchmarks"),
    ("198.51.100.0/24", "an address of documents"),
    ("203.0.113.0/24", "an address of documents"),
    ("224.0.0.0/4", "a multicast address"),
    ("240.0.0.0/4", "a reserved address"),
];

fn inner_v4(address: Ipv4Addr) -> Option<&'static str> {
    INNER_V4
        .iter()
        .find(|(network, _)| {
            network
                .parse::<Ipv4Net>()
                .is_ok_and(|network| network.contains(&address))
        })
        .map(|(_, kind)| *kind)
}

/// Only what is given out for the public network is public; what carries an IPv4 address is
/// as public as that one.
fn inner_v6(address: Ipv6Addr) -> Option<&'static str> {
    let within = |network: &str| {
        network
            .parse::<Ipv6Net>()
            .is_ok_and(|network| network.contains(&address))
    };
    let octets = address.octets();
    let carried =
        |at: usize| Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]);
    if address.is_loopback() || address.is_unspecified() {
        Some("this machine itself")
    } else if within("fe80::/10") {
        Some("a link-local address")
    } else if within("fc00::/7") || within("fec0::/10") {
        Some("a private network")
    } else if within("ff00::/8") {
        Some("a multicast address")
    } else if within("64:ff9b::/96") {
        inner_v4(carried(12))
    } else if within("2002::/16") {
        inner_v4(carried(2))
    } else if !within("2000::/3")
        || within("2001::/23")
        || within("2001:db8::/32")
        || within("3fff::/20")
    {
        Some("a reserved address")
    } else {
        None
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
