use leptos::prelude::*;
use model::notify::Preferences;

use super::super::Question;
use crate::error::PageError;

/// How the reader is notified; none where the caller is no person.
#[server(prefix = "/fn", endpoint = "preferences", protocol = Question)]
pub async fn load_preferences() -> Result<Option<Preferences>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let Some(account) = principal.account() else {
        return Ok(None);
    };
    let chosen = engine::notify::preferences(&engine, &principal, account).await?;
    Ok(Some(chosen))
}
