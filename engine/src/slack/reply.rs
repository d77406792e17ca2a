//! Telling the person, where Slack asks for it at an address of its own.

use secrecy::SecretString;
use serde_json::{Value, json};

use crate::Engine;
use crate::notify::outbox::{Failure, Post};

/// What only the person who clicked sees; the message with the buttons stays.
#[must_use]
pub fn ephemeral(text: &str) -> Value {
    json!({ "response_type": "ephemeral", "replace_original": false, "text": text })
}

/// Posts the text to the address that came with a click. Slack shows nothing of the
/// response to a click on a button, so this is how the person hears of it; what was decided
/// holds without it, and a failure is only logged.
pub async fn reply(engine: &Engine, response_url: &SecretString, text: &str) {
    let post = Post {
        url: response_url,
        envelope: None,
        body: ephemeral(text).to_string(),
    };
    match engine.courier.send(post).await {
        Ok(()) => {}
        Err(failure @ (Failure::Transient { .. } | Failure::Permanent(_))) => {
            tracing::warn!(
                error = failure.message(),
                "Slack was not told what came of a click"
            );
        }
    }
}
