use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::approvals::{Channel, Decide};
use model::id::ApprovalId;
use model::view::Verdict;

use super::super::reader::Reader;
use super::super::refusal::{Sent, refused, see};
use super::{Fields, sender, value};
use crate::state::AppState;

/// `POST /approvals/{id}/decide`: one person's answer, bound to the digest that they saw.
pub async fn decide(
    State(state): State<AppState>,
    reader: Reader,
    Path(id): Path<i64>,
    Form(fields): Fields,
) -> Response {
    let page = format!("/approvals/{id}");
    match answer(&state, &reader, ApprovalId(id), &fields).await {
        Ok(()) => see(&page),
        Err(error) => {
            let sent = Sent {
                page,
                form: "decide",
                typed: vec![("note".to_owned(), value(&fields, "note").to_owned())],
                fields: vec!["note".to_owned()],
            };
            refused(&state, &reader, sent, error).await
        }
    }
}

async fn answer(
    state: &AppState,
    reader: &Reader,
    approval: ApprovalId,
    fields: &[(String, String)],
) -> engine::Result<()> {
    let principal = sender(reader)?;
    let verdict = match value(fields, "verdict") {
        "approve" => Verdict::Approve,
        "reject" => Verdict::Reject,
        _ => return Err(engine::Error::invalid("verdict", "Approve or reject.")),
    };
    let note = value(fields, "note").trim();
    if verdict == Verdict::Reject && note.is_empty() {
        let message = reader.language.words().approvals.note_needed;
        return Err(engine::Error::invalid("note", message));
    }
    let digest = digest(value(fields, "digest")).ok_or_else(|| {
        let message = "This form has lost what it decides about. Open the page anew.";
        engine::Error::invalid("digest", message)
    })?;
    let answer = Decide {
        approval,
        digest: Some(digest),
        verdict,
        note: Some(note.to_owned()).filter(|note| !note.is_empty()),
        channel: Channel::Page,
    };
    engine::approvals::decide(&state.engine, &principal, &answer).await?;
    Ok(())
}

/// Thirty-two bytes from their sixty-four hexadecimal digits.
fn digest(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sixty_four_hexadecimal_digits() {
        let digits = "00ff".to_owned() + &"0".repeat(60);
        let read = digest(&digits).expect("a digest");
        assert_eq!((read[0], read[1], read[2]), (0, 255, 0));
        assert_eq!(digest("00ff"), None);
        assert_eq!(digest(&"g".repeat(64)), None);
        assert_eq!(digest(&"é".repeat(32)), None);
    }
}
