//! What proves that a request comes from Slack: `v0=` and an HMAC-SHA256 over
//! `v0:timestamp:body`, of a timestamp that is not old.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far Slack's clock and ours may lie apart, either way.
const WINDOW_SECONDS: i64 = 300;

/// What a request shows.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// The header `X-Slack-Request-Timestamp`.
    pub timestamp: &'a str,
    /// The header `X-Slack-Signature`.
    pub signature: &'a str,
    /// The body as it came, byte for byte.
    pub body: &'a [u8],
}

/// Why a request proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    #[error("the timestamp is no number of seconds")]
    NoTimestamp,
    #[error("the timestamp is more than five minutes away from this server's clock")]
    OutOfTime,
    #[error("the signature is not one of Slack's for this app")]
    WrongSignature,
}

/// Checks the proof against the app's signing secret, in constant time.
///
/// # Errors
/// What is wrong with it.
pub fn verify(
    secret: &SecretString,
    proof: &Proof<'_>,
    now: DateTime<Utc>,
) -> Result<(), Untrusted> {
    let digits = !proof.timestamp.is_empty() && proof.timestamp.bytes().all(|b| b.is_ascii_digit());
    let timestamp: i64 = digits
        .then(|| proof.timestamp.parse().ok())
        .flatten()
        .ok_or(Untrusted::NoTimestamp)?;
    let mut mac = keyed(secret);
    mac.update(b"v0:");
    mac.update(proof.timestamp.as_bytes());
    mac.update(b":");
    mac.update(proof.body);
    let given = proof
        .signature
        .strip_prefix("v0=")
        .and_then(crate::tasks::digest::from_hex)
        .ok_or(Untrusted::WrongSignature)?;
    mac.verify_slice(&given)
        .map_err(|_| Untrusted::WrongSignature)?;
    if now.timestamp().abs_diff(timestamp) > WINDOW_SECONDS.unsigned_abs() {
        return Err(Untrusted::OutOfTime);
    }
    Ok(())
}

fn keyed(secret: &SecretString) -> Hmac<Sha256> {
    <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's own documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIMESTAMP: &str = "1531420618";
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn judged(timestamp: &str, signature: &str, body: &[u8], now: i64) -> Result<(), Untrusted> {
        let proof = Proof {
            timestamp,
            signature,
            body,
        };
        verify(&SecretString::from(SECRET), &proof, at(now))
    }

    #[test]
    fn only_a_fresh_request_under_the_apps_secret_counts() {
        let now = 1_531_420_618;
        let wrong = Err(Untrusted::WrongSignature);
        let late = Err(Untrusted::OutOfTime);
        let bad = Err(Untrusted::NoTimestamp);
        let last = SIGNATURE.replace("b503", "b504");
        let upper = SIGNATURE.replace("v0=a2", "V0=a2");
        let short = &SIGNATURE[..SIGNATURE.len() - 2];
        for (what, timestamp, signature, body, now, expected) in [
            ("Slack's example", TIMESTAMP, SIGNATURE, BODY, now, Ok(())),
            ("at the edge", TIMESTAMP, SIGNATURE, BODY, now + 300, Ok(())),
            (
                "our clock behind",
                TIMESTAMP,
                SIGNATURE,
                BODY,
                now - 300,
                Ok(()),
            ),
            ("old", TIMESTAMP, SIGNATURE, BODY, now + 301, late),
            ("of the future", TIMESTAMP, SIGNATURE, BODY, now - 301, late),
            ("one digit off", TIMESTAMP, last.as_str(), BODY, now, wrong),
            (
                "another version",
                TIMESTAMP,
                upper.as_str(),
                BODY,
                now,
                wrong,
            ),
            ("cut", TIMESTAMP, short, BODY, now, wrong),
            ("none", TIMESTAMP, "", BODY, now, wrong),
            ("another body", TIMESTAMP, SIGNATURE, &BODY[1..], now, wrong),
            (
                "a moved timestamp",
                "1531420619",
                SIGNATURE,
                BODY,
                now,
                wrong,
            ),
            ("a signed number", "+1531420618", SIGNATURE, BODY, now, bad),
            ("words", "now", SIGNATURE, BODY, now, bad),
            ("nothing", "", SIGNATURE, BODY, now, bad),
            (
                "beyond numbers",
                "99999999999999999999",
                SIGNATURE,
                BODY,
                now,
                bad,
            ),
        ] {
            assert_eq!(judged(timestamp, signature, body, now), expected, "{what}");
        }
    }

    #[test]
    fn another_apps_secret_signs_nothing_here() {
        let proof = Proof {
            timestamp: TIMESTAMP,
            signature: SIGNATURE,
            body: BODY,
        };
        let other = SecretString::from("another");
        let judged = verify(&other, &proof, at(1_531_420_618));
        assert_eq!(judged, Err(Untrusted::WrongSignature));
    }
}
