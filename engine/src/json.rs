//! What PostgreSQL's jsonb does not take.

use serde_json::Value;

/// Whether a text or a key in it holds the character NUL, which cannot be stored.
pub(crate) fn holds_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(object) => object
            .iter()
            .any(|(key, item)| key.contains('\0') || holds_nul(item)),
    }
}
