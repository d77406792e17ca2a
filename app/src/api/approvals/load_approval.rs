use leptos::prelude::*;
use model::id::ApprovalId;
use model::view::ApprovalDetail;

use super::super::{Question, Seen};
use crate::error::PageError;

/// All that a person needs to decide.
#[server(prefix = "/fn", endpoint = "approval", protocol = Question)]
pub async fn load_approval(id: ApprovalId) -> Result<Seen<ApprovalDetail>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let it = engine::history::approval(&engine, &principal, id).await?;
    Ok(Seen {
        now: engine.clock.now(),
        it,
    })
}
