use model::id::{AccountId, AttemptNumber, TaskId, TokenId};
use model::identity::{Principal, PrincipalKind};

use crate::identity::roles::{parse_roles, parse_scopes};
use crate::identity::secret;
use crate::{Engine, Result};

/// Whom the token stands for, with today's roles; `None` when it is unknown, expired or
/// revoked, its person is disabled, or its step's lease is over.
pub async fn principal_of_token(engine: &Engine, value: &str) -> Result<Option<Principal>> {
    let found = sqlx::query!(
        r#"SELECT t.id, t.name, t.scopes, t.task_id, t.attempt,
                  a.id AS "account?", a.login AS "login?",
                  array(SELECT role FROM account_roles r WHERE r.account_id = t.account_id) AS "roles!",
                  coalesce(t.last_used_at < watchbill_now() - interval '1 minute', true) AS "stale!"
           FROM tokens t LEFT JOIN accounts a ON a.id = t.account_id
           WHERE t.token_hash = $1
             AND t.revoked_at IS NULL
             AND (t.expires_at IS NULL OR t.expires_at > watchbill_now())
             AND ((a.id IS NOT NULL AND a.disabled_at IS NULL)
                  OR EXISTS (SELECT 1 FROM leases l
                             WHERE l.task_id = t.task_id AND l.attempt = t.attempt
                               AND l.expires_at > watchbill_now()))"#,
        secret::digest(value)
    )
    .fetch_optional(&engine.readers)
    .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    if found.stale {
        sqlx::query!(
            "UPDATE tokens SET last_used_at = watchbill_now()
             WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < watchbill_now() - interval '1 minute')",
            found.id
        )
        .execute(&engine.pool)
        .await?;
    }
    let scopes = parse_scopes(&found.scopes, found.id)?;
    Ok(
        match (found.account, found.login, found.task_id, found.attempt) {
            (Some(account), Some(login), ..) => Some(Principal {
                kind: PrincipalKind::PersonToken {
                    account: AccountId(account),
                    token: TokenId(found.id),
                    scopes,
                },
                name: login,
                roles: parse_roles(&found.roles, account)?,
            }),
            (_, _, Some(task), Some(attempt)) => Some(Principal {
                kind: PrincipalKind::StepToken {
                    task: TaskId(task),
                    attempt: AttemptNumber(attempt),
                    scopes,
                },
                name: found.name,
                roles: Vec::new(),
            }),
            // The table's own check forbids it: nobody's token.
            _ => None,
        },
    )
}
