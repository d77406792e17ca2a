//! From a click to a decision, and to the sentence that the person reads.

use crate::lifecycle;
use chrono::{DateTime, Utc};
use model::approval::Verdict;
use model::id::{AccountId, ApprovalId};
use model::identity::Principal;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::person::{self, Person};
use crate::audit;
use crate::lifecycle::{Channel, Decide};
use crate::notify::outbox::{self, slack_text};
use crate::tasks::digest::Digest;
use crate::{Engine, Error, Result};

/// A click on one of our buttons, as Slack signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Click {
    /// The workspace.
    pub team: String,
    /// The member.
    pub user: String,
    pub approval: ApprovalId,
    /// What the message was about.
    pub digest: Digest,
    pub verdict: Verdict,
}

/// What the person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    /// The same request was answered before: this is that answer, and nothing was done.
    pub repeated: bool,
}

/// Answers a click whose signature was verified. `body` is the request's raw body: the same
/// one again, as Slack's retries and replays are, gets the same answer and decides nothing.
///
/// # Errors
/// Only where the database cannot be used; a refusal is an answer.
pub async fn answer(engine: &Engine, body: &[u8], click: &Click) -> Result<Answer> {
    let delivery = Sha256::digest(body).to_vec();
    if let Some(text) = begin(engine, &delivery).await? {
        return Ok(Answer {
            text,
            repeated: true,
        });
    }
    let text = work_out(engine, click).await?;
    sqlx::query!(
        "UPDATE slack_deliveries SET answer = $2 WHERE body_hash = $1 AND answer IS NULL",
        delivery,
        text
    )
    .execute(&engine.pool)
    .await?;
    Ok(Answer {
        text,
        repeated: false,
    })
}

/// Notes the delivery; returns what an earlier one of the same body was told.
///
/// One whose answer is missing was cut off, or is under way elsewhere: it is worked out
/// again, which decides nothing twice, because a decision is one guarded statement.
async fn begin(engine: &Engine, delivery: &[u8]) -> Result<Option<String>> {
    sqlx::query!(
        "DELETE FROM slack_deliveries WHERE received_at < watchbill_now() - interval '10 minutes'"
    )
    .execute(&engine.pool)
    .await?;
    sqlx::query!(
        "INSERT INTO slack_deliveries (body_hash) VALUES ($1) ON CONFLICT DO NOTHING",
        delivery
    )
    .execute(&engine.pool)
    .await?;
    let answer = sqlx::query_scalar!(
        "SELECT answer FROM slack_deliveries WHERE body_hash = $1",
        delivery
    )
    .fetch_optional(&engine.pool)
    .await?;
    Ok(answer.flatten())
}

async fn work_out(engine: &Engine, click: &Click) -> Result<String> {
    let team = engine.settings.slack_team.as_deref();
    if team.is_some_and(|team| team != click.team) {
        refuse(engine, click, None, "another workspace").await?;
        return Ok("Nothing was decided: this Slack workspace may not decide here.".to_owned());
    }
    match person::find(engine, &click.user).await? {
        Person::Unmapped => {
            refuse(engine, click, None, "no account").await?;
            let user = slack_text(&click.user);
            Ok(format!(
                "Nothing was decided: the Slack member {user} belongs to no account of Watchbill. \
                 An administrator can map it: watchbill user set LOGIN --slack-user {user}"
            ))
        }
        Person::Disabled { login } => {
            refuse(engine, click, None, &format!("account {login} is disabled")).await?;
            Ok("Nothing was decided: your account in Watchbill is disabled.".to_owned())
        }
        Person::Known(principal) => decide(engine, click, &principal).await,
    }
}

