//! What a secret looks like where a step says it: as it is, in parts, and encoded.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;

/// From this length on, in bytes, a form is told from chance.
const SHORTEST: usize = 8;

/// Of a longer base64 text its parts are known, not every way to break it: those would be many.
const LONGEST_BROKEN: usize = 128;

/// Programs break base64 after so many characters (RFC 7468 and RFC 2045).
const WIDTHS: [usize; 2] = [64, 76];

/// Why a secret cannot be kept out of logs well; `None` where it can.
#[must_use]
pub fn weakness(secret: &str) -> Option<&'static str> {
    let trimmed = secret.trim();
    if trimmed.is_empty() {
        return Some("it is empty, and nothing is masked");
    }
    if trimmed.len() < SHORTEST {
        return Some(
            "it is shorter than 8 bytes: it is masked as it is, and not where it is encoded",
        );
    }
    if trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("it is a number, which logs may hold by chance");
    }
    if trimmed.bytes().all(|byte| byte.is_ascii_lowercase()) && trimmed.len() < 12 {
        return Some("it may be a word, which logs may hold by chance");
    }
    None
}

/// Adds every form of a secret.
pub fn forms_of(secret: &str, patterns: &mut Vec<Vec<u8>>) {
    let trimmed = secret.trim();
    if trimmed.is_empty() {
        return;
    }
    patterns.extend([secret, trimmed].map(|form| form.as_bytes().to_vec()));
    let lines = secret.lines().map(str::trim);
    for part in [secret, trimmed].into_iter().chain(lines) {
        if part.len() >= SHORTEST {
            patterns.push(part.as_bytes().to_vec());
            patterns.extend(
                encoded(part)
                    .into_iter()
                    .filter(|form| form.len() >= SHORTEST),
            );
        }
    }
}

fn encoded(part: &str) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    // Alone, its last characters hold it, too.
    forms.extend([STANDARD.encode(part), STANDARD_NO_PAD.encode(part)]);
    forms.extend([URL_SAFE.encode(part), URL_SAFE_NO_PAD.encode(part)]);
    for before in 0..3 {
        for url_safe in [false, true] {
            let core = base64_core(part, before, url_safe);
            if core.len() <= LONGEST_BROKEN {
                forms.extend(wrapped(&core));
            } else {
                forms.extend(
                    core.as_bytes()
                        .windows(SHORTEST)
                        .map(|part| part.iter().copied().map(char::from).collect::<String>()),
                );
            }
            forms.push(core);
        }
    }
    for upper in [false, true] {
        let percent = percent_encoded(part, upper);
        forms.push(percent.replace("%20", "+"));
        forms.push(percent);
        forms.push(hex(part, upper));
    }
    let json = Value::String(part.to_owned()).to_string();
    let json = json[1..json.len() - 1].to_owned();
    forms.push(json.replace('/', "\\/"));
    forms.push(ascii_only(&json));
    forms.push(json);
    forms.into_iter().map(String::into_bytes).collect()
}

/// The base64 characters that hold nothing but the secret, where `before` bytes precede it in
/// their group of three: as in `user:secret` of basic authentication.
fn base64_core(part: &str, before: usize, url_safe: bool) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(part.as_bytes());
    let encoded = if url_safe {
        URL_SAFE_NO_PAD.encode(&bytes)
    } else {
        STANDARD_NO_PAD.encode(&bytes)
    };
    let first = [0, 2, 3][before];
    let last = encoded.len() - usize::from(!bytes.len().is_multiple_of(3));
    encoded.get(first..last).unwrap_or_default().to_owned()
}

/// The same over several lines, wherever the first of them ends.
fn wrapped(core: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for width in WIDTHS {
        // A first line of the whole width is the same as no break before it.
        for first in 1..=width.min(core.len().saturating_sub(1)) {
            let (mut form, rest) = (core[..first].to_owned(), &core.as_bytes()[first..]);
            for line in rest.chunks(width) {
                form.push('\n');
                form.extend(line.iter().copied().map(char::from));
            }
            forms.push(form);
        }
    }
    forms
}

fn percent_encoded(part: &str, upper: bool) -> String {
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else if upper {
            let _ = write!(encoded, "%{byte:02X}");
        } else {
            let _ = write!(encoded, "%{byte:02x}");
        }
    }
    encoded
}

fn hex(part: &str, upper: bool) -> String {
    let mut encoded = String::with_capacity(part.len() * 2);
    for byte in part.bytes() {
        if upper {
            let _ = write!(encoded, "{byte:02X}");
        } else {
            let _ = write!(encoded, "{byte:02x}");
        }
    }
    encoded
}

/// JSON as those write it who trust in ASCII alone.
fn ascii_only(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}
