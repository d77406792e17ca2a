use leptos::prelude::*;
use model::view::PlanRow;

use super::super::{Question, Seen};
use crate::error::PageError;

/// Every plan.
#[server(prefix = "/fn", endpoint = "plans", protocol = Question)]
pub async fn list_plans() -> Result<Seen<Vec<PlanRow>>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let it = engine::history::plans(&engine, &principal).await?;
    Ok(Seen {
        now: engine.clock.now(),
        it,
    })
}
