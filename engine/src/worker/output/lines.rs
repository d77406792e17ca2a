//! What people see of an output at a glance: its first and last lines, and its address.

use std::collections::VecDeque;

use super::line::Line;
use super::segments::Segments;
use super::uri::{MARKS, UriFinder};

/// How many lines of the beginning, and of the end, an excerpt has.
const EXCERPT_LINES: usize = 10;

/// The longest excerpt, in bytes.
const EXCERPT_BYTES: usize = 2_000;

const GAP: &str = "\n\u{2026}\n";

/// Reads masked output, all of it, in bounded memory.
#[derive(Default)]
pub struct LineReader {
    unfinished: Line,
    first: Vec<String>,
    last: VecDeque<Line>,
    /// Non-empty lines so far.
    lines: u64,
    segments: Segments,
    uri: UriFinder,
}

impl LineReader {
    /// Takes the next part of the output.
    pub fn push(&mut self, mut data: &[u8]) {
        self.segments.push_lines_with(data, MARKS, &mut self.uri);
        while let Some(end) = memchr::memchr(b'\n', data) {
            self.unfinished.push(&data[..end]);
            self.line();
            data = &data[end + 1..];
        }
        self.unfinished.push(data);
    }

    /// The excerpt and the address, at the end of the output.
    #[must_use]
    pub fn finish(mut self) -> (Option<String>, Option<String>) {
        self.segments.finish(&mut self.uri);
        self.line();
        let last: Vec<String> = self.last.iter().map(Line::text).collect();
        let total = usize::try_from(self.lines).unwrap_or(usize::MAX);
        let excerpt = (total > 0).then(|| excerpt(&self.first, &last, total));
        (excerpt, self.uri.found())
    }

    /// The end of a line.
    fn line(&mut self) {
        if self.unfinished.is_blank() {
            self.unfinished.clear();
            return;
        }
        self.lines += 1;
        if self.first.len() < EXCERPT_LINES {
            self.first.push(self.unfinished.text());
            self.unfinished.clear();
            return;
        }
        let mut next = if self.last.len() == EXCERPT_LINES {
            self.last.pop_front().unwrap_or_default()
        } else {
            Line::default()
        };
        next.clear();
        self.last
            .push_back(std::mem::replace(&mut self.unfinished, next));
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
    fn the_address_is_found_though_coloured_and_split() {
        let mut reader = LineReader::default();
        reader.push(b"\x1b[32mouts\n\x1b[32moutputs_u");
        reader.push(b"ri=https://e.org/9\x1b[0m\r\n");
        assert_eq!(reader.finish().1.as_deref(), Some("https://e.org/9"));
    }

    /// Excerpt and address of the output, which are the same however it is split.
    fn found(output: &[u8]) -> (Option<String>, Option<String>) {
        let whole = found_in_parts(output, output.len());
        for length in [1, 7, 64, 4_095, 65_536] {
            assert_eq!(
                found_in_parts(output, length),
                whole,
                "in parts of {length}"
            );
        }
        whole
    }

    fn found_in_parts(output: &[u8], length: usize) -> (Option<String>, Option<String>) {
        let mut reader = LineReader::default();
        for part in output.chunks(length) {
            reader.push(part);
        }
        reader.finish()
    }

    #[test]
    fn no_progress_bar_hides_the_address() {
        let step = |n: usize| format!("{n:>3}% [{:<50}]\r", "#".repeat(n / 2));
        let bar = (0..=100).map(step).collect::<Vec<_>>().concat();
        let moved = bar.replace('\r', "\u{1b}[1G\u{1b}[2K");
        let taken_back = bar.replace('\r', &"\u{8}".repeat(57));
        for address in ["outputs_uri=https://e.org/9", "see https://e.org/pull/9"] {
            for bar in ["10%\r20%\r", &bar, &moved, &taken_back] {
                for behind in ["", "\n", "\r\n", "\rdone\n", "\r\u{1b}[K\n"] {
                    let (excerpt, uri) = found(format!("{bar}{address}{behind}").as_bytes());
                    let uri = uri.unwrap_or_else(|| panic!("{bar:?} {behind:?}"));
                    assert!(address.ends_with(&uri), "{uri}");
                    // A terminal would show it until it is written over.
                    let shown = match behind {
                        "\rdone\n" => "done",
                        "\r\u{1b}[K\n" => "",
                        _ => address,
                    };
                    assert!(excerpt.unwrap_or_default().ends_with(shown), "{behind:?}");
                }
            }
        }
    }

    #[test]
    fn no_length_hides_the_address_nor_the_end_of_a_line() {
        let long = "{\"words\": \"lorem ipsum\"}, ".repeat(3_000);
        let endless = "x".repeat(100_000);
        for before in [&long, &endless] {
            let (excerpt, uri) =
                found(format!("{before}https://e.org/pull/9, in the end").as_bytes());
            assert_eq!(uri.as_deref(), Some("https://e.org/pull/9"));
            let excerpt = excerpt.unwrap();
            assert!(excerpt.starts_with(&before[..500]) && excerpt.ends_with("in the end"));
            let (_, uri) =
                found(format!("{before}\noutputs_uri=https://e.org/9\n{before}").as_bytes());
            assert_eq!(uri.as_deref(), Some("https://e.org/9"));
        }
        // Nothing that is not seen, however long, is in the way.
        let unseen = format!(
            "{}{}",
            " ".repeat(5_000),
            "\u{1b}[32m\u{1b}[0m\u{200e}".repeat(500)
        );
        let (_, uri) =
            found(format!("{unseen}outputs_uri={unseen}https://e.org/9{unseen}").as_bytes());
        assert_eq!(uri.as_deref(), Some("https://e.org/9"));
    }

    #[test]
    fn no_sequence_that_does_not_end_hides_a_later_line() {
        for open in [
            "\u{1b}]0;title",
            "\u{1b}[",
            "\u{1b}",
            "\u{1b}Pq",
            "\u{9d}title",
            "\u{1b}(",
        ] {
            for end in ["\n", "\r"] {
                let (_, uri) = found(format!("{open}{end}outputs_uri=https://e.org/9").as_bytes());
                assert_eq!(uri.as_deref(), Some("https://e.org/9"), "{open:?} {end:?}");
            }
        }
        let (_, uri) = found(b"\xe2\xc2\xff\xf0\noutputs_uri=caf\xe9\n");
        assert_eq!(uri.as_deref(), Some("caf\u{fffd}"));
    }
}
