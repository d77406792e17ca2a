//! From a cause to a letter, in the reader's language and zone, as things stand now.

use chrono::{DateTime, Utc};
use jiff::tz::TimeZone;
use model::id::{ApprovalId, RunKey, TaskId};
use sqlx::PgConnection;

use super::cause::Cause;
use super::daily::daily;
use super::facts::{self, Failed, Held, Request};
use super::letter::{Block, Letter};
use super::recipient::{Recipient, admins};
use super::times;
use super::words::{self, Words};
use crate::approvals::{OutOfReach, acknowledged, asked, out_of_reach};
use crate::tasks::consequences;
use crate::{Engine, Result};

/// What is to be sent.
pub(super) struct Composed {
    pub letter: Letter,
    /// What messages about the same run have in common.
    pub thread: Option<String>,
}

/// Who reads, and when.
pub(super) struct Reader<'a> {
    pub words: &'static Words,
    zone: TimeZone,
    zone_name: &'a str,
    now: DateTime<Utc>,
    base: &'a str,
    pub recipient: &'a Recipient,
}

impl<'a> Reader<'a> {
    pub fn new(recipient: &'a Recipient, base: &'a str, now: DateTime<Utc>) -> Self {
        Self {
            words: words::of(recipient.preferences.language),
            zone: times::zone_of(&recipient.preferences),
            zone_name: &recipient.preferences.zone,
            now,
            base: base.trim_end_matches('/'),
            recipient,
        }
    }

    /// The page where the reader changes what they receive.
    pub fn account_page(&self) -> String {
        format!("{}/account", self.base)
    }

    /// The page of messages and their fate, for admins.
    pub fn mail_page(&self) -> String {
        format!("{}/mail", self.base)
    }

    /// A moment in the reader's words and zone.
    pub fn moment(&self, at: DateTime<Utc>) -> String {
        let at = times::local(&self.zone, at);
        self.words.moment(at, times::local(&self.zone, self.now))
    }

    /// A letter with the foot that all of them have.
    pub fn letter(&self, subject: String, mut blocks: Vec<Block>) -> Letter {
        blocks.push(Block::Footer {
            text: self.words.link_hint.to_owned(),
            label: self.words.preferences,
            url: self.account_page(),
        });
        Letter {
            subject,
            language: self.recipient.preferences.language,
            blocks,
        }
    }

    pub fn approval_url(&self, approval: ApprovalId) -> String {
        format!("{}/approvals/{approval}", self.base)
    }

    /// A plan's name needs no escaping in an address.
    pub fn plan_url(&self, plan: &str) -> String {
        format!("{}/plans/{plan}", self.base)
    }

    pub fn task_url(&self, task: TaskId) -> String {
        format!("{}/tasks/{task}", self.base)
    }
}

/// The letter, or why there is nothing left to say.
pub(super) async fn compose(
    engine: &Engine,
    connection: &mut PgConnection,
    reader: &Reader<'_>,
    cause: &Cause,
    row: i64,
) -> Result<std::result::Result<Composed, String>> {
    match cause {
        Cause::ApprovalReminder { approval, .. }
            if acknowledged(connection, *approval)
                .await?
                .contains(&reader.recipient.account) =>
        {
            Ok(Err("the person knows of it".to_owned()))
        }
        Cause::ApprovalReminder { approval, .. }
            if facts::is_reminded_again(connection, *approval, reader.recipient.account, row)
                .await? =>
        {
            Ok(Err("a later reminder says the same".to_owned()))
        }
        Cause::ApprovalRequested { approval }
        | Cause::ApprovalReminder { approval, .. }
        | Cause::ApprovalEscalated { approval, .. } => {
            let people = asked(connection, *approval).await?;
            let request = match open(facts::request(connection, *approval).await?) {
                Ok(request) => request,
                Err(reason) => return Ok(Err(reason)),
            };
            if !people.contains(&reader.recipient.account) {
                return Ok(Err("the person may not sign it any more".to_owned()));
            }
            let next = consequences(engine, connection, request.task, request.run).await?;
            Ok(Ok(request_letter(reader, &request, &next.waiting, cause)))
        }
        Cause::ApprovalOutOfReach { approval } => {
            let request = match open(facts::request(connection, *approval).await?) {
                Ok(request) => request,
                Err(reason) => return Ok(Err(reason)),
            };
            let admins = admins(connection).await?;
            if !admins.contains(&reader.recipient.account) {
                return Ok(Err("the person is no administrator any more".to_owned()));
            }
            let found = out_of_reach(connection, &[*approval]).await?;
            Ok(found
                .first()
                .map(|found| in_vain_letter(reader, &request, found))
                .ok_or_else(|| "enough people can sign it by now".to_owned()))
        }
        Cause::TaskFailed { task, in_a_row, .. } => {
            let failed = facts::failed(connection, *task).await?;
            Ok(failed
                .map(|task| failure_letter(reader, &task, *in_a_row))
                .ok_or_else(|| "the task is gone".to_owned()))
        }
        Cause::AddressDisabled {
            account,
            address,
            reason,
            ..
        } => {
            let login = facts::login(connection, *account).await?;
            Ok(Ok(refusal_letter(reader, &login, address, reason)))
        }
        Cause::PlanHeld { version } => {
            let held = facts::held(connection, *version).await?;
            Ok(held
                .map(|held| held_letter(reader, held))
                .ok_or_else(|| "the plan was saved again or resumed".to_owned()))
        }
        Cause::TokenMade { token, by } => {
            let made = facts::token(connection, *token).await?;
            Ok(made
                .map(|made| token_letter(reader, &made, by))
                .ok_or_else(|| "the token is gone".to_owned()))
        }
        Cause::Digest { date } => daily(connection, reader, *date, row).await,
    }
}

