//! Output as text that is safe to show while it grows: lenient UTF-8 without control
//! sequences. What people sign is shown by `model::visible` instead, which drops nothing.

use model::visible::{turns_direction, unfinished_character};

/// How many bytes at the end of `bytes` belong to something that may go on in what follows:
/// a character, a control sequence, or a carriage return before its line feed.
pub(super) fn unfinished(bytes: &[u8]) -> usize {
    // No real control sequence is longer; past it, what looks like one is shown as it is.
    const LONGEST: usize = 2048;
    let from = bytes.len().saturating_sub(LONGEST);
    if let Some(at) = bytes[from..].iter().rposition(|byte| *byte == 0x1b) {
        let start = from + at;
        if escape_length(&bytes[start..]).is_none() {
            return bytes.len() - start;
        }
    }
    if bytes.last() == Some(&b'\r') {
        return 1;
    }
    unfinished_character(bytes)
}

/// All of it, where nothing follows.
pub(super) fn whole(bytes: &[u8]) -> String {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            0x1b => {
                at += escape_length(&bytes[at..]).unwrap_or(bytes.len() - at);
                continue;
            }
            b'\r' => {
                if bytes.get(at + 1) != Some(&b'\n') {
                    kept.push(b'\n');
                }
            }
            byte @ (b'\n' | b'\t' | 0x20..=0x7e | 0x80..) => kept.push(byte),
            0x00..=0x1a | 0x1c..=0x1f | 0x7f => {}
        }
        at += 1;
    }
    let text = String::from_utf8_lossy(&kept);
    if text.contains(hidden) {
        text.chars()
            .filter(|character| !hidden(*character))
            .collect()
    } else {
        text.into_owned()
    }
}

/// Controls beyond ASCII, and those that reorder what a reader sees.
fn hidden(character: char) -> bool {
    matches!(character, '\u{80}'..='\u{9f}') || turns_direction(character)
}

/// The length of the escape sequence at the start of `bytes`; none while its end is missing.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match *bytes.get(1)? {
        b'[' => bytes[2..]
            .iter()
            .position(|byte| !matches!(byte, 0x20..=0x3f))
            .map(|end| {
                if matches!(bytes[2 + end], 0x40..=0x7e) {
                    end + 3
                } else {
                    end + 2
                }
            }),
        // Strings: operating system command, device control, privacy, application, start of string.
        b']' | b'P' | b'^' | b'_' | b'X' => {
            let end = bytes[2..]
                .iter()
                .position(|byte| matches!(byte, 0x07 | 0x1b | b'\n'))?
                + 2;
            match bytes[end] {
                0x07 => Some(end + 1),
                0x1b => bytes
                    .get(end + 1)
                    .map(|next| if *next == b'\\' { end + 2 } else { end }),
                _ => Some(end),
            }
        }
        0x20..=0x2f => bytes[2..]
            .iter()
            .position(|byte| !matches!(byte, 0x20..=0x2f))
            .map(|end| end + 3),
        0x30..=0x7e => Some(2),
        _ => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_colours_titles_links_and_clipboard() {
        let output = b"\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\\x1b[2J\x1b]52;c;ZXZpbA==\x07.\0\x08";
        assert_eq!(whole(output), "red link.");
    }

    #[test]
    fn ends_lines_at_carriage_returns() {
        assert_eq!(whole(b"10%\r20%\r\ndone\r"), "10%\n20%\ndone\n");
    }

    #[test]
    fn keeps_invalid_bytes_visible() {
        assert_eq!(whole(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn any_split_shows_the_same_text() {
        let output =
            "é \x1b[1;32mgrün\x1b[0m 🌙\r\n\x1b]8;;https://x.example/\x1b\\日本\x1b]8;;\x07!\n"
                .as_bytes();
        for cut in 0..output.len() {
            let (first, second) = output.split_at(cut);
            let shown = first.len() - unfinished(first);
            let text = whole(&first[..shown]) + &whole(&[&first[shown..], second].concat());
            assert_eq!(text, whole(output), "cut at {cut}");
        }
    }
}
