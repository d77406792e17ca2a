use app::visit::Message;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use engine::approvals::{Channel, Decide, digest};
use model::id::ApprovalId;
use model::view::Verdict;

use super::super::reader::Reader;
use super::super::refusal::{Sent, again, refused, see};
use super::inputs::inputs;
use super::{Fields, sender, value};
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
    let page = format!("/approvals/{id}");
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
            let mut answer = sent.answer();
            answer.message = Some(Message::Conflict(missed.join("; ")));
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

/// What became of the others, where it is not the same: in sentences.
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
    let words = &reader.language.words().approvals;
    let missing = match verdict {
        Verdict::Reject if note.is_empty() => Some(words.note_needed),
        Verdict::RequestChanges if note.is_empty() => Some(words.changes_hint),
        Verdict::Approve | Verdict::Reject | Verdict::RequestChanges => None,
    };
    if let Some(message) = missing {
        return Err(engine::Error::invalid("note", message));
    }
    let digest = digest::from_hex(value(fields, "digest")).ok_or_else(|| {
        let message = "This form has lost what it decides about. Open the page anew.";
        engine::Error::invalid("digest", message)
    })?;
    let mut answer = Decide {
        approval,
        digest: Some(digest),
        verdict,
        note: Some(note.to_owned()).filter(|note| !note.is_empty()),
        inputs: None,
        channel: Channel::Page,
    };
    if verdict == Verdict::Approve {
        let detail = engine::history::approval(&state.engine, &principal, approval).await?;
        let fills = !detail.inputs.is_empty() && detail.filled.is_none();
        answer.inputs = fills.then(|| inputs(&detail.inputs, fields));
    }
    engine::approvals::decide(&state.engine, &principal, &answer).await?;
    let mut missed = Vec::new();
    for other in others(fields) {
        answer.approval = other;
        match engine::approvals::decide(&state.engine, &principal, &answer).await {
            Ok(_) => {}
            Err(
                engine::Error::Conflict(text)
                | engine::Error::Gone(text)
                | engine::Error::Forbidden(text)
                | engine::Error::NotFound(text),
            ) => missed.push(text),
            Err(other) => return Err(other),
        }
    }
    Ok(missed)
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
