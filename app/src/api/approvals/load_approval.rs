use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use model::id::ApprovalId;
use model::view::ApprovalDetail;

use super::super::Seen;
use crate::error::PageError;

/// All that a person needs to decide.
#[server(prefix = "/fn", endpoint = "approval", input = Json)]
pub async fn load_approval(id: ApprovalId) -> Result<Seen<ApprovalDetail>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let it = engine::history::approval(&engine, &principal, id).await?;
    Ok(Seen {
        now: engine.clock.now(),
        it,
    })
}
