//! The inputs that a run is started with, against what its plan declares.

use model::plan::{InputDefinition, InputKind, Plan};
use serde_json::{Map, Value};

use crate::{Error, FieldProblem, Result};

/// How long a text input may be, in bytes.
const TEXT_BYTES: usize = 65_536;

/// Fills defaults in and checks every value's kind.
///
/// # Errors
/// [`Error::Invalid`] with one problem per wrong input, `inputs.<name>`.
pub fn check(plan: &Plan, given: Value) -> Result<Value> {
    check_definitions(&plan.inputs, given, &format!("plan {}", plan.name))
}

/// The same for any declared inputs; `owner` is what declares them, for the messages.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_definitions(
    definitions: &[InputDefinition],
    given: Value,
    owner: &str,
) -> Result<Value> {
    let mut given = match given {
        Value::Null => Map::new(),
        Value::Object(given) => given,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Error::invalid(
                "inputs",
                "write an object of names and values",
            ));
        }
    };
    let mut checked = Map::new();
    let mut problems = Vec::new();
    for definition in definitions {
        let value = given
            .remove(&definition.name)
            .filter(|value| !value.is_null());
        match value.or_else(|| definition.default.clone()) {
            Some(value) => match wrong(definition, &value) {
                None => {
                    checked.insert(definition.name.clone(), value);
                }
                Some(message) => problems.push(problem(&definition.name, message)),
            },
            None if definition.required => {
                problems.push(problem(&definition.name, "it is required".to_owned()));
            }
            None => {}
        }
    }
    for name in given.keys() {
        problems.push(problem(name, format!("{owner} has no such input")));
    }
    if problems.is_empty() {
        Ok(Value::Object(checked))
    } else {
        Err(Error::Invalid(problems))
    }
}

fn problem(name: &str, message: String) -> FieldProblem {
    FieldProblem {
        field: format!("inputs.{name}"),
        message,
    }
}

/// What is wrong with a value, where something is.
pub(super) fn wrong(definition: &InputDefinition, value: &Value) -> Option<String> {
    match (&definition.kind, value) {
        (InputKind::String, Value::String(text)) if text.len() > TEXT_BYTES => {
            Some(format!("it is longer than {TEXT_BYTES} bytes"))
        }
        (InputKind::String, Value::String(text)) if text.contains('\0') => {
            Some("it holds a NUL character; remove it".to_owned())
        }
        (InputKind::String, Value::String(_))
        | (InputKind::Boolean, Value::Bool(_))
        | (InputKind::Number, Value::Number(_)) => None,
        (InputKind::Integer, Value::Number(number)) if number.is_i64() => None,
        (InputKind::Choice(choices), Value::String(text)) if choices.contains(text) => None,
        (InputKind::String, _) => Some("write a text".to_owned()),
        (InputKind::Integer, _) => Some("write a whole number".to_owned()),
        (InputKind::Number, _) => Some("write a number".to_owned()),
        (InputKind::Boolean, _) => Some("write true or false".to_owned()),
        (InputKind::Choice(choices), _) => Some(format!("write one of {}", choices.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan() -> Plan {
        let input = |name: &str, kind, required, default| InputDefinition {
            name: name.to_owned(),
            description: String::new(),
            kind,
            required,
            default,
        };
        Plan {
            name: "nightly".to_owned(),
            description: String::new(),
            timezone: "UTC".to_owned(),
            run_id: "nightly-{date}".to_owned(),
            inputs: vec![
                input("pages", InputKind::Integer, true, None),
                input(
                    "depth",
                    InputKind::Choice(vec!["one".into(), "all".into()]),
                    false,
                    Some(json!("one")),
                ),
            ],
            triggers: Vec::new(),
            tasks: Vec::new(),
        }
    }

    #[test]
    fn defaults_fill_what_nobody_gave() {
        let checked = check(&plan(), json!({"pages": 3})).expect("the inputs fit");
        assert_eq!(checked, json!({"pages": 3, "depth": "one"}));
    }

    #[test]
    fn every_wrong_input_is_named_at_once() {
        let error = check(
            &plan(),
            json!({"pages": 1.5, "depth": "two", "colour": "red"}),
        )
        .expect_err("nothing fits");
        let Error::Invalid(problems) = error else {
            panic!("a wrong input is invalid, not {error}");
        };
        let fields: Vec<&str> = problems
            .iter()
            .map(|problem| problem.field.as_str())
            .collect();
        assert_eq!(fields, ["inputs.pages", "inputs.depth", "inputs.colour"]);
    }
}
