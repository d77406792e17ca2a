use std::fmt::Write as _;

use super::table;

/// Stands for one character that cannot be seen, or for one byte that belongs to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    hidden: Hidden,
    ends_line: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    Character(char),
    /// Not UTF-8.
    Byte(u8),
}

impl Hidden {
    /// What a byte of a file is.
    pub const fn of_byte(byte: u8) -> Self {
        if byte.is_ascii() {
            Self::Character(byte as char)
        } else {
            Self::Byte(byte)
        }
    }
}

impl Mark {
    /// `ends_line`: a line feed follows.
    pub(super) const fn new(hidden: Hidden, ends_line: bool) -> Self {
        Self {
            ends_line: ends_line && matches!(hidden, Hidden::Character('\r')),
            hidden,
        }
    }

    /// Returns what is read in its place: `⟨ESC⟩`, `⟨U+202E⟩`, `⟨0xFF⟩`.
    ///
    /// Controls go by the short names that ASCII gives them: fonts often lack their pictures.
    #[must_use]
    pub fn label(self) -> String {
        match self.hidden {
            Hidden::Character(character) => match table::control(character) {
                Some(name) => format!("⟨{name}⟩"),
                None => format!("⟨U+{:04X}⟩", u32::from(character)),
            },
            Hidden::Byte(byte) => format!("⟨0x{byte:02X}⟩"),
        }
    }

    /// Returns its number and its name: `U+202E right-to-left override`.
    #[must_use]
    pub fn title(self) -> String {
        match self.hidden {
            Hidden::Character(character) => {
                let mut title = format!("U+{:04X} ", u32::from(character));
                match table::name(character) {
                    table::Name::Own(name) => title.push_str(name),
                    table::Name::Numbered(name, number) => {
                        // Writing to a String cannot fail.
                        let _ = write!(title, "{name} {number}");
                    }
                    table::Name::Tag(letter) => {
                        let _ = write!(title, "tag {letter}");
                    }
                }
                title
            }
            Hidden::Byte(byte) => format!("0x{byte:02X} byte that is not UTF-8"),
        }
    }

    /// Whether it is more than a carriage return at the end of a line.
    #[must_use]
    pub const fn counts(self) -> bool {
        !self.ends_line
    }

    /// The bytes that it stands for.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        match self.hidden {
            Hidden::Character(character) => character.to_string().into_bytes(),
            Hidden::Byte(byte) => vec![byte],
        }
    }
}
