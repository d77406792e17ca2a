//! Text as people are shown it before they sign: what no eye could see becomes a mark, and
//! no byte is lost.
//!
//! [`pieces`] is the one way: pages, mails and messages use it, and conditions count by it.
//! Line feeds and tabs are text. So is what makes an emoji of visible characters. All else
//! that is invisible, turns the direction of writing or commands a terminal is a [`Mark`].

mod file;
mod json;
mod mark;
mod outline;
mod table;

use std::borrow::Cow;

pub use file::{FileText, unfinished_character};
pub use json::{count_in_json, pretty};
pub use mark::Mark;
pub use outline::outline;
pub use table::{is_invisible, turns_direction};

use mark::Hidden;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Can be seen as it is.
    Text(&'a str),
    /// Stands for what cannot.
    Mark(Mark),
}

/// Takes a text apart, in its order. Lines that keep their line feeds come apart as the whole
/// does.
#[must_use]
pub const fn pieces(text: &str) -> Pieces<'_> {
    Pieces {
        rest: text,
        before: None,
        of_file: false,
    }
}

/// Returns the text with its marks in their places, for what can show nothing but text.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_invisible) {
        Cow::Owned(joined(pieces(text)))
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns the same in one line: line feeds and tabs are blanks.
#[must_use]
pub fn shown_in_line(text: &str) -> String {
    shown(text).replace(['\n', '\t'], " ")
}

/// Counts the marks of a text. A carriage return before a line feed is marked and not
/// counted: whole files have them.
#[must_use]
pub fn count(text: &str) -> u64 {
    counted(pieces(text))
}

fn joined(pieces: Pieces<'_>) -> String {
    pieces.fold(String::new(), |mut text, piece| {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Mark(mark) => text.push_str(&mark.label()),
        }
        text
    })
}

fn counted(pieces: Pieces<'_>) -> u64 {
    pieces.fold(0, |count, piece| match piece {
        Piece::Mark(mark) if mark.counts() => count + 1,
        Piece::Mark(_) | Piece::Text(_) => count,
    })
}

/// The parts of a text.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    rest: &'a str,
    /// The character before the rest, where that is text.
    before: Option<char>,
    /// Bytes may stand in the text as [`FileText`] writes them.
    of_file: bool,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            // Most of any text is this, and it is looked at byte for byte.
            if matches!(character, ' '..='~' | '\n' | '\t') {
                self.before = Some(character);
                continue;
            }
            let after = characters.clone().next().map(|(_, next)| next);
            if !is_invisible(character) || table::joins_emoji(self.before, character, after) {
                self.before = Some(character);
                continue;
            }
            if at > 0 {
                let (text, rest) = self.rest.split_at(at);
                self.rest = rest;
                return Some(Piece::Text(text));
            }
            let byte = after.and_then(|low| file::byte(character, low));
            let (hidden, follows) = match byte.filter(|_| self.of_file) {
                Some(byte) => {
                    characters.next();
                    (Hidden::of_byte(byte), characters.clone().next())
                }
                None => (Hidden::Character(character), characters.clone().next()),
            };
            let ends_line = follows.is_some_and(|(_, next)| next == '\n');
            self.rest = characters.as_str();
            self.before = None;
            return Some(Piece::Mark(Mark::new(hidden, ends_line)));
        }
        let text = std::mem::take(&mut self.rest);
        (!text.is_empty()).then_some(Piece::Text(text))
    }
}

#[cfg(test)]
mod tests;
