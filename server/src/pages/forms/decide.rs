use app::text::eligibility::why_not;
use app::text::words_in;
use app::visit::Message;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use engine::lifecycle::{Channel, Decide};
use engine::tasks::digest;
use model::approval::{ApprovalState, Verdict};
use model::id::ApprovalId;
use model::identity::Principal;

use super::super::reader::Reader;
use super::super::refusal::{Sent, again, refused, see};
use super::inputs::inputs;
use super::{Fields, in_order, sender, value};
use crate::state::AppState;

/// How many identical requests one answer may decide besides its own.
const MOST_AT_ONCE: usize = 100;

/// `POST /approvals/{id}/decide`: one person's answer, bound to the digest that they saw.
///
/// Where the form names others in `also` that wait for exactly the same, they get the same answer.
pub async fn decide(
    State(state): State<AppState>,
    reader: Reader,
    Path(id): Path<i64>,
    Form(fields): Fields,
) -> Response {
    let page = in_order(id, value(&fields, "group"));
    let mut sent = Sent {
        page: page.clone(),
        form: "decide",
        typed: fields
            .iter()
            .filter(|(name, _)| name == "note" || name.starts_with("inputs."))
            .cloned()
            .collect(),
        fields: vec!["note".to_owned()],
    };
    match answer(&state, &reader, ApprovalId(id), &fields).await {
        Ok(missed) if missed.is_empty() => see(&page),
        Ok(missed) => {
            let words = &words_in(reader.language).approvals;
            let mut answer = sent.answer();
            answer.message = Some(Message::Conflict((words.others_missed)(&missed.join("; "))));
            again(&state, &reader, answer, StatusCode::CONFLICT).await
        }
        Err(error) => {
            let declared = fields.iter().map(|(name, _)| name.clone());
            sent.fields
                .extend(declared.filter(|name| name.starts_with("inputs.")));
            refused(&state, &reader, sent, error).await
        }
    }
}

/// Which of the others the answer did not reach, and why.
async fn answer(
    state: &AppState,
    reader: &Reader,
    approval: ApprovalId,
    fields: &[(String, String)],
) -> engine::Result<Vec<String>> {
    let principal = sender(reader)?;
    let verdict = match value(fields, "verdict") {
        "approve" => Verdict::Approve,
        "reject" => Verdict::Reject,
        "request_changes" => Verdict::RequestChanges,
        _ => {
            let message = "Approve, reject or ask for changes.";
            return Err(engine::Error::invalid("verdict", message));
        }
    };
    let note = value(fields, "note").trim();
    let words = &words_in(reader.language).approvals;
    let (_, gate) = engine::history::approval_policy(&state.engine, &principal, approval).await?;
    if note.is_empty() && verdict.needs_comment(gate.comment) {
        let message = match verdict {
            Verdict::Approve => words.note_always,
            Verdict::Reject => words.note_needed,
            Verdict::RequestChanges => words.changes_hint,
        };
        return Err(engine::Error::invalid("note", message));
    }
    // Asked before the answer: after it nothing is identical any more.
    let identical =
        engine::history::identical_requests(&state.engine, &principal, approval).await?;
    let digest = digest::from_hex(value(fields, "digest")).ok_or_else(|| lost("digest"))?;
    let mut answer = Decide {
        approval,
        digest: Some(digest),
        verdict,
        note: Some(note.to_owned()).filter(|note| !note.is_empty()),
        inputs: None,
        channel: Channel::Page,
    };
    if verdict == Verdict::Approve && !gate.inputs.is_empty() {
        // What this person saw is signed, not what stands there by now: either their own
        // entries, or those that somebody had made before.
        let shown = value(fields, "filled");
        answer.inputs = Some(if shown.is_empty() {
            inputs(&gate.inputs, fields)
        } else {
            serde_json::from_str(shown).map_err(|_| lost("filled"))?
        });
    }
    match engine::lifecycle::decide(&state.engine, &principal, &answer).await {
        Ok(_) => {}
        Err(engine::Error::Conflict(text)) => {
            let (now, _) =
                engine::history::approval_policy(&state.engine, &principal, approval).await?;
            // Who decided and when stands below, in the reader's language too.
            return Err(engine::Error::Conflict(match now {
                ApprovalState::Pending => text,
                ApprovalState::Approved
                | ApprovalState::Rejected
                | ApprovalState::Cancelled
                | ApprovalState::Expired
                | ApprovalState::Superseded
                | ApprovalState::ChangesRequested => words.already_decided.to_owned(),
            }));
        }
        // The way to the other one stands below.
        Err(engine::Error::Replaced { by, expired, .. }) => {
            let message = (words.replaced)(&by.to_string());
            return Err(engine::Error::Replaced {
                message,
                by,
                expired,
            });
        }
        Err(error) => return Err(error),
    }
    let mut missed = Vec::new();
    for other in others(fields) {
        if !identical.contains(&other) {
            let text = words.not_identical.to_owned();
            missed.push(told(state, reader, &principal, other, text).await);
            continue;
        }
        answer.approval = other;
        match engine::lifecycle::decide(&state.engine, &principal, &answer).await {
            Ok(_) => {}
            // The answer before it stands, so this is said of the other one alone.
            Err(
                error @ (engine::Error::Conflict(_)
                | engine::Error::Gone(_)
                | engine::Error::Replaced { .. }
                | engine::Error::DigestNeeded(_)
                | engine::Error::Forbidden(_)
                | engine::Error::NotFound(_)
                | engine::Error::Invalid(_)
                | engine::Error::TooLarge(_)),
            ) => {
                let text = error.to_string();
                missed.push(told(state, reader, &principal, other, text).await);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(missed)
}

/// Why another request did not get the answer: in the reader's language where its standing
/// says it, else in the engine's words.
async fn told(
    state: &AppState,
    reader: &Reader,
    principal: &Principal,
    other: ApprovalId,
    text: String,
) -> String {
    let standing = engine::history::approval_standing(&state.engine, principal, other).await;
    let why = standing
        .ok()
        .and_then(|standing| why_not(reader.language, &standing));
    let words = &words_in(reader.language).approvals;
    (words.missed)(&other.to_string(), &why.unwrap_or(text))
}

fn lost(field: &str) -> engine::Error {
    let message = "This form has lost what it decides about. Open the page anew.";
    engine::Error::invalid(field, message)
}

/// The ids in every field `also`, which holds one or several.
fn others(fields: &[(String, String)]) -> impl Iterator<Item = ApprovalId> {
    fields
        .iter()
        .filter(|(name, _)| name == "also")
        .flat_map(|(_, ids)| ids.split_whitespace())
        .filter_map(|id| id.parse().ok())
        .take(MOST_AT_ONCE)
}
