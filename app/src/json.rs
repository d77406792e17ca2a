//! Reads the types of the pages from JSON.
//!
//! `serde_json` compiles its parser and the texts of its errors into the reader of every type, and
//! the browser would have to load them all. Here one piece of code makes a [`Value`] of the text,
//! and each type takes its parts out of that.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// Reads a text that the server wrote.
///
/// # Errors
/// [`Unreadable`], without a reason: nobody in the browser could do anything with it.
pub fn read<T: DeserializeOwned>(json: &str) -> Result<T, Unreadable> {
    let value = serde_json::from_str(json).map_err(|_| Unreadable)?;
    T::deserialize(Read(value))
}

/// A text that is not JSON, or not of the type that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text cannot be read")]
pub struct Unreadable;

impl Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Read(Value);

impl IntoDeserializer<'_, Unreadable> for Read {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Read {
    fn string<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            _ => Err(Unreadable),
        }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Read)))
            }
            // A list with nothing in it may be left out of what is written.
            Value::Null => visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<Self>())),
            _ => Err(Unreadable),
        }
    }

    /// The fields of an object in this order; null for one that is not there.
    fn in_order(self, fields: &[&str]) -> Result<Vec<Value>, Unreadable> {
        match self.0 {
            Value::Object(mut object) => Ok(fields
                .iter()
                .map(|field| object.remove(*field).unwrap_or_default())
                .collect()),
            _ => Err(Unreadable),
        }
    }

    fn object<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(entries(fields)),
            _ => Err(Unreadable),
        }
    }
}

type Entries = std::iter::Map<serde_json::map::IntoIter, fn((String, Value)) -> (String, Read)>;

fn entries<'de>(
    fields: serde_json::Map<String, Value>,
) -> MapDeserializer<'de, Entries, Unreadable> {
    let entry: fn((String, Value)) -> (String, Read) = |(name, value)| (name, Read(value));
    MapDeserializer::new(fields.into_iter().map(entry))
}

impl<'de> Deserializer<'de> for Read {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(it) => visitor.visit_bool(it),
            Value::Number(number) => {
                if let Some(it) = number.as_u64() {
                    visitor.visit_u64(it)
                } else if let Some(it) = number.as_i64() {
                    visitor.visit_i64(it)
                } else {
                    visitor.visit_f64(number.as_f64().ok_or(Unreadable)?)
                }
            }
            Value::String(_) => self.string(visitor),
            Value::Array(_) => self.list(visitor),
            Value::Object(_) => self.object(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.string(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.object(visitor)
    }

    /// By place, since the reader that finds each field by its name is three times as large.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(SeqDeserializer::new(
            self.in_order(fields)?.into_iter().map(Read),
        ))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(variant.into_deserializer()),
            Value::Object(fields) => {
                visitor.visit_enum(MapAccessDeserializer::new(entries(fields)))
            }
            _ => Err(Unreadable),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_unit()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use model::plan::{InputDefinition, InputKind, PlanTask, Schedule, Work};
    use model::reported::Status;
    use model::view::TaskFilter;
    use serde::Serialize;
    use serde_json::json;

    use super::*;
    use crate::error::PageError;
    use crate::visit::{FormAnswer, Message, Visit};

    fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
        let json = serde_json::to_string(&value).expect("it can be written");
        assert_eq!(read(&json), Ok(value), "{json}");
    }

    #[test]
    fn every_shape_is_read_as_it_was_written() {
        survives(Work::Run(vec![
            "echo".to_owned(),
            "\"1\n\u{1f319}".to_owned(),
        ]));
        survives(Work::Shell {
            program: "sh".to_owned(),
            script: String::new(),
        });
        survives(PlanTask::new("build", Work::run(["make"])));
        survives(Schedule::Every {
            every_seconds: u64::MAX,
            window: None,
        });
        survives(InputDefinition {
            name: "limit".to_owned(),
            description: String::new(),
            kind: InputKind::Choice(vec!["a".to_owned()]),
            required: true,
            default: Some(json!({ "deep": [1, -2, 2.5, null, true, { "n": i64::MIN }] })),
        });
        survives(TaskFilter {
            statuses: vec![Status::AwaitingApproval, Status::Failed],
            since: "2026-11-20T02:30:41.123456Z".parse().ok(),
            ..TaskFilter::default()
        });
        survives(Visit {
            year: -1,
            answer: Some(FormAnswer {
                message: Some(Message::Refused("no".to_owned())),
                typed: vec![("note".to_owned(), "text".to_owned())],
                ..FormAnswer::default()
            }),
            ..Visit::default()
        });
        survives(Ok::<_, PageError>((1_i64, InputKind::Integer)));
        survives(Err::<(), _>(PageError::SignedOut));
    }

    #[test]
    fn what_does_not_fit_is_unreadable() {
        for json in [
            "",
            "{",
            "7",
            "[]",
            "{\"Ok\":\"seven\"}",
            "{\"Else\":7}",
            "{}",
        ] {
            assert_eq!(
                read::<Result<i64, PageError>>(json),
                Err(Unreadable),
                "{json}"
            );
        }
        assert_eq!(read("{\"Ok\":7}"), Ok(Ok::<i64, PageError>(7)));
    }
}
