use leptos::prelude::*;
use model::view::DelegationRow;

use super::super::Question;
use crate::error::PageError;

/// Who signs for whom, as far as it concerns the reader.
#[server(prefix = "/fn", endpoint = "delegations", protocol = Question)]
pub async fn list_delegations() -> Result<Vec<DelegationRow>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    Ok(engine::approvals::delegations::list(&engine, &principal).await?)
}
