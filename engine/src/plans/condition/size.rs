//! How large a value is, and how large one that an expression makes can be at most.

use std::ops::Add;

use super::tree::{Kind, Tree};

/// How many bytes are moved or compared for one unit.
const BYTES_A_UNIT: u64 = 64;
/// What one value takes in memory besides its text, in bytes.
const VALUE_BYTES: u64 = 64;
/// The longest text that a number, a type or a truth value is written as.
const WORD_BYTES: u64 = 400;

/// A value with all in it. Sums and products end at the largest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub values: u64,
    /// Of texts and keys.
    pub bytes: u64,
}

impl Size {
    /// A number, a truth value, or nothing.
    pub const ONE: Self = Self {
        values: 1,
        bytes: 0,
    };

    pub fn text(bytes: usize) -> Self {
        Self {
            values: 1,
            bytes: bytes as u64,
        }
    }

    /// What it costs to walk, copy or compare it.
    pub fn units(self) -> u64 {
        self.values.saturating_add(self.text_units())
    }

    /// What it costs to walk its texts alone.
    pub fn text_units(self) -> u64 {
        self.bytes / BYTES_A_UNIT
    }

    /// What it takes in memory.
    pub fn memory(self) -> u64 {
        self.values
            .saturating_mul(VALUE_BYTES)
            .saturating_add(self.bytes)
    }

    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Some(Self {
            values: self.values.checked_sub(other.values)?,
            bytes: self.bytes.checked_sub(other.bytes)?,
        })
    }

    /// Covers both.
    pub fn max(self, other: Self) -> Self {
        Self {
            values: self.values.max(other.values),
            bytes: self.bytes.max(other.bytes),
        }
    }

    fn times(self, count: u64) -> Self {
        Self {
            values: self.values.saturating_mul(count),
            bytes: self.bytes.saturating_mul(count),
        }
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            values: self.values.saturating_add(other.values),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// What is known of a value before it is there.
#[derive(Clone, Copy)]
pub(super) enum Shape<'a> {
    /// Exactly this one, or an error.
    Known(&'a Tree<'a>),
    Text(&'a str),
    Whole(i64),
    Made(Made),
}

/// At most this large.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    pub size: Size,
    /// How many items a loop over it would see.
    pub count: u64,
    /// The largest of what it holds directly.
    pub largest: Size,
}

impl Made {
    /// Anything of this size.
    pub fn of(size: Size) -> Self {
        Self {
            size,
            count: size.values.saturating_sub(1),
            largest: size,
        }
    }

    /// A list of so many, none larger than this one.
    pub fn list(count: u64, largest: Size) -> Self {
        Self {
            size: Size::ONE + largest.times(count),
            count,
            largest,
        }
    }

    /// Covers both.
    pub fn or(self, other: Self) -> Self {
        Self {
            size: self.size.max(other.size),
            count: self.count.max(other.count),
            largest: self.largest.max(other.largest),
        }
    }

    /// Two lists, two texts or two numbers added to one.
    pub fn plus(self, other: Self) -> Self {
        let size = self.size + other.size;
        Self {
            // What holds the items of both is one value, as are both texts.
            size: Size {
                values: size.values.saturating_sub(1).max(1),
                ..size
            },
            count: self.count.saturating_add(other.count),
            largest: self.largest.max(other.largest),
        }
    }
}

impl Shape<'_> {
    /// A number, a truth value, an error.
    pub const SMALL: Self = Self::Made(Made {
        size: Size::ONE,
        count: 0,
        largest: Size {
            values: 0,
            bytes: 0,
        },
    });

    pub fn size(self) -> Size {
        self.made().size
    }

    /// The same without what is known besides its size.
    pub fn made(self) -> Made {
        match self {
            Self::Known(tree) => Made {
                size: tree.size,
                count: match &tree.kind {
                    Kind::List(items) => items.len() as u64,
                    Kind::Map(entries) => entries.len() as u64,
                    Kind::Other | Kind::Whole(_) | Kind::Text(_) => 0,
                },
                largest: tree.largest,
            },
            Self::Text(text) => Made {
                size: Size::text(text.len()),
                ..Made::default()
            },
            Self::Whole(_) => Made {
                size: Size::ONE,
                ..Made::default()
            },
            Self::Made(made) => made,
        }
    }

    /// The same as a text.
    pub fn written(self) -> Self {
        let bytes = self.size().bytes.max(WORD_BYTES);
        Self::Made(Made {
            size: Size { values: 1, bytes },
            ..Made::default()
        })
    }
}

impl<'a> Shape<'a> {
    /// What stands in it under this name; an error where nothing does.
    pub fn field(self, name: &str) -> Self {
        match self {
            Self::Known(Tree {
                kind: Kind::Map(entries),
                ..
            }) => entries.get(name).map_or(Self::SMALL, Self::Known),
            Self::Known(_) | Self::Text(_) | Self::Whole(_) => Self::SMALL,
            Self::Made(made) => Self::Made(Made::of(made.largest)),
        }
    }

    /// What stands in it at this index, where index and value are both known.
    pub fn item(self, index: Self) -> Option<Self> {
        let Self::Known(tree) = self else { return None };
        let found = match (&tree.kind, index.key()?) {
            (Kind::Map(entries), Key::Text(key)) => entries.get(key),
            (Kind::List(items), Key::Whole(index)) => usize::try_from(index)
                .ok()
                .and_then(|index| items.get(index)),
            (Kind::Map(_), Key::Whole(_))
            | (Kind::List(_), Key::Text(_))
            | (Kind::Other | Kind::Whole(_) | Kind::Text(_), Key::Whole(_) | Key::Text(_)) => None,
        };
        Some(found.map_or(Self::SMALL, Self::Known))
    }

    fn key(self) -> Option<Key<'a>> {
        match self {
            Self::Text(text) => Some(Key::Text(text)),
            Self::Whole(number) => Some(Key::Whole(number)),
            Self::Known(tree) => match tree.kind {
                Kind::Text(text) => Some(Key::Text(text)),
                Kind::Whole(number) => Some(Key::Whole(number)),
                Kind::Other | Kind::List(_) | Kind::Map(_) => None,
            },
            Self::Made(_) => None,
        }
    }
}

enum Key<'a> {
    Text(&'a str),
    Whole(i64),
}
