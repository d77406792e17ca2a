//! What the interpreter says, as far as it is short.

use std::fmt::{Display, Write};

/// How many characters of the interpreter's own words are passed on.
const WORDS: usize = 300;

/// The words, cut where they get too long: the interpreter prints all that it looked at.
pub(super) fn sentence(words: &dyn Display) -> String {
    let mut written = Words(String::new());
    // Only what is longer than the room for it fails, and its beginning is enough.
    let _ = write!(written, "{words}");
    written.0
}

struct Words(String);

impl Write for Words {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = WORDS.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        self.0.push('…');
        Err(std::fmt::Error)
    }
}
