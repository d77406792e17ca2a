use leptos::prelude::*;
use model::id::ApprovalId;
use model::view::ApprovalStanding;

use super::super::Question;
use crate::error::PageError;

/// Where a request stands. Without the moment of the answer, so that two alike are equal.
#[server(prefix = "/fn", endpoint = "approval_standing", protocol = Question)]
pub async fn load_standing(id: ApprovalId) -> Result<ApprovalStanding, PageError> {
    let (engine, principal) = crate::context::caller()?;
    Ok(engine::history::approval_standing(&engine, &principal, id).await?)
}
