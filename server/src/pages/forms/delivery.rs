use axum::Form;
use axum::extract::State;
use axum::response::Response;
use model::id::DeliveryId;

use super::super::reader::Reader;
use super::super::refusal::{Sent, refused, see};
use super::{Fields, sender, value};
use crate::state::AppState;

/// `POST /deliveries/retry`
pub async fn retry(
    State(state): State<AppState>,
    reader: Reader,
    Form(fields): Fields,
) -> Response {
    const PAGE: &str = "/deliveries";
    let tried = async {
        let person = sender(&reader)?;
        let id = value(&fields, "delivery")
            .parse::<DeliveryId>()
            .map_err(|_| engine::Error::NotFound("there is no such message".to_owned()))?;
        engine::notify::outbox::retry(&state.engine, &person, id).await
    };
    match tried.await {
        Ok(()) => see(PAGE),
        Err(error) => refused(&state, &reader, Sent::bare(PAGE.to_owned()), error).await,
    }
}