/// A letter that says nothing but that it arrived.
pub(super) fn test(reader: &Reader<'_>) -> Letter {
    let blocks = vec![Block::Text(reader.words.test_text.to_owned())];
    reader.letter(reader.words.test.to_owned(), blocks)
}

fn open(request: Option<Request>) -> std::result::Result<Request, String> {
    match request {
        Some(request) if request.state == "pending" => Ok(request),
        Some(request) => Err(format!("the request is {} by now", request.state)),
        None => Err("the request is gone".to_owned()),
    }
}

/// `nightly / publish (nightly-2025-01-15)`.
fn name(plan: Option<&str>, task: &str, run_id: Option<&str>) -> String {
    let named = match plan {
        Some(plan) => format!("{plan} / {task}"),
        None => task.to_owned(),
    };
    match run_id {
        Some(run) => format!("{named} ({run})"),
        None => named,
    }
}

fn thread(run: Option<RunKey>, task: TaskId) -> String {
    run.map_or_else(|| format!("task-{task}"), |run| format!("run-{run}"))
}

pub(super) fn request_name(request: &Request) -> String {
    name(
        request.plan.as_deref(),
        &request.task_name,
        request.run_id.as_deref(),
    )
}

pub(super) fn failed_name(failed: &Failed) -> String {
    name(
        failed.plan.as_deref(),
        &failed.name,
        failed.run_id.as_deref(),
    )
}

fn request_letter(
    reader: &Reader<'_>,
    request: &Request,
    next: &[String],
    cause: &Cause,
) -> Composed {
    let words = reader.words;
    let what = request_name(request);
    let subject = match request.expires_at {
        Some(at) => (words.sign_by)(&reader.moment(at), &what),
        None => (words.sign)(&what),
    };
    let task = name(request.plan.as_deref(), &request.task_name, None);
    let asks = if request.before_start {
        words.waits_before
    } else {
        words.waits_after
    };
    let (subject, text) = match cause {
        Cause::ApprovalReminder { number, .. } => (
            (words.reminder)(*number, &subject),
            (words.waits_still)(&task),
        ),
        Cause::ApprovalEscalated { step, .. } => (
            (words.escalated)(*step, &subject),
            (words.escalated_text)(&task),
        ),
        Cause::ApprovalRequested { .. }
        | Cause::ApprovalOutOfReach { .. }
        | Cause::TaskFailed { .. }
        | Cause::AddressDisabled { .. }
        | Cause::PlanHeld { .. }
        | Cause::TokenMade { .. }
        | Cause::Digest { .. } => (subject, asks(&task)),
    };
    let deadline = request
        .expires_at
        .map(|at| (words.deadline_hint)(&reader.moment(at), reader.zone_name));
    let risk = request.risk.map(words.risk_level);
    let next = if next.is_empty() {
        words.next_none.to_owned()
    } else {
        next.join(", ")
    };
    task_letter(
        reader,
        About {
            subject,
            text,
            facts: vec![
                (words.deadline, deadline),
                (words.run, request.run_id.clone()),
                (words.risk, risk.map(str::to_owned)),
                (words.asked_by, request.requester.clone()),
                (words.asked_at, Some(reader.moment(request.requested_at))),
                (words.summary, request.summary.clone()),
                (words.result, request.outputs_uri.clone()),
                (words.next, Some(next)),
            ],
            label: words.look_and_decide,
            url: reader.approval_url(request.approval),
            log: request.log_excerpt.as_deref(),
            thread: thread(request.run, request.task),
        },
    )
}

