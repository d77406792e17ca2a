//! Messages about a request that still waits: a reminder, or that others are asked now.

use model::id::{ApprovalId, TaskId};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::enqueue::{Channel, OutboxMessage, enqueue};
use super::events::link;
use super::payload::{envelope, slack_text};
use crate::{Engine, Result};

/// Why people are told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nudge {
    Reminder {
        number: i32,
    },
    /// Signers as plans write them: `role:admin`.
    Escalated {
        step: i32,
        to: Vec<String>,
    },
}

impl Nudge {
    fn key(&self, approval: ApprovalId) -> String {
        match self {
            Self::Reminder { number } => format!("approval/{approval}/reminder/{number}"),
            Self::Escalated { step, .. } => format!("approval/{approval}/escalated/{step}"),
        }
    }

    fn sentence(&self, task: &str) -> String {
        match self {
            Self::Reminder { .. } => format!("Task {task} is still awaiting approval"),
            Self::Escalated { to, .. } => {
                format!(
                    "Task {task} is still awaiting approval; asked now: {}",
                    to.join(", ")
                )
            }
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Reminder { .. } => "approval.reminder",
            Self::Escalated { .. } => "approval.escalated",
        }
    }
}

/// Writes what each configured channel says. The reference's e-mail webhook knows only
/// first requests, and is left alone.
pub async fn nudge(
    connection: &mut PgConnection,
    engine: &Engine,
    approval: ApprovalId,
    nudge: &Nudge,
) -> Result<()> {
    let settings = &engine.settings;
    let row = sqlx::query!(
        r#"SELECT a.task_id, a.task_name, a.run_id, t.outputs_uri AS "outputs_uri?", watchbill_now() AS "at!"
           FROM approvals a LEFT JOIN tasks t ON t.id = a.task_id WHERE a.id = $1"#,
        approval.0
    )
    .fetch_one(&mut *connection)
    .await?;
    let page = link(settings, &format!("approvals/{approval}"));
    for channel in [Channel::Slack, Channel::Webhook] {
        if !channel.is_configured(settings) {
            continue;
        }
        let payload = match channel {
            Channel::Slack => slack(nudge, &row.task_name, page.as_deref()),
            Channel::EmailWebhook => continue,
            Channel::Webhook => {
                let data = json!({
                    "approval_id": approval,
                    "approval_url": page,
                    "task_id": row.task_id,
                    "task": row.task_name,
                    "run_id": row.run_id,
                    "status": "awaiting_approval",
                    "outputs_uri": row.outputs_uri,
                    "detail": details(nudge),
                });
                envelope(nudge.kind(), row.at, &data)
            }
        };
        let message = OutboxMessage {
            channel,
            dedup_key: nudge.key(approval),
            task_id: Some(TaskId(row.task_id)),
            payload,
        };
        enqueue(connection, &message).await?;
    }
    Ok(())
}

fn details(nudge: &Nudge) -> Value {
    match nudge {
        Nudge::Reminder { number } => json!({ "number": number }),
        Nudge::Escalated { step, to } => json!({ "step": step, "to": to }),
    }
}

fn slack(nudge: &Nudge, task: &str, page: Option<&str>) -> Value {
    let sentence = slack_text(&nudge.sentence(task));
    match page {
        Some(page) => json!({
            "text": format!("{sentence}: {}", slack_text(page)),
        }),
        None => json!({ "text": sentence }),
    }
}
