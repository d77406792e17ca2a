//! What a terminal would show, part by part: a new part begins wherever the cursor goes back
//! or on to another line, so that what is written over is seen as well.

use super::plain::is_unseen;

/// Takes what is shown.
pub trait Reader {
    /// More of the part. Its bytes may be no UTF-8.
    fn text(&mut self, text: &[u8]);
    /// The end of the part.
    fn end(&mut self);
}

/// Reads raw output of any length in the memory of one letter.
#[derive(Default)]
pub struct Segments {
    state: State,
    /// A letter that may be a control, as far as it was read.
    letter: [u8; 3],
    letter_read: usize,
    is_in_line: bool,
}

#[derive(Default, Clone, Copy)]
enum State {
    #[default]
    Text,
    /// Behind ESC.
    Escape,
    /// In `ESC [ … final`.
    Sequence,
    /// In a title, a link, the clipboard: up to BEL or `ESC \`.
    Hidden,
    HiddenEscape,
    /// Before the name of a character set.
    Charset,
}

impl Segments {
    /// Takes the next part of the output.
    pub fn push(&mut self, data: &[u8], reader: &mut impl Reader) {
        if let Some(&last) = data.last() {
            self.is_in_line = last != b'\n';
        }
        self.read(data, reader);
    }

    /// Takes the next part of the output, but of its whole lines only those that have any of
    /// these two: nothing of a line reaches beyond it.
    pub fn push_lines_with(&mut self, data: &[u8], marks: [u8; 2], reader: &mut impl Reader) {
        let first = if self.is_in_line {
            memchr::memchr(b'\n', data).map_or(data.len(), |end| end + 1)
        } else {
            0
        };
        self.push(&data[..first], reader);
        let rest = &data[first..];
        let last = memchr::memrchr(b'\n', rest).map_or(0, |end| end + 1);
        let (mut lines, unfinished) = rest.split_at(last);
        while let Some(place) = memchr::memchr2(marks[0], marks[1], lines) {
            let start = memchr::memrchr(b'\n', &lines[..place]).map_or(0, |end| end + 1);
            let end =
                memchr::memchr(b'\n', &lines[place..]).map_or(lines.len(), |end| place + end + 1);
            self.push(&lines[start..end], reader);
            lines = &lines[end..];
        }
        self.push(unfinished, reader);
    }

    fn read(&mut self, mut data: &[u8], reader: &mut impl Reader) {
        while let Some(&byte) = data.first() {
            if matches!(self.state, State::Text) && self.letter_read == 0 && is_plain(byte) {
                let (text, rest) = data.split_at(plain_length(data));
                reader.text(text);
                data = rest;
            } else {
                self.byte(byte, reader);
                data = &data[1..];
            }
        }
    }

    /// The end of the output.
    pub fn finish(&mut self, reader: &mut impl Reader) {
        self.broken(reader);
        reader.end();
    }

    fn byte(&mut self, byte: u8, reader: &mut impl Reader) {
        if self.letter_read > 0 {
            if matches!(byte, 0x80..=0xbf) {
                self.letter[self.letter_read] = byte;
                self.letter_read += 1;
                if self.letter_read == letter_length(self.letter[0]) {
                    self.letter(reader);
                }
                return;
            }
            self.broken(reader);
        }
        if letter_length(byte) > 1 {
            self.letter[0] = byte;
            self.letter_read = 1;
        } else {
            let character = if byte.is_ascii() {
                char::from(byte)
            } else {
                char::REPLACEMENT_CHARACTER
            };
            self.character(character, &[byte], reader);
        }
    }

    fn letter(&mut self, reader: &mut impl Reader) {
        let letter = self.letter;
        match std::str::from_utf8(&letter[..self.letter_read]) {
            Ok(text) => {
                let read = std::mem::take(&mut self.letter_read);
                for character in text.chars() {
                    self.character(character, &letter[..read], reader);
                }
            }
            Err(_) => self.broken(reader),
        }
    }

    /// Passes on the beginning of a letter that has no end.
    fn broken(&mut self, reader: &mut impl Reader) {
        let read = std::mem::take(&mut self.letter_read);
        if read > 0 && matches!(self.state, State::Text) {
            reader.text(&self.letter[..read]);
        }
    }

