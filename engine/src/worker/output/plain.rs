//! Turns raw terminal output into a line that is safe in a text column and in a message.

/// `raw` as plain text: invalid UTF-8 replaced; escape sequences, control characters
/// and direction overrides dropped; of what a carriage return overwrote, the last remains.
#[must_use]
pub fn plain_line(raw: &[u8]) -> String {
    let raw = raw.trim_ascii_end();
    let visible = match raw.iter().rposition(|&byte| byte == b'\r') {
        Some(place) => &raw[place + 1..],
        None => raw,
    };
    let text = String::from_utf8_lossy(visible);
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(character) = chars.next() {
        match character {
            '\u{1b}' => match chars.next() {
                Some('[') => skip_control_sequence(&mut chars),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut chars),
                // Two-character sequences, and those that name a character set.
                Some('(' | ')' | '*' | '+' | '#' | '%') => {
                    chars.next();
                }
                Some(_) | None => {}
            },
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            '\t' => plain.push(' '),
            other if other.is_control() || is_unseen(other) => {}
            other => plain.push(other),
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// True of a letter that only says in which direction others are written, or is nothing at all.
pub const fn is_unseen(letter: char) -> bool {
    matches!(
        letter,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// Skips `ESC [ … final`.
fn skip_control_sequence(chars: &mut std::str::Chars<'_>) {
    for character in chars.by_ref() {
        if ('\u{40}'..='\u{7e}').contains(&character) {
            return;
        }
    }
}

/// Skips a string that BEL or `ESC \` ends: a title, a link, the clipboard.
fn skip_string(chars: &mut std::str::Chars<'_>) {
    while let Some(character) = chars.next() {
        match character {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next();
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain_line;

    #[test]
    fn terminal_tricks_are_dropped() {
        let table: [(&[u8], &str); 9] = [
            (b"plain", "plain"),
            (b"\x1b[1;31mred\x1b[0m", "red"),
            (b"\x1b]8;;https://evil\x07link\x1b]8;;\x07", "link"),
            (b"\x1b]52;c;aGFjaw==\x1b\\done", "done"),
            (b"10%\r50%\r100%\r", "100%"),
            (b"a\0b\x07c", "abc"),
            (b"caf\xe9", "caf\u{fffd}"),
            (b"tab\there  ", "tab here"),
            ("x\u{202e}y\u{9b}31mz".as_bytes(), "xyz"),
        ];
        for (raw, plain) in table {
            assert_eq!(plain_line(raw), plain, "{raw:?}");
        }
    }
}
