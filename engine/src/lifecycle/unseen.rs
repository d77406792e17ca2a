//! Answers that do not say what their person looked at.

use model::approval::Verdict;
use model::id::{ApprovalId, TaskId};
use model::plan::Gate;

use crate::notify::outbox;
use crate::settings::{Settings, WithoutDigest};
use crate::{Error, Result};

/// Whether the answer is blind: bound to what stands there, whatever the person had seen.
///
/// # Errors
/// [`Error::DigestNeeded`] where the settings refuse it, and always where a gate asks for
/// several signatures: each of those is somebody's own look at the result.
pub(super) fn is_blind(
    settings: &Settings,
    request: &Unseen<'_>,
    says_what_was_seen: bool,
) -> Result<bool> {
    if says_what_was_seen {
        return Ok(false);
    }
    let rule = if request.native {
        settings.approvals.native_without_digest
    } else {
        settings.approvals.reported_without_digest
    };
    if rule == WithoutDigest::Refuse {
        return Err(digest_needed(settings, request.approval, request.task));
    }
    if request.verdict == Verdict::Approve && request.gate.required > 1 {
        let how = how_to_say(settings, request.approval, request.task);
        return Err(Error::DigestNeeded(format!(
            "approval {} asks for {} signatures, and one that does not say what was looked at never counts: {how}",
            request.approval, request.gate.required
        )));
    }
    Ok(true)
}

/// What an answer without a digest is about.
pub(super) struct Unseen<'a> {
    pub approval: ApprovalId,
    pub task: TaskId,
    pub native: bool,
    pub verdict: Verdict,
    pub gate: &'a Gate,
}

/// The refusal of an answer that does not say what was looked at.
#[must_use]
pub fn digest_needed(settings: &Settings, approval: ApprovalId, task: TaskId) -> Error {
    let how = how_to_say(settings, approval, task);
    Error::DigestNeeded(format!("the answer does not say what was looked at: {how}"))
}

fn how_to_say(settings: &Settings, approval: ApprovalId, task: TaskId) -> String {
    let path = format!("approvals/{approval}");
    let page = outbox::link(settings, &path).unwrap_or_else(|| format!("/{path}"));
    format!(
        "look at {page}, and send the digest of what you saw as the header If-Match: \"sha256:…\", \
         or as digest in the body or the query; GET /api/v1/approvals?task={task} has it"
    )
}
