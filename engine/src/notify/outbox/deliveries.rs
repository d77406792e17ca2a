//! What administrators see of the outbox, and the one thing that they can do about it.

use chrono::{DateTime, Utc};
use model::id::DeliveryId;
use model::identity::{Permission, Principal};
use model::view::{DeliveryRow, DeliveryState};
use serde_json::json;

use crate::audit;
use crate::{Engine, Error, Result, authorise};

/// The last hundred messages to Slack and webhooks, newest first; mail has a page of its
/// own. What they say stays in the database, since their text is for their receivers.
pub async fn deliveries(engine: &Engine, principal: &Principal) -> Result<Vec<DeliveryRow>> {
    authorise(principal, Permission::Administer)?;
    let records = sqlx::query_as!(
        Record,
        r#"SELECT id, channel, dedup_key,
                  coalesce(payload->>'type', CASE split_part(dedup_key, '/', 3)
                      WHEN 'reminder' THEN 'approval.reminder'
                      WHEN 'escalated' THEN 'approval.escalated'
                      ELSE 'task.awaiting_approval' END) AS "what!",
                  tries, created_at, next_try_at, delivered_at, abandoned_at, last_error
           FROM outbox WHERE channel <> 'mail' ORDER BY id DESC LIMIT 100"#
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(records.into_iter().map(DeliveryRow::from).collect())
}

/// Has a message that was given up tried again at once. One that is older than the patience
/// with its receiver gets this one try.
///
/// # Errors
/// [`Error::Conflict`] naming the state of a message that was not given up.
pub async fn retry(engine: &Engine, principal: &Principal, id: DeliveryId) -> Result<()> {
    authorise(principal, Permission::Administer)?;
    let mut tx = engine.pool.begin().await?;
    let again = sqlx::query!(
        "UPDATE outbox SET abandoned_at = NULL, next_try_at = watchbill_now()
         WHERE id = $1 AND channel <> 'mail' AND abandoned_at IS NOT NULL AND delivered_at IS NULL
         RETURNING channel, dedup_key, tries",
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(again) = again else {
        let delivered = sqlx::query_scalar!(
            r#"SELECT delivered_at IS NOT NULL AS "delivered!" FROM outbox WHERE id = $1 AND channel <> 'mail'"#,
            id.0
        )
        .fetch_optional(&mut *tx)
        .await?;
        return Err(match delivered {
            None => Error::NotFound(format!("there is no message {id}")),
            Some(true) => Error::Conflict(format!("message {id} was delivered")),
            Some(false) => Error::Conflict(format!(
                "message {id} was not given up: it is tried again by itself"
            )),
        });
    };
    audit::record(
        &mut tx,
        principal,
        "delivery.retry",
        &format!("delivery/{id}"),
        json!({ "channel": again.channel, "cause": again.dedup_key, "tries": again.tries }),
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

struct Record {
    id: i64,
    channel: String,
    dedup_key: String,
    what: String,
    tries: i32,
    created_at: DateTime<Utc>,
    next_try_at: DateTime<Utc>,
    delivered_at: Option<DateTime<Utc>>,
    abandoned_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
}

impl From<Record> for DeliveryRow {
    fn from(record: Record) -> Self {
        let state = match (record.delivered_at, record.abandoned_at) {
            (Some(_), _) => DeliveryState::Delivered,
            (None, Some(_)) => DeliveryState::Abandoned,
            (None, None) => DeliveryState::Waiting,
        };
        Self {
            id: DeliveryId(record.id),
            channel: record.channel,
            what: record.what,
            cause: record.dedup_key,
            state,
            tries: record.tries,
            created_at: record.created_at,
            next_try_at: (state == DeliveryState::Waiting).then_some(record.next_try_at),
            delivered_at: record.delivered_at,
            abandoned_at: record.abandoned_at,
            last_error: record.last_error,
        }
    }
}
