//! Roles as the database stores them.

use anyhow::anyhow;
use model::identity::{Role, Scope};

use crate::Result;

/// Roles as read from `account_roles`.
pub(crate) fn parse_roles(texts: &[String], account: i64) -> Result<Vec<Role>> {
    let mut roles = texts
        .iter()
        .map(|text| {
            text.parse().map_err(|error| {
                anyhow!("account_roles.role of account {account} is wrong: {error}").into()
            })
        })
        .collect::<Result<Vec<Role>>>()?;
    roles.sort_unstable();
    Ok(roles)
}

/// Scopes as read from `tokens`.
pub(super) fn parse_scopes(texts: &[String], token: i64) -> Result<Vec<Scope>> {
    texts
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|error| anyhow!("tokens.scopes of token {token} is wrong: {error}").into())
        })
        .collect()
}

/// Texts for the database, each once.
pub(super) fn role_texts(roles: &[Role]) -> Vec<String> {
    let mut sorted = roles.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.iter().map(|role| role.as_str().to_owned()).collect()
}
