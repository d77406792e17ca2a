//! Secrets are masked where output is first read: before it is stored, cut or searched.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;

const MASK: &[u8] = b"***";

/// A shorter secret would mask half of every log; it is left alone, with a warning.
const SHORTEST_SECRET: usize = 4;

/// A part of an encoded secret must be this long to be told from chance.
const SHORTEST_PART: usize = 8;

/// Knows every form of every secret. Cheap to clone.
#[derive(Clone)]
pub struct Masker {
    forms: Option<Arc<Forms>>,
}

struct Forms {
    search: AhoCorasick,
    patterns: Vec<Vec<u8>>,
    longest: usize,
}

impl Masker {
    /// A masker of these secrets, given by name and value.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut patterns = Vec::new();
        for (name, value) in secrets {
            if value.len() < SHORTEST_SECRET {
                tracing::warn!(
                    secret.name = name,
                    "the secret {name} is shorter than {SHORTEST_SECRET} bytes and is not masked in logs"
                );
                continue;
            }
            forms_of(value, &mut patterns);
        }
        patterns.sort_unstable();
        patterns.dedup();
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        if longest == 0 {
            return Self { forms: None };
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&patterns);
        match search {
            Ok(search) => Self {
                forms: Some(Arc::new(Forms {
                    search,
                    patterns,
                    longest,
                })),
            },
            // It fails only beyond 2^31 patterns' states; starting with open secrets is no choice.
            Err(error) => panic!("the secrets are too large to be masked: {error}"),
        }
    }

    /// A masker for one stream of output.
    #[must_use]
    pub fn stream(&self) -> MaskStream {
        MaskStream {
            forms: self.forms.clone(),
            held: Vec::new(),
            covered: 0,
        }
    }

    /// `text` with every secret masked.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut stream = self.stream();
        let mut masked = Vec::with_capacity(text.len());
        stream.push(text.as_bytes(), &mut masked);
        stream.finish(&mut masked);
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// Masks every text inside `value`, keys included.
    pub fn json(&self, value: &mut Value) {
        if self.forms.is_none() {
            return;
        }
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                let text = number.to_string();
                let masked = self.text(&text);
                if masked != text {
                    *value = Value::String(masked);
                }
            }
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(object) => {
                let entries = std::mem::take(object);
                for (key, mut item) in entries {
                    self.json(&mut item);
                    object.insert(self.text(&key), item);
                }
            }
        }
    }
}

/// Masks one stream; holds back only what may be the beginning of a secret.
pub struct MaskStream {
    forms: Option<Arc<Forms>>,
    held: Vec<u8>,
    /// How many of the held bytes belong to a match whose mask was already written.
    covered: usize,
}

impl MaskStream {
    /// Takes what was read and appends to `out` what is certain.
    pub fn push(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let Some(forms) = self.forms.clone() else {
            out.extend_from_slice(data);
            return;
        };
        self.held.extend_from_slice(data);
        let certain = forms.open_prefix(&self.held);
        self.emit(&forms, certain, out);
    }

    /// Appends what was still held back.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(forms) = self.forms.clone() {
            let certain = self.held.len();
            self.emit(&forms, certain, out);
        }
    }

    /// Writes the first `certain` bytes; overlapping matches become one mask.
    fn emit(&mut self, forms: &Forms, certain: usize, out: &mut Vec<u8>) {
        let mut written = 0;
        let mut beyond = 0;
        let mut open = (0, self.covered);
        let mut mask_is_written = self.covered > 0;
        let mut close = |(start, end): (usize, usize), mask_is_written: bool| {
            if end == start || start >= certain {
                return;
            }
            beyond = end.saturating_sub(certain);
            out.extend_from_slice(&self.held[written..start]);
            if !mask_is_written {
                out.extend_from_slice(MASK);
            }
            written = end.min(certain);
        };
        // Matches come ordered by their end; a later one may begin before an earlier one.
        let mut spans: Vec<(usize, usize)> = forms
            .search
            .find_overlapping_iter(&self.held)
            .map(|found| (found.start(), found.end()))
            .collect();
        spans.sort_unstable();
        for (start, end) in spans {
            if start < open.1 {
                open.1 = open.1.max(end);
            } else {
                close(open, mask_is_written);
                open = (start, end);
                mask_is_written = false;
            }
        }
        close(open, mask_is_written);
        if written < certain {
            out.extend_from_slice(&self.held[written..certain]);
        }
        self.covered = beyond;
        self.held.drain(..certain);
    }
}

impl Forms {
    /// Where the earliest suffix begins that more output could complete to a secret.
    fn open_prefix(&self, held: &[u8]) -> usize {
        let first = held.len().saturating_sub(self.longest - 1);
        (first..held.len())
            .find(|&start| {
                let suffix = &held[start..];
                self.patterns
                    .iter()
                    .any(|pattern| pattern.len() > suffix.len() && pattern.starts_with(suffix))
            })
            .unwrap_or(held.len())
    }
}

