//! Access tokens: of a person, for scripts; of a step, for one attempt.

mod create;
mod resolve;
mod revoke;

use chrono::{DateTime, Utc};
use model::id::{AccountId, TokenId};
use model::identity::{Permission, Principal, Scope};
use secrecy::SecretString;

pub use create::issue_for_step;
pub(crate) use create::{admit, create};
pub use resolve::principal_of_token;
pub(crate) use revoke::end_all;
pub use revoke::{prune, revoke};

use super::roles::parse_scopes;
use crate::{Engine, Result, authorise};

/// In so many days a token ends where nobody says when.
pub const DEFAULT_LIFETIME_DAYS: u32 = 90;
/// Every token ends; those that were made before that held go on.
pub const LONGEST_LIFETIME_DAYS: u32 = 3_650;

/// A person's token, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub account: AccountId,
    pub login: String,
    pub scopes: Vec<Scope>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for, in its person's words.
    pub name: String,
    pub scopes: Vec<Scope>,
    /// In how many days it ends; [`DEFAULT_LIFETIME_DAYS`] for `None`.
    pub lifetime_days: Option<u32>,
}

/// A token that has just been made. The value is shown this once.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    pub id: TokenId,
    pub value: SecretString,
    pub expires_at: DateTime<Utc>,
}

/// The tokens of an account, newest first; of all accounts for `None`. Others' tokens
/// need the permission to administer.
pub async fn list(
    engine: &Engine,
    principal: &Principal,
    account: Option<AccountId>,
) -> Result<Vec<Token>> {
    if account.is_none() || principal.account() != account {
        authorise(principal, Permission::Administer)?;
    }
    let rows = sqlx::query!(
        r#"SELECT t.id, t.name, a.id AS account, a.login, t.scopes, t.created_at, t.expires_at,
                  t.revoked_at, t.last_used_at
           FROM tokens t JOIN accounts a ON a.id = t.account_id
           WHERE a.id = $1 OR $1 IS NULL
           ORDER BY t.id DESC LIMIT 1000"#,
        account.map(|id| id.0)
    )
    .fetch_all(&engine.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Token {
                id: TokenId(row.id),
                name: row.name,
                account: AccountId(row.account),
                login: row.login,
                scopes: parse_scopes(&row.scopes, row.id)?,
                created_at: row.created_at,
                expires_at: row.expires_at,
                revoked_at: row.revoked_at,
                last_used_at: row.last_used_at,
            })
        })
        .collect()
}
