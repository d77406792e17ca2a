//! Values of templates before they are there.

use serde_json::Value;

/// The longest text that a number or a truth value is written as.
pub(super) const WORD_BYTES: u64 = 400;
/// How much longer a text may get where it is written as a part of a list.
pub(super) const QUOTED: u64 = 10;
/// A value before it is there.
#[derive(Clone, Copy)]
pub(super) enum Shape<'a> {
    Known(&'a Value),
    /// Anything, of which nothing is known yet.
    Open,
    Number,
    /// A text or a list of at most so many bytes.
    Made(u64),
}

/// What stands in it at this place, where that is known.
pub(super) fn part<'a>(of: Shape<'a>, key: Option<&str>, index: Option<usize>) -> Shape<'a> {
    match of {
        Shape::Known(value) => {
            let by_key = key.map(|key| value.get(key));
            let by_index = index.map(|index| value.get(index));
            match by_key.or(by_index) {
                Some(found) => found.map_or(Shape::Made(0), Shape::Known),
                None => Shape::Made(size(value)),
            }
        }
        Shape::Open => Shape::Open,
        Shape::Number => Shape::Made(0),
        Shape::Made(bytes) => Shape::Made(bytes),
    }
}

pub(super) fn either<'a>(one: Shape<'a>, other: Shape<'a>) -> Shape<'a> {
    match (one, other) {
        (Shape::Open, _) | (_, Shape::Open) => Shape::Open,
        (one, other) if is_number(one) && is_number(other) => Shape::Number,
        (one, other) => Shape::Made(bytes(one).max(bytes(other))),
    }
}

/// Whether it can be one; what is not known yet can.
pub(super) fn is_number(shape: Shape<'_>) -> bool {
    match shape {
        Shape::Known(value) => value.is_number(),
        Shape::Open | Shape::Number => true,
        Shape::Made(_) => false,
    }
}

pub(super) fn bytes(shape: Shape<'_>) -> u64 {
    match shape {
        Shape::Known(Value::String(text)) => text.len() as u64,
        Shape::Known(value) => size(value),
        Shape::Open => 0,
        Shape::Number => WORD_BYTES,
        Shape::Made(bytes) => bytes,
    }
}

/// How long a value gets where it is written out whole.
pub(super) fn size(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) => 8,
        Value::Number(_) => WORD_BYTES,
        Value::String(text) => (text.len() as u64).saturating_mul(QUOTED) + 8,
        Value::Array(items) => items.iter().map(size).fold(8, u64::saturating_add),
        Value::Object(entries) => entries.iter().fold(8, |all: u64, (key, value)| {
            let key = (key.len() as u64).saturating_mul(QUOTED) + 8;
            all.saturating_add(key).saturating_add(size(value))
        }),
    }
}