/// The secret itself, each long line of it, and what it looks like when encoded.
fn forms_of(secret: &str, patterns: &mut Vec<Vec<u8>>) {
    let mut add = |form: String, shortest: usize| {
        if form.len() >= shortest {
            patterns.push(form.into_bytes());
        }
    };
    add(secret.to_owned(), SHORTEST_SECRET);
    for line in secret.lines() {
        add(line.trim().to_owned(), SHORTEST_PART);
    }
    add(STANDARD.encode(secret), SHORTEST_SECRET);
    add(STANDARD_NO_PAD.encode(secret), SHORTEST_SECRET);
    add(URL_SAFE.encode(secret), SHORTEST_SECRET);
    add(URL_SAFE_NO_PAD.encode(secret), SHORTEST_SECRET);
    for before in 0..3 {
        add(base64_core(secret, before, false), SHORTEST_PART);
        add(base64_core(secret, before, true), SHORTEST_PART);
    }
    for lower in [false, true] {
        let encoded = url_encoded(secret, lower);
        add(encoded.replace("%20", "+"), SHORTEST_SECRET);
        add(encoded, SHORTEST_SECRET);
    }
    let json = Value::String(secret.to_owned()).to_string();
    let json = json[1..json.len() - 1].to_owned();
    add(json.replace('/', "\\/"), SHORTEST_SECRET);
    add(json, SHORTEST_SECRET);
}

/// The base64 characters that hold nothing but the secret, where `before` bytes
/// precede it in their group of three: as in `user:secret` of basic authentication.
fn base64_core(secret: &str, before: usize, url_safe: bool) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = if url_safe {
        URL_SAFE_NO_PAD.encode(&bytes)
    } else {
        STANDARD_NO_PAD.encode(&bytes)
    };
    let first = [0, 2, 3][before];
    let last = encoded.len() - usize::from(!bytes.len().is_multiple_of(3));
    encoded.get(first..last).unwrap_or_default().to_owned()
}

fn url_encoded(secret: &str, lower: bool) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(secret.len());
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else if lower {
            let _ = write!(encoded, "%{byte:02x}");
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked_in_parts(masker: &Masker, parts: &[&[u8]]) -> Vec<u8> {
        let mut stream = masker.stream();
        let mut out = Vec::new();
        for part in parts {
            stream.push(part, &mut out);
        }
        stream.finish(&mut out);
        out
    }

    #[test]
    fn a_secret_is_masked_wherever_it_is_split() {
        let masker = Masker::new([("TOKEN", "hunter2-hunter2")]);
        let text = b"before hunter2-hunter2 after hunter2-hunt";
        for cut in 0..=text.len() {
            let out = masked_in_parts(&masker, &[&text[..cut], &text[cut..]]);
            assert_eq!(
                String::from_utf8_lossy(&out),
                "before *** after hunter2-hunt"
            );
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(
            masked_in_parts(&masker, &bytes),
            b"before *** after hunter2-hunt"
        );
    }

    #[test]
    fn overlapping_and_nested_secrets_leave_nothing() {
        let masker = Masker::new([("A", "abcd"), ("B", "cdef"), ("C", "abcdxyz")]);
        let text = b"1abcdef2abcdxyz3abcdxy4";
        for cut in 0..=text.len() {
            let out = masked_in_parts(&masker, &[&text[..cut], &text[cut..]]);
            assert_eq!(
                String::from_utf8_lossy(&out),
                "1***2***3***xy4",
                "cut {cut}"
            );
        }
    }

    #[test]
    fn a_secret_that_overlaps_itself_does_not_grow_the_memory() {
        let masker = Masker::new([("A", "aaaaaaaa")]);
        let mut stream = masker.stream();
        let mut out = Vec::new();
        for _ in 0..1000 {
            stream.push(&[b'a'; 4096], &mut out);
            assert!(stream.held.len() < 100);
        }
        stream.push(b"b", &mut out);
        stream.finish(&mut out);
        assert_eq!(out, b"***b");
    }

    #[test]
    fn encoded_forms_are_masked_too() {
        let secret = "p@ss w\"ord/1";
        let masker = Masker::new([("A", secret)]);
        let forms = [
            STANDARD.encode(secret),
            STANDARD.encode(format!("user:{secret}")),
            url_encoded(secret, false),
            url_encoded(secret, true).replace("%20", "+"),
            Value::String(secret.to_owned()).to_string(),
        ];
        for form in forms {
            let out = masker.text(&form);
            assert!(out.contains("***"), "{form} became {out}");
            assert!(out.len() < 16, "{form} became {out}");
        }
    }

    #[test]
    fn short_secrets_are_left_alone_and_json_is_masked_throughout() {
        let masker = Masker::new([("SHORT", "abc"), ("A", "12345678")]);
        assert_eq!(masker.text("abc"), "abc");
        let mut value = serde_json::json!({"k12345678": ["x12345678", 12_345_678, null]});
        masker.json(&mut value);
        assert_eq!(value, serde_json::json!({"k***": ["x***", "***", null]}));
    }

    #[test]
    fn without_secrets_bytes_pass_unchanged() {
        let masker = Masker::new([]);
        let bytes = [0, 159, 146, 150, b'\n'];
        assert_eq!(masked_in_parts(&masker, &[&bytes]), bytes);
    }
}
