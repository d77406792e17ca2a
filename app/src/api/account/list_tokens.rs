use chrono::{DateTime, Utc};
use leptos::prelude::*;
use model::id::TokenId;
use model::identity::Scope;
use serde::{Deserialize, Serialize};

use super::super::Question;
use crate::error::PageError;

/// One of the reader's tokens, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenRow {
    pub id: TokenId,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub created_at: DateTime<Utc>,
    /// None for those that were made before tokens had to end.
    pub expires_at: Option<DateTime<Utc>>,
    pub is_over: bool,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The reader's own tokens, newest first.
#[server(prefix = "/fn", endpoint = "tokens", protocol = Question)]
pub async fn list_tokens() -> Result<Vec<TokenRow>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let Some(account) = principal.account() else {
        return Ok(Vec::new());
    };
    let now = engine.clock.now();
    let tokens = engine::identity::tokens::list(&engine, &principal, Some(account)).await?;
    Ok(tokens
        .into_iter()
        .map(|token| TokenRow {
            id: token.id,
            name: token.name,
            scopes: token.scopes,
            created_at: token.created_at,
            expires_at: token.expires_at,
            is_over: token.expires_at.is_some_and(|end| end <= now),
            revoked_at: token.revoked_at,
            last_used_at: token.last_used_at,
        })
        .collect())
}