    fn character(&mut self, character: char, bytes: &[u8], reader: &mut impl Reader) {
        // No sequence goes on behind a line.
        if matches!(character, '\n' | '\r') {
            reader.end();
            self.state = State::Text;
            return;
        }
        self.state = match self.state {
            State::Text => shown(character, bytes, reader),
            State::Escape => match character {
                '\u{1b}' => State::Escape,
                '[' => State::Sequence,
                ']' | 'P' | 'X' | '^' | '_' => State::Hidden,
                '(' | ')' | '*' | '+' | '#' | '%' => State::Charset,
                _ => State::Text,
            },
            State::Sequence => match character {
                '\u{1b}' => State::Escape,
                '\u{40}'..='\u{7e}' => {
                    match character {
                        // The cursor goes elsewhere; on to the right it leaves a blank behind.
                        'A' | 'B' | 'D'..='H' | 'd' | 'f' => reader.end(),
                        'C' => reader.text(b" "),
                        _ => {}
                    }
                    State::Text
                }
                _ => State::Sequence,
            },
            State::Hidden => match character {
                '\u{7}' | '\u{9c}' => State::Text,
                '\u{1b}' => State::HiddenEscape,
                _ => State::Hidden,
            },
            State::Charset | State::HiddenEscape => State::Text,
        };
    }
}

/// Passes on what a character outside of all sequences shows: what it begins.
fn shown(character: char, bytes: &[u8], reader: &mut impl Reader) -> State {
    match character {
        '\u{1b}' => return State::Escape,
        '\u{9b}' => return State::Sequence,
        '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => return State::Hidden,
        // The cursor goes back, or down.
        '\u{8}' | '\u{b}' | '\u{c}' | '\u{85}' => reader.end(),
        '\t' => reader.text(b" "),
        other if other.is_control() || is_unseen(other) => {}
        _ => reader.text(bytes),
    }
    State::Text
}

/// The bytes of a letter that begins so, if letters that begin so may be controls; else 1.
const fn letter_length(first: u8) -> usize {
    match first {
        0xc2 => 2,
        0xe2 | 0xef => 3,
        _ => 1,
    }
}

const fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f && letter_length(byte) == 1
}

/// The plain bytes at the beginning of `data`: looked at in blocks, which is several times faster.
fn plain_length(data: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let blocks = data.chunks_exact(BLOCK);
    let plain = blocks
        .take_while(|block| block.iter().fold(true, |all, &byte| all & is_plain(byte)))
        .count();
    let rest = &data[plain * BLOCK..];
    let end = rest.iter().position(|&byte| !is_plain(byte));
    plain * BLOCK + end.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Parts(Vec<Vec<u8>>, Vec<u8>);

    impl Reader for Parts {
        fn text(&mut self, text: &[u8]) {
            self.1.extend_from_slice(text);
        }

        fn end(&mut self) {
            self.0.push(std::mem::take(&mut self.1));
        }
    }

    #[test]
    fn what_a_terminal_shows_is_read_part_by_part() {
        let table: [(&[u8], &[&[u8]]); 12] = [
            (b"one\ntwo", &[b"one", b"two"]),
            (b"10%\r20%\r\n", &[b"10%", b"20%", b"", b""]),
            (b"a\x08b\x0bc", &[b"a", b"b", b"c"]),
            (b"\x1b[1;31mred\x1b[0m\x1b[K", &[b"red"]),
            (b"10%\x1b[1G20%\x1b[2A30%", &[b"10%", b"20%", b"30%"]),
            (b"two\x1b[1Cwords\there", &[b"two words here"]),
            (b"\x1b]8;;https://evil\x07link\x1b]8;;\x1b\\", &[b"link"]),
            (b"\x1b]0;open\nnext", &[b"", b"next"]),
            (b"\x1b(Bx\x1b[\x1b[32my", &[b"xy"]),
            (
                "x\u{202e}y\u{9b}31mz\u{9d}t\u{9c}é€😀".as_bytes(),
                &["xyzé€😀".as_bytes()],
            ),
            (
                b"caf\xe9 \xe2\x82 \xf0\x9f\x98",
                &[b"caf\xe9 \xe2\x82 \xf0\x9f\x98"],
            ),
            (b"\x9bx\x85y\x9c", &[b"\x9bx\x85y\x9c"]),
        ];
        for (raw, parts) in table {
            for length in [1, 2, 3, 100] {
                let mut read = Parts::default();
                let mut segments = Segments::default();
                for part in raw.chunks(length) {
                    segments.push(part, &mut read);
                }
                segments.finish(&mut read);
                assert_eq!(read.0, parts, "{raw:?} by {length}");
            }
        }
    }
}
