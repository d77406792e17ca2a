//! What nobody would see of what they sign, said before they do.

use leptos::prelude::*;
use model::task::GatePhase;
use model::view::{ApprovalDetail, ApprovalStanding};
use model::visible::{count, count_in_json, shown_in_line};
use serde_json::Value;

use crate::components::{Place, approval_title, bytes, marks_shown};
use crate::text::use_words;

/// What the sheet has of it besides the answers.
#[derive(Clone, Copy)]
pub struct Invisible {
    found: u64,
    unsearched: bool,
    /// Where on the sheet the first of them stands.
    first: Option<Place>,
}

impl Invisible {
    /// That of the request that the sheet shows.
    pub fn of(detail: &ApprovalDetail) -> Self {
        Self {
            found: detail.invisible.found,
            unsearched: detail.invisible.unsearched,
            first: first(detail),
        }
    }
}

/// In the order of the sheet.
fn first(detail: &ApprovalDetail) -> Option<Place> {
    let text = |text: &str| count(text) > 0;
    let json = |value: &Value| count_in_json(value) > 0;
    let before_start = detail.row.phase == Some(GatePhase::BeforeStart);
    let places = [
        (Place::Title, text(&approval_title(&detail.row))),
        (Place::Task, text(&detail.row.task)),
        (Place::Definition, held(detail, "definition")),
        (Place::Inputs, before_start && held(detail, "inputs")),
        (
            Place::Needs,
            held(detail, "needs")
                || detail.needed.iter().any(|result| {
                    result.outputs.as_ref().is_some_and(json)
                        || result.outputs_uri.as_deref().is_some_and(text)
                }),
        ),
        (Place::Uses, held(detail, "uses")),
        (Place::Link, detail.outputs_uri.as_deref().is_some_and(text)),
        (
            Place::Diff,
            detail.patches.iter().any(|patch| marks_shown(&patch.text)),
        ),
        (Place::Outputs, detail.outputs.as_ref().is_some_and(json)),
        (
            Place::Files,
            detail.artifacts.iter().any(|file| text(&file.path)),
        ),
        (
            Place::Inputs,
            detail.run_inputs.as_ref().is_some_and(json) || !before_start && held(detail, "inputs"),
        ),
        (
            Place::Signed,
            detail.row.is_about_version() && detail.signed.as_ref().is_some_and(json),
        ),
        (
            Place::Lines,
            detail.log_excerpt.as_deref().is_some_and(text),
        ),
    ];
    places
        .into_iter()
        .find_map(|(place, holds)| holds.then_some(place))
}

/// Whether any stands in this part of what is signed.
fn held(detail: &ApprovalDetail, name: &str) -> bool {
    let part = detail.signed.as_ref().and_then(|signed| signed.get(name));
    part.is_some_and(|part| count_in_json(part) > 0)
}

/// How much of what is to be signed the page leaves out, and in which files that is.
pub fn left_out(detail: &ApprovalDetail) -> Option<String> {
    let cut: Vec<_> = detail
        .patches
        .iter()
        .filter(|patch| patch.left_out > 0)
        .collect();
    if cut.is_empty() {
        return None;
    }
    let size: u64 = cut.iter().map(|patch| patch.left_out).sum();
    let names: Vec<String> = cut.iter().map(|patch| shown_in_line(&patch.path)).collect();
    let size = bytes(i64::try_from(size).unwrap_or(i64::MAX));
    Some((use_words().approvals.left_out)(&size, &names.join(", ")))
}

/// How many invisible characters stand in what is to be signed, the entries and notes of
/// those who answered before among it, and the way to the first.
pub fn warning(invisible: Invisible, standing: &ApprovalStanding) -> Option<AnyView> {
    let words = &use_words().approvals;
    let entries = standing.filled.as_ref().map_or(0, count_in_json);
    let notes = standing.decisions.iter();
    let notes: u64 = notes
        .filter_map(|decision| decision.note.as_deref())
        .map(count)
        .sum();
    let found = invisible.found + entries + notes;
    if found == 0 && !invisible.unsearched {
        return None;
    }
    let first = invisible
        .first
        .or((entries > 0).then_some(Place::Entries))
        .or((notes > 0).then_some(Place::Notes));
    let way = match first {
        Some(place) => {
            let to = format!("#{}", place.id());
            view! { <a href=to rel="external">{words.first_invisible}</a> }.into_any()
        }
        None => words.invisible_elsewhere.into_any(),
    };
    let holds = (found > 0).then(|| {
        let sentence = (words.holds_invisible)(i64::try_from(found).unwrap_or(i64::MAX));
        view! {
            <p class="wait">
                <b>{sentence}</b>
                " "
                {way}
            </p>
        }
    });
    let unsearched = invisible
        .unsearched
        .then(|| view! { <p class="soft">{words.unsearched}</p> });
    Some(view! { {holds} {unsearched} }.into_any())
}