/// To an admin: nothing but a person's act brings this request to its end.
fn in_vain_letter(reader: &Reader<'_>, request: &Request, found: &OutOfReach) -> Composed {
    let words = reader.words;
    let deadline = request
        .expires_at
        .map(|at| (words.deadline_hint)(&reader.moment(at), reader.zone_name));
    let task = name(request.plan.as_deref(), &request.task_name, None);
    task_letter(
        reader,
        About {
            subject: (words.out_of_reach)(&request_name(request)),
            text: (words.out_of_reach_text)(&task),
            facts: vec![
                (
                    words.signatures,
                    Some((words.can_sign)(found.wanted, found.left)),
                ),
                (words.deadline, deadline),
                (words.run, request.run_id.clone()),
                (words.asked_by, request.requester.clone()),
                (words.asked_at, Some(reader.moment(request.requested_at))),
            ],
            label: words.look,
            url: reader.approval_url(request.approval),
            log: None,
            thread: thread(request.run, request.task),
        },
    )
}

fn failure_letter(reader: &Reader<'_>, failed: &Failed, in_a_row: i64) -> Composed {
    let words = reader.words;
    let what = failed_name(failed);
    let task = name(failed.plan.as_deref(), &failed.name, None);
    let (subject, text) = if in_a_row > 1 {
        (
            (words.failed_in_a_row)(in_a_row, &what),
            (words.failed_often_text)(&task, in_a_row),
        )
    } else {
        ((words.failed)(&what), (words.failed_text)(&task))
    };
    task_letter(
        reader,
        About {
            subject,
            text,
            facts: vec![
                (words.run, failed.run_id.clone()),
                (
                    words.failed_at,
                    failed.finished_at.map(|at| reader.moment(at)),
                ),
                (
                    words.exit_code,
                    failed.exit_code.map(|code| code.to_string()),
                ),
                (words.reason, failed.reason.clone()),
            ],
            label: words.look,
            url: reader.task_url(failed.task),
            log: failed.log_excerpt.as_deref(),
            thread: thread(failed.run, failed.task),
        },
    )
}

/// What a letter about one task says, and where it leads.
struct About<'a> {
    subject: String,
    text: String,
    /// What is not known is left out.
    facts: Vec<(&'static str, Option<String>)>,
    label: &'static str,
    url: String,
    log: Option<&'a str>,
    thread: String,
}

fn task_letter(reader: &Reader<'_>, about: About<'_>) -> Composed {
    let facts = about
        .facts
        .into_iter()
        .filter_map(|(label, value)| Some((label, value?)))
        .collect();
    let mut blocks = vec![
        Block::Text(about.text),
        Block::Facts(facts),
        Block::Link {
            label: about.label,
            url: about.url,
        },
    ];
    blocks.extend(excerpt(reader.words, about.log));
    Composed {
        letter: reader.letter(about.subject, blocks),
        thread: Some(about.thread),
    }
}

fn refusal_letter(reader: &Reader<'_>, login: &str, address: &str, reason: &str) -> Composed {
    let words = reader.words;
    let blocks = vec![
        Block::Text((words.address_text)(login, address)),
        Block::Facts(vec![(words.server_said, reason.to_owned())]),
        Block::Text(words.address_hint.to_owned()),
        Block::Link {
            label: words.accounts,
            url: reader.mail_page(),
        },
    ];
    Composed {
        letter: reader.letter((words.address_disabled)(login), blocks),
        thread: None,
    }
}

fn held_letter(reader: &Reader<'_>, held: Held) -> Composed {
    let words = reader.words;
    let blocks = vec![
        Block::Text((words.held_text)(&held.plan, held.version)),
        Block::Facts(vec![(words.reason, held.problem)]),
        Block::Text(words.held_hint.to_owned()),
        Block::Link {
            label: words.look,
            url: reader.plan_url(&held.plan),
        },
    ];
    Composed {
        letter: reader.letter((words.held)(&held.plan), blocks),
        thread: None,
    }
}

fn token_letter(reader: &Reader<'_>, made: &facts::Made, by: &str) -> Composed {
    let words = reader.words;
    let end = made
        .expires_at
        .map(|at| (words.token_end, reader.moment(at)));
    let mut about = vec![
        (words.token_scopes, made.scopes.join(", ")),
        (words.token_by, by.to_owned()),
        (words.token_at, reader.moment(made.created_at)),
    ];
    about.extend(end);
    let blocks = vec![
        Block::Text((words.token_text)(&made.name)),
        Block::Facts(about),
        Block::Text(words.token_hint.to_owned()),
        Block::Link {
            label: words.look,
            url: reader.account_page(),
        },
    ];
    Composed {
        letter: reader.letter((words.token_made)(&made.name), blocks),
        thread: None,
    }
}

fn excerpt(words: &Words, log: Option<&str>) -> Option<Block> {
    let log = log.filter(|log| !log.trim().is_empty())?;
    Some(Block::Excerpt {
        label: words.log,
        text: log.to_owned(),
    })
}
