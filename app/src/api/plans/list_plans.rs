use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use model::view::PlanRow;

use super::super::Seen;
use crate::error::PageError;

/// Every plan.
#[server(prefix = "/fn", endpoint = "plans", input = Json)]
pub async fn list_plans() -> Result<Seen<Vec<PlanRow>>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let it = engine::history::plans(&engine, &principal).await?;
    Ok(Seen {
        now: engine.clock.now(),
        it,
    })
}
