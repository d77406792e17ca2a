//! What a signature is bound to.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::Result;
use crate::tasks::AttemptResult;

/// SHA-256 over canonical JSON.
pub type Digest = [u8; 32];

/// The digest of an attempt's result: exit, outputs, link and the files' hashes.
pub(crate) fn of_result(result: &AttemptResult) -> Result<Digest> {
    let mut artifacts = result.artifacts.clone();
    artifacts.sort();
    let artifacts: serde_json::Map<String, Value> = artifacts
        .into_iter()
        .map(|(path, hash)| (path, Value::String(hex(&hash))))
        .collect();
    of(&json!({
        "exit": {"outcome": result.outcome, "code": result.exit_code, "signal": result.signal},
        "outputs": result.outputs,
        "outputs_uri": result.outputs_uri,
        "artifacts": artifacts,
    }))
}

/// The digest of any JSON value, in the canonical form of RFC 8785.
pub(crate) fn of(value: &Value) -> Result<Digest> {
    let canonical = serde_json_canonicalizer::to_vec(value).map_err(anyhow::Error::new)?;
    Ok(Sha256::digest(canonical).into())
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads what [`hex`] wrote.
#[must_use]
pub fn from_hex(text: &str) -> Option<Digest> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(digest)
}
