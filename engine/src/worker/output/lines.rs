//! What people see of an output at a glance: its first and last lines, and its address.

use std::collections::VecDeque;

use super::plain::plain_line;
use super::uri::UriFinder;

/// How many lines of the beginning, and of the end, an excerpt has.
const EXCERPT_LINES: usize = 10;

/// The longest excerpt, in bytes.
const EXCERPT_BYTES: usize = 2_000;

/// Of a longer line only the beginning is looked at.
const LINE_BYTES: usize = 4_096;

const GAP: &str = "\n\u{2026}\n";

/// Reads masked output line by line, in bounded memory.
#[derive(Default)]
pub struct LineReader {
    unfinished: Vec<u8>,
    first: Vec<String>,
    last: VecDeque<Vec<u8>>,
    /// Non-empty lines so far.
    lines: u64,
    uri: UriFinder,
}

impl LineReader {
    /// Takes the next part of the output.
    pub fn push(&mut self, mut data: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', data) {
            let line = &data[..end];
            data = &data[end + 1..];
            if self.unfinished.is_empty() {
                self.line(&line[..line.len().min(LINE_BYTES)]);
            } else {
                self.extend_unfinished(line);
                let whole = std::mem::take(&mut self.unfinished);
                self.line(&whole);
            }
        }
        self.extend_unfinished(data);
    }

    /// The excerpt and the address, at the end of the output.
    #[must_use]
    pub fn finish(mut self) -> (Option<String>, Option<String>) {
        if !self.unfinished.is_empty() {
            let whole = std::mem::take(&mut self.unfinished);
            self.line(&whole);
        }
        let last: Vec<String> = self.last.iter().map(|raw| plain_line(raw)).collect();
        let total = usize::try_from(self.lines).unwrap_or(usize::MAX);
        let excerpt = (total > 0).then(|| excerpt(&self.first, &last, total));
        (excerpt, self.uri.found())
    }

    fn extend_unfinished(&mut self, data: &[u8]) {
        let room = LINE_BYTES - self.unfinished.len();
        self.unfinished
            .extend_from_slice(&data[..data.len().min(room)]);
    }

    fn line(&mut self, raw: &[u8]) {
        if self.uri.may_concern(raw) {
            self.uri.line(&plain_line(raw));
        }
        if is_blank(raw) {
            return;
        }
        self.lines += 1;
        if self.first.len() < EXCERPT_LINES {
            self.first.push(plain_line(raw));
            return;
        }
        let mut kept = if self.last.len() == EXCERPT_LINES {
            self.last.pop_front().unwrap_or_default()
        } else {
            Vec::new()
        };
        kept.clear();
        kept.extend_from_slice(raw);
        self.last.push_back(kept);
    }
}

/// Whether nothing of the line can be seen.
fn is_blank(raw: &[u8]) -> bool {
    let plain_ascii = raw
        .iter()
        .all(|&byte| (b' '..0x7f).contains(&byte) || byte == b'\t');
    if plain_ascii {
        raw.trim_ascii().is_empty()
    } else {
        plain_line(raw).trim().is_empty()
    }
}

fn excerpt(first: &[String], last: &[String], total: usize) -> String {
    let mut head = first.join("\n");
    let mut tail = last.join("\n");
    let gap = if total > first.len() + last.len() {
        GAP
    } else if last.is_empty() {
        ""
    } else {
        "\n"
    };
    if head.len() + gap.len() + tail.len() <= EXCERPT_BYTES {
        return head + gap + &tail;
    }
    if gap != GAP {
        // Nothing is missing between the two: cut the middle of the whole.
        head = head + gap + &tail;
        tail.clone_from(&head);
    }
    let room = EXCERPT_BYTES - GAP.len();
    let tail_length = tail.len().min(room - head.len().min(room / 2));
    let head_length = head.len().min(room - tail_length);
    head.truncate(head.floor_char_boundary(head_length));
    let tail = &tail[tail.ceil_char_boundary(tail.len() - tail_length)..];
    head + GAP + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt_of(output: &[u8]) -> Option<String> {
        let mut reader = LineReader::default();
        for part in output.chunks(7) {
            reader.push(part);
        }
        reader.finish().0
    }

    #[test]
    fn short_output_is_whole() {
        assert_eq!(excerpt_of(b""), None);
        assert_eq!(excerpt_of(b"\n \n\x1b[0m\n"), None);
        assert_eq!(
            excerpt_of(b"one\n\n\ttwo\r\nthree").unwrap(),
            "one\n two\nthree"
        );
    }

    #[test]
    fn long_output_has_its_first_and_last_ten_lines() {
        let output = (1..=100)
            .map(|n| format!("line {n}\n\n"))
            .collect::<Vec<_>>()
            .concat();
        let excerpt = excerpt_of(output.as_bytes()).unwrap();
        let lines: Vec<&str> = excerpt.lines().collect();
        assert_eq!(lines.len(), 21);
        assert_eq!(
            (lines[0], lines[9], lines[10]),
            ("line 1", "line 10", "\u{2026}")
        );
        assert_eq!((lines[11], lines[20]), ("line 91", "line 100"));
        let twenty = (1..=20)
            .map(|n| format!("{n}\n"))
            .collect::<Vec<_>>()
            .concat();
        assert_eq!(excerpt_of(twenty.as_bytes()).unwrap(), twenty.trim_end());
    }

    #[test]
    fn it_never_exceeds_its_bytes_nor_splits_a_character() {
        for line in ["é".repeat(3_000), "x".repeat(90_000)] {
            for count in [1, 2, 15, 50] {
                let output = format!("start {line}\n").repeat(count) + "the end";
                let excerpt = excerpt_of(output.as_bytes()).unwrap();
                assert!(excerpt.len() <= EXCERPT_BYTES);
                assert!(excerpt.len() > EXCERPT_BYTES - 10);
                assert!(excerpt.starts_with("start "));
                assert!(excerpt.ends_with("the end"));
            }
        }
    }

    #[test]
    fn memory_is_bounded_on_one_endless_line() {
        let mut reader = LineReader::default();
        let part = vec![b'x'; 65_536];
        for _ in 0..1_000 {
            reader.push(&part);
        }
        assert!(reader.unfinished.capacity() <= 4 * LINE_BYTES);
    }

    #[test]
    fn the_address_is_found_though_coloured_and_split() {
        let mut reader = LineReader::default();
        reader.push(b"\x1b[32mouts\n\x1b[32moutputs_u");
        reader.push(b"ri=https://e.org/9\x1b[0m\r\n");
        assert_eq!(reader.finish().1.as_deref(), Some("https://e.org/9"));
    }
}
