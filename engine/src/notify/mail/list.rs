//! The last messages and their fate, for admins.

use model::identity::{Permission, Principal};
use model::view::{MailDetail, MailRow};

use crate::{Engine, Error, Result, authorise};

/// How many messages the list shows.
const LAST: i64 = 100;

/// The one SELECT of messages.
macro_rules! select_mail {
    ($which:tt, $argument:expr) => {
        sqlx::query_as!(
            MailRow,
            r#"SELECT o.id, a.login AS "login!", a.email, o.payload->>'kind' AS "kind!", o.sent_subject AS subject,
                o.created_at, o.delivered_at, o.abandoned_at, o.next_try_at, o.tries, o.last_error, o.for_digest,
                o.needless
               FROM outbox o JOIN accounts a ON a.id = o.recipient_account_id "# + $which,
            $argument
        )
    };
}

/// The last messages, newest first.
pub async fn list(engine: &Engine, principal: &Principal) -> Result<Vec<MailRow>> {
    authorise(principal, Permission::Administer)?;
    let rows = select_mail!("WHERE o.channel = 'mail' ORDER BY o.id DESC LIMIT $1", LAST)
        .fetch_all(&engine.pool)
        .await?;
    Ok(rows)
}

/// One message, with its text once it was sent.
pub async fn load(engine: &Engine, principal: &Principal, id: i64) -> Result<MailDetail> {
    authorise(principal, Permission::Administer)?;
    let row = select_mail!("WHERE o.channel = 'mail' AND o.id = $1", id)
        .fetch_optional(&engine.pool)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no message {id}")))?;
    let text = sqlx::query_scalar!("SELECT sent_text FROM outbox WHERE id = $1", id)
        .fetch_optional(&engine.pool)
        .await?
        .flatten();
    Ok(MailDetail { row, text })
}