async fn decide(engine: &Engine, click: &Click, principal: &Principal) -> Result<String> {
    let decided = lifecycle::decide(
        engine,
        principal,
        &Decide {
            approval: click.approval,
            digest: Some(click.digest),
            verdict: click.verdict,
            note: None,
            inputs: None,
            channel: Channel::Slack,
        },
    )
    .await;
    match decided {
        Ok(_) => told(engine, click, principal, None).await,
        Err(Error::Conflict(text) | Error::Replaced { message: text, .. }) => {
            told(engine, click, principal, Some(text)).await
        }
        Err(Error::Forbidden(text)) => {
            refuse(engine, click, Some(principal), &text).await?;
            Ok(format!("Nothing was decided: {}.", slack_text(&text)))
        }
        // A note is asked for, or whatever else only a form can carry.
        Err(error @ Error::Invalid(_)) => Ok(format!(
            "Nothing was decided: {}. {}",
            slack_text(&error.to_string()),
            page(engine, click.approval)
        )),
        Err(
            error @ (Error::NotFound(_)
            | Error::Gone(_)
            | Error::DigestNeeded(_)
            | Error::Unauthenticated(_)
            | Error::TooMany { .. }
            | Error::TooLarge(_)),
        ) => Ok(format!(
            "Nothing was decided: {}.",
            slack_text(&error.to_string())
        )),
        Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => Err(error),
    }
}

/// Where the request stands now, to its reader.
struct Standing {
    task: String,
    state: String,
    decided_at: Option<DateTime<Utc>>,
    by: Option<String>,
    /// The reader's own verdict.
    mine: Option<String>,
}

/// The sentence after a decision, or after one that came too late for the given reason.
async fn told(
    engine: &Engine,
    click: &Click,
    principal: &Principal,
    late: Option<String>,
) -> Result<String> {
    let standing = sqlx::query_as!(
        Standing,
        r#"SELECT a.task_name AS task, a.state, a.decided_at,
                  (SELECT d.decided_by FROM decisions d WHERE d.approval_id = a.id ORDER BY d.id DESC LIMIT 1) AS by,
                  (SELECT d.verdict FROM decisions d WHERE d.approval_id = a.id AND d.account_id = $2) AS mine
           FROM approvals a WHERE a.id = $1"#,
        click.approval.0,
        principal.account().map_or(0, |AccountId(id)| id),
    )
    .fetch_one(&engine.pool)
    .await?;
    let task = slack_text(&standing.task);
    let mut connection = engine.pool.acquire().await?;
    let anew = match crate::approvals::successor(&mut connection, click.approval).await? {
        Some(by) => format!(" It was asked again as approval {by}. {}", page(engine, by)),
        None => String::new(),
    };
    drop(connection);
    let pending = standing.state == "pending";
    // A second click on the same button, or the first one told again: it holds already.
    if standing.mine.as_deref() == Some(click.verdict.as_str()) {
        let name = slack_text(&principal.name);
        return Ok(if pending {
            format!("Signed: your answer on {task} is recorded as {name}. Others must sign too.")
        } else {
            format!(
                "Signed: {task} is {}. You signed as {name}.{anew}",
                standing.state
            )
        });
    }
    let reason = late.unwrap_or_default();
    if pending {
        let page = page(engine, click.approval);
        return Ok(format!(
            "Nothing was decided: {}. {page}",
            slack_text(&reason)
        ));
    }
    let by = standing
        .by
        .map(|name| format!(" by {}", slack_text(&name)))
        .unwrap_or_default();
    let when = standing
        .decided_at
        .map(|at| format!(" on {}", at.format("%Y-%m-%d at %H:%M UTC")))
        .unwrap_or_default();
    Ok(format!(
        "Too late: {task} was {}{by}{when}.{anew}",
        standing.state
    ))
}

/// The way to the page, where people can say more than a button does.
fn page(engine: &Engine, approval: ApprovalId) -> String {
    match outbox::link(&engine.settings, &format!("approvals/{approval}")) {
        Some(address) => format!("Decide on the page: {}", slack_text(&address)),
        None => format!("Decide in Watchbill, on the page of approval {approval}."),
    }
}

/// Keeps in the audit who was refused, and why.
async fn refuse(
    engine: &Engine,
    click: &Click,
    principal: Option<&Principal>,
    reason: &str,
) -> Result<()> {
    let unknown = Principal::system("slack");
    let details = json!({
        "reason": reason,
        "team": click.team,
        "user": click.user,
        "verdict": click.verdict,
    });
    audit::record(
        &mut *engine.pool.acquire().await?,
        principal.unwrap_or(&unknown),
        "slack.refuse",
        &format!("approval/{}", click.approval),
        details,
    )
    .await
}
