//! The last messages and their fate, for admins.

use model::identity::{Permission, Principal};
use model::view::{MailDetail, MailRow};

use crate::{Engine, Error, Result, authorise};

/// How many messages the list shows.
const LAST: i64 = 100;

/// The last messages, newest first.
pub async fn list(engine: &Engine, principal: &Principal) -> Result<Vec<MailRow>> {
    authorise(principal, Permission::Administer)?;
    let rows = sqlx::query_as!(
        MailRow,
        r#"SELECT o.id, a.login AS "login!", a.email, o.payload->>'kind' AS "kind!", o.sent_subject AS subject,
                  o.created_at, o.delivered_at, o.abandoned_at, o.next_try_at, o.tries, o.last_error, o.for_digest, o.needless
           FROM outbox o JOIN accounts a ON a.id = o.recipient_account_id
           WHERE o.channel = 'mail' ORDER BY o.id DESC LIMIT $1"#,
        LAST
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(rows)
}

/// One message, with its text once it was sent.
pub async fn load(engine: &Engine, principal: &Principal, id: i64) -> Result<MailDetail> {
    authorise(principal, Permission::Administer)?;
    let row = sqlx::query!(
        r#"SELECT o.id, a.login AS "login!", a.email, o.payload->>'kind' AS "kind!", o.sent_subject AS subject,
                  o.created_at, o.delivered_at, o.abandoned_at, o.next_try_at, o.tries, o.last_error, o.for_digest, o.needless,
                  o.sent_text
           FROM outbox o JOIN accounts a ON a.id = o.recipient_account_id
           WHERE o.channel = 'mail' AND o.id = $1"#,
        id
    )
    .fetch_optional(&engine.pool)
    .await?
    .ok_or_else(|| Error::NotFound(format!("there is no message {id}")))?;
    Ok(MailDetail {
        row: MailRow {
            id: row.id,
            login: row.login,
            email: row.email,
            kind: row.kind,
            subject: row.subject,
            created_at: row.created_at,
            delivered_at: row.delivered_at,
            abandoned_at: row.abandoned_at,
            next_try_at: row.next_try_at,
            tries: row.tries,
            last_error: row.last_error,
            for_digest: row.for_digest,
            needless: row.needless,
        },
        text: row.sent_text,
    })
}
