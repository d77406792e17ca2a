//! One line of an output, of which people see the beginning and the end if it is long.

use super::plain::plain_line;

/// So much is kept of a long line's beginning, and as much of its end.
const PART_BYTES: usize = 2_048;

/// A line that is read in parts, in bounded memory.
#[derive(Default)]
pub struct Line {
    beginning: Vec<u8>,
    end: Vec<u8>,
    /// Something between the two is left out.
    is_cut: bool,
    /// A carriage return was read, and nothing yet that overwrites what stands before it.
    has_returned: bool,
}

impl Line {
    /// Takes more of the line. What a carriage return lets it overwrite is forgotten.
    pub fn push(&mut self, mut data: &[u8]) {
        let room = PART_BYTES - self.beginning.len();
        if data.len() <= room && !self.has_returned && memchr::memchr(b'\r', data).is_none() {
            self.beginning.extend_from_slice(data);
            return;
        }
        let seen = data.trim_ascii_end();
        let behind = &data[seen.len()..];
        if let Some(place) = memchr::memrchr(b'\r', seen) {
            self.clear();
            data = data[place + 1..].trim_ascii_start();
        } else if self.has_returned && !seen.is_empty() {
            self.clear();
        }
        self.has_returned |= memchr::memchr(b'\r', behind).is_some();
        let room = PART_BYTES - self.beginning.len();
        let (first, rest) = data.split_at(data.len().min(room));
        self.beginning.extend_from_slice(first);
        self.is_cut |= self.end.len() + rest.len() > 2 * PART_BYTES;
        if self.end.len() + rest.len() <= 2 * PART_BYTES {
            self.end.extend_from_slice(rest);
        } else {
            let rest = &rest[rest.len().saturating_sub(PART_BYTES)..];
            let stays = PART_BYTES - rest.len();
            self.end.drain(..self.end.len().saturating_sub(stays));
            self.end.extend_from_slice(rest);
        }
    }

    /// Forgets the line, but keeps its memory for the next one.
    pub fn clear(&mut self) {
        self.beginning.clear();
        self.end.clear();
        self.is_cut = false;
        self.has_returned = false;
    }

    /// True where nothing of the line can be seen.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let first = self.beginning.trim_ascii_start().first();
        // Nothing before it can hide it, and nothing behind it was written over it.
        !first.is_some_and(u8::is_ascii_graphic) && self.text().trim().is_empty()
    }

    /// The line as plain text, with `…` where something is left out.
    #[must_use]
    pub fn text(&self) -> String {
        if !self.is_cut {
            return plain_line(&[&self.beginning[..], &self.end].concat());
        }
        let end = &self.end[self.end.len().saturating_sub(PART_BYTES)..];
        // A letter that was cut is none.
        let beginning = plain_line(&self.beginning);
        let beginning = beginning.trim_end_matches(char::REPLACEMENT_CHARACTER);
        let letters = end.iter().take(3).take_while(|&&byte| byte & 0xc0 == 0x80);
        let end = plain_line(&end[letters.count()..]);
        format!("{beginning}\u{2026}{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_has_its_beginning_and_its_end_in_bounded_memory() {
        for length in [1, 100, 2_000, 5_001, 100_000] {
            let mut line = Line::default();
            let data = format!("start {} end.", "é".repeat(20_000));
            for part in data.as_bytes().chunks(length) {
                line.push(part);
                assert!(line.beginning.capacity() + line.end.capacity() <= 8 * PART_BYTES);
            }
            let text = line.text();
            assert!(
                text.starts_with("start é") && text.ends_with("é end."),
                "{length}"
            );
            assert_eq!(
                text.matches(['\u{2026}', '\u{fffd}']).count(),
                1,
                "{length}"
            );
        }
    }

    #[test]
    fn what_is_overwritten_is_forgotten() {
        let table = [
            ("10%\r20%\r\r", "20%"),
            ("10%\r  \r done \r ", "done"),
            ("\r\rone", "one"),
            ("one\r\t", "one"),
            ("  \r", ""),
        ];
        for (raw, text) in table {
            for length in [1, 2, 100] {
                let mut line = Line::default();
                for part in raw.as_bytes().chunks(length) {
                    line.push(part);
                }
                assert_eq!(line.text(), text, "{raw:?} by {length}");
                assert_eq!(line.is_blank(), text.is_empty());
            }
        }
    }
}
