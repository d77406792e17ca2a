//! One POST to one receiver, and what its answer means for the next try.
//!
//! Receivers come from the configuration and nowhere else; no redirect is
//! followed, no answer is read, and no message or log names an address, which
//! for these services is itself a secret.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use super::signature::sign;

/// One receiver's patience, for the whole exchange.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A receiver may ask for a pause; not for a longer one than this.
const LONGEST_RETRY_AFTER: u64 = 24 * 60 * 60;

/// Why a message was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another try may succeed, not before the given pause.
    Transient {
        message: String,
        retry_after: Option<Duration>,
    },
    /// No further try will succeed.
    Permanent(String),
}

impl Failure {
    pub fn transient(message: impl Into<String>) -> Self {
        Self::Transient {
            message: message.into(),
            retry_after: None,
        }
    }

    /// What the row keeps as its last error.
    pub fn message(&self) -> &str {
        match self {
            Self::Transient { message, .. } | Self::Permanent(message) => message,
        }
    }
}

/// What goes into one POST.
pub struct Post<'a> {
    pub url: &'a SecretString,
    /// Set for a receiver of Standard Webhooks: the id of the message and when it is sent.
    pub envelope: Option<Envelope<'a>>,
    pub body: String,
}

/// The headers of Standard Webhooks.
pub struct Envelope<'a> {
    pub id: &'a str,
    pub timestamp: i64,
    pub secret: Option<&'a SecretString>,
}

/// Posts once.
///
/// # Errors
/// A [`Failure`] for every answer outside 200–299, and for none.
pub async fn send(client: &Client, post: Post<'_>) -> Result<(), Failure> {
    let mut request = client
        .post(post.url.expose_secret())
        .header(CONTENT_TYPE, "application/json");
    if let Some(envelope) = &post.envelope {
        request = request
            .header("webhook-id", envelope.id)
            .header("webhook-timestamp", envelope.timestamp);
        if let Some(secret) = envelope.secret {
            let signature = sign(secret, envelope.id, envelope.timestamp, &post.body);
            request = request.header("webhook-signature", signature);
        }
    }
    let answer = request
        .body(post.body)
        .send()
        .await
        .map_err(|error| unreachable(&error))?;
    judge(answer.status(), answer.headers())
}

/// The client of all deliveries.
///
/// # Errors
/// Where the machine offers no certificates to trust.
pub fn client() -> Result<&'static Client, Failure> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let built = patient_for(TIMEOUT)?;
    Ok(CLIENT.get_or_init(|| built))
}

/// A client that follows nothing and waits this long.
pub fn patient_for(timeout: Duration) -> Result<Client, Failure> {
    // Another part of the process may have installed it first; it is the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .timeout(timeout)
        .connect_timeout(timeout)
        .user_agent(concat!("Watchbill/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Failure::transient(format!("no HTTP client: {}", error.without_url())))
}

fn unreachable(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Failure::Permanent(
            "the configured address is not a URL that can be posted to".into(),
        );
    }
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "could not connect"
    } else {
        "the exchange broke off"
    };
    Failure::transient(what)
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), Failure> {
    let code = status.as_u16();
    if status.is_success() {
        Ok(())
    } else if status.is_redirection() {
        // It stays due: whoever reads this can still configure the final address.
        Err(Failure::transient(format!(
            "the receiver answered {code}; redirects are not followed: configure the final address"
        )))
    } else if status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
    {
        Err(Failure::Transient {
            message: format!("the receiver answered {code}"),
            retry_after: retry_after(headers),
        })
    } else {
        Err(Failure::Permanent(format!("the receiver answered {code}")))
    }
}

/// The pause in seconds; the form with a date is rare enough to fall back to our own back-off.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)))
}

#[cfg(test)]
#[path = "send_tests.rs"]
mod tests;
