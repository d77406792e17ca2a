//! Writing a message in the transaction that causes it.

use anyhow::Context as _;
use model::id::TaskId;
use model::plan::Gate;
use secrecy::SecretString;
use serde_json::Value;
use sqlx::PgConnection;

use super::events::link;
use super::payload::{self, AwaitingApproval, Buttons};
use crate::{Result, Settings};

/// Where a message goes. The address itself stays in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `SLACK_WEBHOOK`.
    Slack,
    /// `EMAIL_WEBHOOK`: the reference's service that turns a POST into mail.
    EmailWebhook,
    /// A receiver of Standard Webhooks.
    Webhook,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 3] = [Self::Slack, Self::EmailWebhook, Self::Webhook];

    /// The text that the database stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::EmailWebhook => "email_webhook",
            Self::Webhook => "webhook",
        }
    }

    /// Whether this process knows where to send it.
    #[must_use]
    pub const fn is_configured(self, settings: &Settings) -> bool {
        self.receiver(settings).is_some()
    }

    /// Where it goes; the address is itself a secret.
    pub(super) const fn receiver(self, settings: &Settings) -> Option<&SecretString> {
        match self {
            Self::Slack => settings.slack_webhook.as_ref(),
            Self::EmailWebhook => settings.email_webhook.as_ref(),
            Self::Webhook => settings.generic_webhook.as_ref(),
        }
    }

    /// The setting that says so.
    pub(super) const fn setting(self) -> &'static str {
        match self {
            Self::Slack => "notify.slack_webhook",
            Self::EmailWebhook => "notify.email_webhook",
            Self::Webhook => "notify.webhook",
        }
    }
}

/// One message for one channel.
#[derive(Clone, Debug)]
pub struct OutboxMessage {
    pub channel: Channel,
    /// The cause; a channel hears of it once, however often it is enqueued.
    pub dedup_key: String,
    /// The task whose `webhook_notified_at` the first delivery sets.
    pub task_id: Option<TaskId>,
    pub payload: Value,
}

/// Writes a message; false where the same one is already there.
pub async fn enqueue(conn: &mut PgConnection, message: &OutboxMessage) -> Result<bool> {
    let written = sqlx::query!(
        "INSERT INTO outbox (channel, dedup_key, task_id, payload) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT outbox_dedup_unique DO NOTHING",
        message.channel.as_str(),
        message.dedup_key,
        message.task_id.map(|task| task.0),
        message.payload,
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Writes what each configured channel says about a task that now waits for a person.
pub async fn awaiting_approval(
    conn: &mut PgConnection,
    settings: &Settings,
    facts: &AwaitingApproval<'_>,
) -> Result<()> {
    let page = link(settings, &format!("approvals/{}", facts.approval));
    for channel in Channel::ALL {
        if !channel.is_configured(settings) {
            continue;
        }
        let payload = match channel {
            Channel::Slack | Channel::EmailWebhook if facts.already_notified => continue,
            Channel::Slack => {
                let message = payload::slack(facts, page.as_deref());
                with_buttons(conn, settings, facts, message).await?
            }
            Channel::EmailWebhook => payload::email(facts),
            Channel::Webhook => {
                let at = sqlx::query_scalar!(r#"SELECT watchbill_now() AS "at!""#)
                    .fetch_one(&mut *conn)
                    .await?;
                payload::generic(facts, page.as_deref(), at)
            }
        };
        let message = OutboxMessage {
            channel,
            dedup_key: format!("approval/{}/requested", facts.approval),
            task_id: Some(facts.task_id),
            payload,
        };
        enqueue(conn, &message).await?;
    }
    Ok(())
}

/// Lays buttons under the message where clicks on them can be verified.
async fn with_buttons(
    conn: &mut PgConnection,
    settings: &Settings,
    facts: &AwaitingApproval<'_>,
    message: Value,
) -> Result<Value> {
    if settings.slack_signing_secret.is_none() {
        return Ok(message);
    }
    let request = sqlx::query!(
        "SELECT digest, policy FROM approvals WHERE id = $1",
        facts.approval.0
    )
    .fetch_optional(conn)
    .await?;
    let Some(request) = request else {
        return Ok(message);
    };
    let gate: Gate = serde_json::from_value(request.policy)
        .with_context(|| format!("approvals.policy of row {} is not a gate", facts.approval))?;
    let buttons = Buttons::of(&gate);
    Ok(payload::with_buttons(
        message,
        facts,
        &request.digest,
        buttons,
    ))
}
