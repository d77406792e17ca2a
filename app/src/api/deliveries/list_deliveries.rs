use leptos::prelude::*;
use model::view::DeliveryRow;

use super::super::Question;
use crate::error::PageError;

/// The last messages to receivers outside, newest first.
#[server(prefix = "/fn", endpoint = "deliveries", protocol = Question)]
pub async fn list_deliveries() -> Result<Vec<DeliveryRow>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    Ok(engine::notify::outbox::deliveries(&engine, &principal).await?)
}
