use chrono::{DateTime, Utc};
use leptos::prelude::*;
use model::browser::Browser;
use model::id::SessionId;
use serde::{Deserialize, Serialize};

use super::super::Question;
use crate::error::PageError;

/// What the reader's account is besides its login.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OwnAccount {
    /// The member of Slack whose clicks count as the reader's.
    pub slack_user: Option<String>,
    /// Where the reader is logged in, last used first.
    pub sessions: Vec<SessionRow>,
}

/// One of the reader's sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    pub id: SessionId,
    /// The one in which the page is read.
    pub is_present: bool,
    pub address: Option<String>,
    pub browser: Option<Browser>,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
}

/// What the reader's account is besides its login.
#[server(prefix = "/fn", endpoint = "own_account", protocol = Question)]
pub async fn load_own_account() -> Result<OwnAccount, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let Some(account) = principal.account() else {
        return Ok(OwnAccount::default());
    };
    let origin = use_context::<engine::identity::Origin>().unwrap_or_default();
    let slack_user = engine::identity::accounts::get(&engine, &principal, account)
        .await?
        .slack_user;
    let sessions = match engine::identity::sessions::list(&engine, &principal, &origin).await {
        Ok(sessions) => sessions,
        // A token may read the page; where its person is logged in it does not learn.
        Err(engine::Error::Forbidden(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(OwnAccount {
        slack_user,
        sessions: sessions
            .into_iter()
            .map(|session| SessionRow {
                id: session.id,
                is_present: session.is_present,
                address: session.address,
                browser: session.browser,
                created_at: session.created_at,
                last_seen_at: session.last_seen_at,
            })
            .collect(),
    })
}
