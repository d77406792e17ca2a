//! What nobody would see of what they sign, said before they do.

use leptos::prelude::*;
use model::view::{ApprovalDetail, ApprovalStanding};
use model::visible::{count, count_in_json};

use crate::components::{Place, approval_title, marks_shown};
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
    let places = [
        (Place::Title, text(&approval_title(&detail.row))),
        (Place::Task, text(&detail.row.task)),
        (Place::Link, detail.outputs_uri.as_deref().is_some_and(text)),
        (Place::Diff, detail.diff.as_ref().is_some_and(marks_shown)),
        (
            Place::Outputs,
            detail
                .outputs
                .as_ref()
                .is_some_and(|outputs| count_in_json(outputs) > 0),
        ),
        (
            Place::Files,
            detail.artifacts.iter().any(|file| text(&file.path)),
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
