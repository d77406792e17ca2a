//! An answer to a request, and the checks that look at nothing else.

use model::approval::{ApprovalState, Verdict};
use model::id::{ApprovalId, TaskId};
use model::identity::{Principal, PrincipalKind};
use model::plan::Gate;

use super::unseen::digest_needed;
use crate::settings::Settings;
use crate::tasks::digest::Digest;
use crate::{Error, Result};

/// How long a note may be, in characters.
pub const NOTE_CHARACTERS: usize = 4_000;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Page,
    Api,
    /// A button in a message.
    Slack,
}

impl Channel {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Api => "api",
            Self::Slack => "slack",
        }
    }
}

/// An answer to a request.
#[derive(Clone, Debug)]
pub struct Decide {
    pub approval: ApprovalId,
    /// What the person looked at; without it the answer is blind, where the settings let it.
    pub digest: Option<Digest>,
    pub verdict: Verdict,
    pub note: Option<String>,
    /// What the first who approves fills in, by name, where the gate has `inputs`.
    pub inputs: Option<serde_json::Value>,
    pub channel: Channel,
}

/// What an answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    pub task: TaskId,
    /// Pending while more people must answer.
    pub state: ApprovalState,
}

/// Reads the note, without the blanks around it; `None` where there is none.
pub(super) fn checked_note(answer: &Decide) -> Result<Option<&str>> {
    let note = answer
        .note
        .as_deref()
        .map(str::trim)
        .filter(|note| !note.is_empty());
    match note {
        Some(note) if note.chars().count() > NOTE_CHARACTERS => Err(Error::TooLarge(format!(
            "the note is longer than {NOTE_CHARACTERS} characters"
        ))),
        Some(note) if note.contains('\0') => Err(Error::invalid(
            "note",
            "it holds a NUL character; remove it",
        )),
        Some(_) | None => Ok(note),
    }
}

/// Checks that an answer says why, where the policy wants that.
pub(super) fn check_comment(gate: &Gate, verdict: Verdict, note: Option<&str>) -> Result<()> {
    if note.is_some() || !verdict.needs_comment(gate.comment) {
        return Ok(());
    }
    let message = match verdict {
        Verdict::RequestChanges => "say what should change",
        Verdict::Reject => "a refusal needs a reason; write why",
        Verdict::Approve => "this policy wants a comment with every answer",
    };
    Err(Error::invalid("note", message))
}

/// Checks an answer about a plan's version: it is signed by a person who has seen all of it.
pub(super) fn check_about_version(
    settings: &Settings,
    principal: &Principal,
    answer: &Decide,
    task: TaskId,
) -> Result<()> {
    let approval = answer.approval;
    if !matches!(principal.kind, PrincipalKind::Session { .. }) {
        return Err(Error::Forbidden(format!(
            "approval {approval} is about a plan's version: a person who has logged in signs it, and no token"
        )));
    }
    if answer.channel == Channel::Slack {
        return Err(Error::Forbidden(format!(
            "approval {approval} is about a plan's version: a message does not show all that changes; sign it on its page"
        )));
    }
    if answer.digest.is_none() {
        return Err(digest_needed(settings, approval, task));
    }
    Ok(())
}
