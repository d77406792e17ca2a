//! Secrets are masked where output is first read: before it is stored, cut or searched.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use super::forms::forms_of;

const MASK: &[u8] = b"***";

/// Knows every form of every secret. Cheap to clone.
#[derive(Clone)]
pub struct Masker {
    forms: Option<Arc<Forms>>,
}

struct Forms {
    search: AhoCorasick,
    /// In order, so that those which begin with something stand together.
    patterns: Vec<Vec<u8>>,
    longest: usize,
}

impl Masker {
    /// A masker of these secrets, given by name and value.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut patterns = Vec::new();
        for (_, value) in secrets {
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
                // The first that is greater begins with it, if any longer one does.
                let greater = self
                    .patterns
                    .partition_point(|pattern| pattern.as_slice() <= suffix);
                self.patterns
                    .get(greater)
                    .is_some_and(|pattern| pattern.starts_with(suffix))
            })
            .unwrap_or(held.len())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

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

    /// What a step may do to a secret before it says it, by programs that everybody has.
    fn said_in_many_ways(secret: &str) -> Vec<(&'static str, String)> {
        let wrapped = |text: &str, width: usize| {
            let lines: Vec<&str> = text
                .as_bytes()
                .chunks(width)
                .map(|line| std::str::from_utf8(line).expect("ASCII"))
                .collect();
            lines.join("\n")
        };
        let hex = |bytes: &[u8]| {
            let mut text = String::new();
            for byte in bytes {
                use std::fmt::Write as _;
                write!(text, "{byte:02x}").expect("a string takes all");
            }
            text
        };
        let basic = STANDARD.encode(format!("user:{secret}"));
        let long = STANDARD.encode(format!("{}{secret}", "x".repeat(50)));
        let query = form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
        vec![
            ("as it is", secret.to_owned()),
            ("trimmed", secret.trim().to_owned()),
            ("base64", STANDARD.encode(secret)),
            ("base64 of basic authentication", basic),
            (
                "base64 for addresses",
                URL_SAFE_NO_PAD.encode(format!("a{secret}")),
            ),
            ("wrapped at 76", wrapped(&long, 76)),
            ("wrapped at 64", wrapped(&long, 64)),
            ("hex", hex(secret.as_bytes())),
            ("upper hex", hex(secret.as_bytes()).to_uppercase()),
            ("a query", query),
            ("JSON", Value::String(secret.to_owned()).to_string()),
        ]
    }

    #[test]
    fn encoded_forms_are_masked_too() {
        let secrets = [
            "p@ss w\"ord/1",
            "  padded-secret-1\n",
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/=?!%&0123456789",
        ];
        for secret in secrets {
            let masker = Masker::new([("A", secret)]);
            for (way, said) in said_in_many_ways(secret) {
                let out = masker.text(&said);
                assert!(out.contains("***"), "{way}: {said} became {out}");
                let kept: String = out
                    .replace("***", "")
                    .chars()
                    .filter(|it| *it != 'x')
                    .collect();
                assert!(kept.len() <= 80, "{way}: {said} became {out}");
                for part in said.as_bytes().windows(12) {
                    let part = std::str::from_utf8(part).expect("ASCII");
                    let is_filler =
                        part.contains("eHh4") || part.contains("h4eH") || part.contains("4eHh");
                    assert!(
                        is_filler || !out.contains(part),
                        "{way}: {part} of {said} is in {out}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_short_secret_is_masked_as_it_is_and_json_throughout() {
        let masker = Masker::new([("SHORT", " abc\n"), ("A", "12345678"), ("NONE", " ")]);
        assert_eq!(masker.text("abc, YWJj"), "***, YWJj");
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
