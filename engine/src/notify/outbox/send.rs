//! One POST to one receiver, and what its answer means for the next try.
//!
//! Receivers come from the configuration and nowhere else, and pass the guard; no redirect
//! is followed, no proxy of the environment asked, no answer is read, and no message or log names an address, which
//! for these services is itself a secret.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::guard::{Guard, Lookup, Refused, SystemLookup};
use super::signature::sign_with_each;
use crate::settings::AllowedReceiver;

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
    /// The present secret and, while receivers change over, the former one.
    pub secrets: Vec<&'a SecretString>,
}

/// Carries messages out. One a process, so that connections are used again.
pub struct Courier {
    guard: Guard,
    timeout: Duration,
    client: OnceLock<Client>,
}

impl Courier {
    /// A courier that goes nowhere inside, but for these receivers.
    pub fn new(allowed: &[AllowedReceiver]) -> Self {
        Self::with(allowed, Arc::new(SystemLookup), TIMEOUT)
    }

    /// The same with a resolver and a patience of the caller's.
    pub fn with(allowed: &[AllowedReceiver], lookup: Arc<dyn Lookup>, timeout: Duration) -> Self {
        Self {
            guard: Guard::new(allowed, lookup),
            timeout,
            client: OnceLock::new(),
        }
    }

    /// Whether the receiver would be refused as things are now.
    pub async fn check(&self, url: &SecretString) -> Result<(), Refused> {
        match Url::parse(url.expose_secret()) {
            Ok(url) => self.guard.check_url(&url).await,
            Err(_) => Ok(()),
        }
    }

    /// Posts once.
    ///
    /// # Errors
    /// A [`Failure`] for every answer outside 200–299, and for none.
    pub async fn send(&self, post: Post<'_>) -> Result<(), Failure> {
        let url = Url::parse(post.url.expose_secret()).map_err(|_| not_a_url())?;
        self.guard.check_literal(&url).map_err(|it| refused(&it))?;
        let mut request = self
            .client()?
            .post(url)
            .header(CONTENT_TYPE, "application/json");
        if let Some(envelope) = &post.envelope {
            request = request
                .header("webhook-id", envelope.id)
                .header("webhook-timestamp", envelope.timestamp);
            if !envelope.secrets.is_empty() {
                let (secrets, timestamp) = (&envelope.secrets, envelope.timestamp);
                let signature = sign_with_each(secrets, envelope.id, timestamp, &post.body);
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

    /// A client that follows nothing, asks no proxy, and connects only where the guard looked.
    fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Another part of the process may have installed it first; it is the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let built = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(self.guard.clone())
            .timeout(self.timeout)
            .connect_timeout(self.timeout)
            .user_agent(concat!("Watchbill/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Failure::transient(format!("no HTTP client: {}", error.without_url()))
            })?;
        Ok(self.client.get_or_init(|| built))
    }
}

fn not_a_url() -> Failure {
    Failure::Permanent("the configured address is not a URL that can be posted to".into())
}

/// It stays due: whoever reads this can still change the configuration.
fn refused(refused: &Refused) -> Failure {
    Failure::transient(format!("the receiver is refused: {refused}"))
}

fn unreachable(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return not_a_url();
    }
    if let Some(refusal) = Refused::behind(error) {
        return refused(&refusal);
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
