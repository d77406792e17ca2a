use leptos::prelude::*;

use super::super::Question;
use crate::error::PageError;

/// The member of Slack whose clicks count as the reader's.
#[server(prefix = "/fn", endpoint = "slack_user", protocol = Question)]
pub async fn load_slack_user() -> Result<Option<String>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let Some(account) = principal.account() else {
        return Ok(None);
    };
    let account = engine::identity::accounts::get(&engine, &principal, account).await?;
    Ok(account.slack_user)
}
