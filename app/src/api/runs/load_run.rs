use leptos::prelude::*;
use model::id::RunKey;
use model::view::RunDetail;

use super::super::{Question, Seen};
use crate::error::PageError;

/// A run and its tasks.
#[server(prefix = "/fn", endpoint = "run", protocol = Question)]
pub async fn load_run(key: RunKey) -> Result<Seen<RunDetail>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let it = engine::history::run(&engine, &principal, key).await?;
    Ok(Seen {
        now: engine.clock.now(),
        it,
    })
}
