use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::{plans, runs};
use model::plan::{InputDefinition, InputKind};
use serde_json::{Map, Value};

use super::super::reader::Reader;
use super::super::refusal::{Sent, refused, see};
use super::{Fields, sender, value};
use crate::state::AppState;

/// `POST /plans/{name}/run`: a run at once, with the inputs of the form.
pub async fn run(
    State(state): State<AppState>,
    reader: Reader,
    Path(name): Path<String>,
    Form(fields): Fields,
) -> Response {
    match start(&state, &reader, &name, &fields).await {
        Ok(page) => see(&page),
        Err(error) => {
            let sent = Sent {
                page: format!("/plans/{name}"),
                form: "run",
                fields: fields.iter().map(|(field, _)| field.clone()).collect(),
                typed: fields,
            };
            refused(&state, &reader, sent, error).await
        }
    }
}

async fn start(
    state: &AppState,
    reader: &Reader,
    name: &str,
    fields: &[(String, String)],
) -> engine::Result<String> {
    let person = sender(reader)?;
    let stored = plans::current(&state.engine, name).await?;
    let inputs = inputs(&stored.plan.inputs, fields);
    let (key, _) = runs::start(&state.engine, &person, name, inputs).await?;
    Ok(format!("/runs/{key}"))
}

/// What was typed, as the types that the plan declares; what does not read as its type goes
/// on as text, so that the engine says what is wrong with it.
fn inputs(definitions: &[InputDefinition], fields: &[(String, String)]) -> Value {
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

/// `POST /plans/{name}/pause`
pub async fn pause(
    State(state): State<AppState>,
    reader: Reader,
    Path(name): Path<String>,
) -> Response {
    let done = match sender(&reader) {
        Ok(person) => plans::pause(&state.engine, &person, &name).await,
        Err(error) => Err(error),
    };
    answer(&state, &reader, &name, done).await
}

/// `POST /plans/{name}/resume`
pub async fn resume(
    State(state): State<AppState>,
    reader: Reader,
    Path(name): Path<String>,
) -> Response {
    let done = match sender(&reader) {
        Ok(person) => plans::resume(&state.engine, &person, &name).await,
        Err(error) => Err(error),
    };
    answer(&state, &reader, &name, done).await
}

async fn answer(
    state: &AppState,
    reader: &Reader,
    name: &str,
    done: engine::Result<()>,
) -> Response {
    let page = format!("/plans/{name}");
    match done {
        Ok(()) => see(&page),
        Err(error) => refused(state, reader, Sent::bare(page), error).await,
    }
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
