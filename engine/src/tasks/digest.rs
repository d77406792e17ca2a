//! What a signature is bound to.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::AttemptResult;
use crate::Result;

/// SHA-256 over canonical JSON.
pub type Digest = [u8; 32];

/// The digest of an attempt's result: exit, outputs, link and the files' hashes.
pub(crate) fn of_result(result: &AttemptResult) -> Result<Digest> {
    of(&result_fields(result))
}

/// What the digest of a result is made of.
pub(crate) fn result_fields(result: &AttemptResult) -> Value {
    let mut artifacts = result.artifacts.clone();
    artifacts.sort();
    let artifacts: serde_json::Map<String, Value> = artifacts
        .into_iter()
        .map(|(path, hash)| (path, Value::String(hex(&hash))))
        .collect();
    json!({
        "exit": {"outcome": result.outcome, "code": result.exit_code, "signal": result.signal},
        "outputs": result.outputs,
        "outputs_uri": result.outputs_uri,
        "artifacts": artifacts,
    })
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

/// Reads what [`hex`] wrote: sixty-four hexadecimal digits and nothing else.
#[must_use]
pub fn from_hex(text: &str) -> Option<Digest> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(digest)
}

/// How [`from_text`] may be written with the name of what it is, as in headers.
const PREFIX: &str = "sha256:";

/// Reads a digest as clients write it: the digits alone, or after `sha256:`.
#[must_use]
pub fn from_text(text: &str) -> Option<Digest> {
    from_hex(text.strip_prefix(PREFIX).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sixty_four_hexadecimal_digits() {
        let digits = "00ff".to_owned() + &"0".repeat(60);
        let read = from_hex(&digits).expect("a digest");
        assert_eq!((read[0], read[1], read[2]), (0, 255, 0));
        assert_eq!(hex(&read), digits);
        assert_eq!(from_hex("00ff"), None);
        assert_eq!(from_hex(&"+f".repeat(32)), None);
        assert_eq!(from_hex(&"g".repeat(64)), None);
        assert_eq!(from_hex(&"é".repeat(32)), None);

        assert_eq!(from_text(&digits), Some(read));
        assert_eq!(from_text(&format!("sha256:{digits}")), Some(read));
        assert_eq!(from_hex(&format!("sha256:{digits}")), None);
        assert_eq!(from_text(&format!("sha256:sha256:{digits}")), None);
    }
}
