//! Declared inputs, from the fields of a form.

use model::plan::{InputDefinition, InputKind};
use serde_json::{Map, Value};

use super::value;

/// What was typed, as the types that the plan declares; what does not read as its type goes
/// on as text, so that the engine says what is wrong with it.
pub fn inputs(definitions: &[InputDefinition], fields: &[(String, String)]) -> Value {
    let mut inputs = Map::new();
    for definition in definitions {
        let typed = value(fields, &format!("inputs.{}", definition.name)).trim();
        let read = match &definition.kind {
            // A box that is not ticked is not sent.
            InputKind::Boolean => Some(Value::Bool(typed == "true")),
            InputKind::Integer => number(typed, |text| text.parse::<i64>().ok().map(Value::from)),
            InputKind::Number => number(typed, |text| text.parse::<f64>().ok().map(Value::from)),
            InputKind::String | InputKind::Choice(_) => {
                (!typed.is_empty()).then(|| Value::from(typed))
            }
        };
        if let Some(read) = read {
            inputs.insert(definition.name.clone(), read);
        }
    }
    Value::Object(inputs)
}

fn number(typed: &str, read: impl Fn(&str) -> Option<Value>) -> Option<Value> {
    (!typed.is_empty()).then(|| read(typed).unwrap_or_else(|| Value::from(typed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn define(name: &str, kind: InputKind) -> InputDefinition {
        InputDefinition {
            name: name.to_owned(),
            description: String::new(),
            kind,
            required: false,
            default: None,
        }
    }

    #[test]
    fn what_is_typed_becomes_what_the_plan_declares() {
        let definitions = [
            define("depth", InputKind::Integer),
            define("rate", InputKind::Number),
            define("strict", InputKind::Boolean),
            define("site", InputKind::String),
            define("wrong", InputKind::Integer),
        ];
        let fields = [
            ("depth", "3"),
            ("rate", "0.5"),
            ("site", ""),
            ("wrong", "three"),
        ]
        .map(|(name, value)| (format!("inputs.{name}"), value.to_owned()));
        let expected = serde_json::json!({
            "depth": 3, "rate": 0.5, "strict": false, "wrong": "three",
        });
        assert_eq!(inputs(&definitions, &fields), expected);
    }
}
