use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::{lifecycle, plans};

use super::super::reader::Reader;
use super::super::refusal::{Sent, refused, see};
use super::inputs::inputs;
use super::{Fields, sender};
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
    let (key, _) = lifecycle::start(&state.engine, &person, name, inputs).await?;
    Ok(format!("/runs/{key}"))
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
