//! What a person should know of tokens that were made before tokens had to end.

use super::findings::Finding;
use crate::{Engine, Result};

/// Live tokens without an end, those first that can do the most harm.
pub(super) async fn tokens_without_end(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    let tokens = sqlx::query!(
        "SELECT t.id, t.name, a.login, t.scopes
         FROM tokens t JOIN accounts a ON a.id = t.account_id
         WHERE t.expires_at IS NULL AND t.revoked_at IS NULL AND a.disabled_at IS NULL
         ORDER BY t.scopes && ARRAY['decide', 'admin'] DESC, t.id LIMIT 20"
    )
    .fetch_all(&engine.pool)
    .await?;
    for token in tokens {
        let (id, name, login) = (token.id, token.name, token.login);
        let scopes = token.scopes.join(", ");
        found.push(Finding::notice(
            "token.without_end",
            format!(
                "Token {id} ({name}) of {login} has no end ({scopes}). Let {login} make another, give it to what \
                 uses this one, and end this one with `watchbill token revoke {id}`."
            ),
        ));
    }
    Ok(())
}
