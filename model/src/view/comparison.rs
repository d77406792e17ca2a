use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::ApprovalId;
use crate::visible::FileText;

/// How what is to be signed differs from what was there at another time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    pub with: ApprovalId,
    pub run_id: Option<String>,
    /// When that one was decided, or taken back.
    pub at: Option<DateTime<Utc>>,
    /// Who decided that one.
    pub by: Option<String>,
    /// Nothing where both are the same.
    pub changes: Vec<Change>,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// `outputs.files`, `artifacts.change.diff`, `exit.code`.
    pub field: String,
    /// None where it was not there.
    pub before: Option<String>,
    /// None where it is gone.
    pub after: Option<String>,
    /// Line by line, as a unified diff, where both are texts of several lines: of a file
    /// its content, not its hash.
    pub lines: Option<FileText>,
}

impl Comparison {
    /// The fields in which two JSON values differ, in the order of their names.
    #[must_use]
    pub fn changes(before: &serde_json::Value, after: &serde_json::Value) -> Vec<Change> {
        let mut changes = Vec::new();
        compare(String::new(), Some(before), Some(after), &mut changes);
        changes
    }
}

fn compare(
    field: String,
    before: Option<&serde_json::Value>,
    after: Option<&serde_json::Value>,
    changes: &mut Vec<Change>,
) {
    use serde_json::Value;
    let none = serde_json::Map::new();
    let object = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Some(none.clone()),
        Some(Value::Object(object)) => Some(object.clone()),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => None,
    };
    let is_object = |value: Option<&Value>| matches!(value, Some(Value::Object(_)));
    if before == after {
        return;
    }
    if (is_object(before) || is_object(after))
        && let (Some(old), Some(new)) = (object(before), object(after))
    {
        let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let inner = if field.is_empty() {
                name.clone()
            } else {
                format!("{field}.{name}")
            };
            compare(inner, old.get(name), new.get(name), changes);
        }
        return;
    }
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            Some(other.to_string())
        }
    };
    let (before, after) = (text(before), text(after));
    if before != after {
        changes.push(Change {
            field,
            before,
            after,
            lines: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_that_differs_is_named_once() {
        let before = json!({"exit": {"code": 0}, "outputs": {"a": 1, "gone": "x"}, "artifacts": {"p.diff": "11"}, "uri": null});
        let after = json!({"exit": {"code": 0}, "outputs": {"a": 2, "new": [1]}, "artifacts": {"p.diff": "22"}});
        let changes = Comparison::changes(&before, &after);
        let lines: Vec<String> = changes
            .iter()
            .map(|change| {
                format!(
                    "{}: {} → {}",
                    change.field,
                    change.before.as_deref().unwrap_or("–"),
                    change.after.as_deref().unwrap_or("–")
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                "artifacts.p.diff: 11 → 22",
                "outputs.a: 1 → 2",
                "outputs.gone: x → –",
                "outputs.new: – → [1]",
            ]
        );
        assert!(Comparison::changes(&before, &before).is_empty());
        assert!(Comparison::changes(&json!(null), &json!({})).is_empty());
    }
}
