//! JSON as a condition looks at it: measured once, so that its cost can be worked out before
//! anything is evaluated, and turned into what CEL reads.

use std::collections::HashMap;

use serde_json::Value;

use super::size::Size;

/// How many bytes of JSON a condition may look at.
const CONTEXT_BYTES: u64 = 1024 * 1024;
/// How many values it may look at.
const CONTEXT_VALUES: u64 = 20_000;

/// A value and all in it.
pub(super) struct Tree<'a> {
    pub size: Size,
    /// The largest of what it holds directly.
    pub largest: Size,
    pub kind: Kind<'a>,
}

pub(super) enum Kind<'a> {
    /// Neither holds anything nor is a key.
    Other,
    Whole(i64),
    Text(&'a str),
    List(Vec<Tree<'a>>),
    Map(HashMap<&'a str, Tree<'a>>),
}

/// How much more may be looked at.
pub(super) struct Room(Size);

impl Default for Room {
    fn default() -> Self {
        Self(Size {
            values: CONTEXT_VALUES,
            bytes: CONTEXT_BYTES,
        })
    }
}

impl Room {
    /// What it costs to find that there is more than the room for it.
    pub const UNITS: u64 = CONTEXT_VALUES + CONTEXT_BYTES / 64;

    /// Measures a value.
    ///
    /// # Errors
    /// A sentence where more is looked at than a condition may.
    pub fn measure<'a>(&mut self, value: &'a Value) -> Result<Tree<'a>, String> {
        let bytes = match value {
            Value::String(text) => text.len(),
            Value::Object(object) => object.keys().map(String::len).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => 0,
        };
        let own = Size {
            values: 1,
            bytes: bytes as u64,
        };
        self.0 = self.0.checked_sub(own).ok_or_else(too_much)?;
        let kind = match value {
            Value::Null | Value::Bool(_) => Kind::Other,
            Value::Number(number) => number.as_i64().map_or(Kind::Other, Kind::Whole),
            Value::String(text) => Kind::Text(text),
            Value::Array(items) => {
                let items: Result<Vec<_>, _> =
                    items.iter().map(|item| self.measure(item)).collect();
                Kind::List(items?)
            }
            Value::Object(object) => {
                let entries: Result<HashMap<_, _>, String> = object
                    .iter()
                    .map(|(key, value)| Ok((key.as_str(), self.measure(value)?)))
                    .collect();
                Kind::Map(entries?)
            }
        };
        let (inside, largest) = match &kind {
            Kind::Other | Kind::Whole(_) | Kind::Text(_) => Default::default(),
            Kind::List(items) => sum_and_most(items.iter().map(|item| item.size)),
            Kind::Map(entries) => {
                let keys = entries.keys().map(|key| Size::text(key.len()));
                let (_, longest) = sum_and_most(keys);
                let (inside, largest) = sum_and_most(entries.values().map(|entry| entry.size));
                (inside, largest.max(longest))
            }
        };
        Ok(Tree {
            size: own + inside,
            largest,
            kind,
        })
    }
}

fn sum_and_most(sizes: impl Iterator<Item = Size>) -> (Size, Size) {
    sizes.fold(Default::default(), |(sum, most), size| {
        (sum + size, Size::max(most, size))
    })
}

/// The value as CEL reads it. Whole numbers become `int`, so that they compare and add with
/// literals.
pub(super) fn cel_value(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(flag) => cel::Value::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => cel::Value::Int(number),
            (None, Some(number), _) => cel::Value::UInt(number),
            (None, None, number) => cel::Value::Float(number.unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::from(text.as_str()),
        Value::Array(items) => cel::Value::from(items.iter().map(cel_value).collect::<Vec<_>>()),
        Value::Object(object) => {
            let entries = object
                .iter()
                .map(|(key, value)| (key.clone(), cel_value(value)));
            cel::Value::from(entries.collect::<HashMap<String, cel::Value>>())
        }
    }
}

fn too_much() -> String {
    format!(
        "the inputs and outputs that the condition looks at hold more than {CONTEXT_BYTES} bytes or {CONTEXT_VALUES} values"
    )
}
