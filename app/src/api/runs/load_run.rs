use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use model::id::RunKey;
use model::view::RunDetail;

use super::super::Seen;
use crate::error::PageError;

/// A run and its tasks.
#[server(prefix = "/fn", endpoint = "run", input = Json)]
pub async fn load_run(key: RunKey) -> Result<Seen<RunDetail>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let it = engine::history::run(&engine, &principal, key).await?;
    Ok(Seen {
        now: engine.clock.now(),
        it,
    })
}
