use leptos::prelude::*;
use model::view::PlanDetail;

use super::super::{Question, Seen};
use crate::error::PageError;

/// A plan with its schedule, its text and what came of it.
#[server(prefix = "/fn", endpoint = "plan", protocol = Question)]
pub async fn load_plan(name: String) -> Result<Seen<PlanDetail>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let it = engine::history::plan(&engine, &principal, &name).await?;
    Ok(Seen {
        now: engine.clock.now(),
        it,
    })
}
