use leptos::prelude::*;

use super::super::Question;
use crate::error::PageError;

/// How many approvals wait, for the rail.
#[server(prefix = "/fn", endpoint = "waiting", protocol = Question)]
pub async fn count_waiting() -> Result<i64, PageError> {
    use model::identity::Permission;

    let (engine, principal) = crate::context::caller()?;
    if !principal.may(Permission::Read) {
        // They see the rail too, and nothing waits for them.
        return Ok(0);
    }
    Ok(engine::history::count_waiting(&engine, &principal).await?)
}
