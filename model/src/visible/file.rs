use serde::{Deserialize, Serialize};

use super::{Pieces, count, counted, joined};

/// The text of a file, with every byte of it: also those that belong to no character.
///
/// It is text for whatever splits or compares it by line, and has no carriage return in it.
/// Such bytes, and carriage returns, stand in it as two of the noncharacters that Unicode
/// keeps for a program's own use, which text that comes from outside cannot bring along:
/// there they are bytes themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
pub struct FileText(String);

/// The first of the noncharacters that stand for a byte's upper half, and for its lower half.
const UPPER: u32 = 0xfdd0;
const LOWER: u32 = 0xfde0;

impl FileText {
    /// Reads a file.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut text = String::with_capacity(content.len());
        for chunk in content.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character == '\r' || matches!(character, '\u{fdd0}'..='\u{fdef}') {
                    let mut bytes = [0; 4];
                    let bytes = character.encode_utf8(&mut bytes).bytes();
                    bytes.for_each(|byte| push(&mut text, byte));
                } else {
                    text.push(character);
                }
            }
            chunk
                .invalid()
                .iter()
                .for_each(|byte| push(&mut text, *byte));
        }
        Self(text)
    }

    /// Returns what of the beginning of a file can be shown alone. Half a character at its end,
    /// or half the end of a line, is left out: it would be taken for something odd.
    #[must_use]
    pub fn whole_part(content: &[u8]) -> &[u8] {
        let whole = &content[..content.len() - unfinished_character(content)];
        whole.strip_suffix(b"\r").unwrap_or(whole)
    }

    /// Takes what [`FileText::as_str`] gave, or lines of it.
    #[must_use]
    pub const fn from_lines(text: String) -> Self {
        Self(text)
    }

    /// Returns it for splitting and comparing. What is shown goes through
    /// [`FileText::pieces`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a part of [`FileText::as_str`] apart.
    #[must_use]
    pub const fn pieces_of(part: &str) -> Pieces<'_> {
        Pieces {
            rest: part,
            before: None,
            of_file: true,
        }
    }

    /// Counts the marks of a file that nobody takes apart.
    #[must_use]
    pub fn count_in(content: &[u8]) -> u64 {
        let chunks = content.utf8_chunks();
        chunks.fold(0, |marks, chunk| {
            let bytes = u64::try_from(chunk.invalid().len()).unwrap_or(u64::MAX);
            marks + count(chunk.valid()) + bytes
        })
    }

    /// Takes it apart.
    #[must_use]
    pub fn pieces(&self) -> Pieces<'_> {
        Self::pieces_of(&self.0)
    }

    /// Returns it with its marks in their places, for what can show nothing but text.
    #[must_use]
    pub fn shown(&self) -> String {
        joined(self.pieces())
    }

    /// Counts its marks.
    #[must_use]
    pub fn count(&self) -> u64 {
        counted(self.pieces())
    }
}

/// How many bytes at the end are the beginning of a character that may go on in what follows.
#[must_use]
pub fn unfinished_character(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    for (back, byte) in bytes[from..].iter().rev().enumerate() {
        let needed = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if back + 1 < needed { back + 1 } else { 0 };
    }
    0
}

fn push(text: &mut String, byte: u8) {
    for half in [UPPER + u32::from(byte >> 4), LOWER + u32::from(byte & 15)] {
        text.extend(char::from_u32(half));
    }
}

/// The byte that two characters of a file's text stand for.
pub(super) fn byte(upper: char, lower: char) -> Option<u8> {
    let half = |character: char, first: u32| {
        let half = u32::from(character).checked_sub(first)?;
        u8::try_from(half).ok().filter(|half| *half < 16)
    };
    Some(half(upper, UPPER)? << 4 | half(lower, LOWER)?)
}
