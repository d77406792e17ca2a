//! What people answered.

use leptos::prelude::*;
use model::id::ApprovalId;
use model::view::{ApprovalStanding, DecisionRow};
use model::visible::pretty;

use crate::components::{ApprovalMark, Facts, Glyph, Marker, Moment, Place, verdict_look, visible};
use crate::pages::inbox_order::Order;
use crate::text::use_words;

/// What was decided, by whom, when and why, and the way to the next.
pub fn outcome(standing: ApprovalStanding, next: Option<ApprovalId>, order: Order) -> AnyView {
    let words = use_words();
    let next = next.filter(|next| *next != standing.row.id).map(|next| {
        view! {
            <a class="btn sign" href=order.address(next)>
                {words.approvals.next_item}
                <kbd aria-hidden="true">"j"</kbd>
            </a>
            " "
        }
    });
    let successor = standing.successor.map(|id| {
        let text = (words.approvals.asked_again)(&id.to_string());
        view! { <p><a href=order.address(id)>{text}</a></p> }
    });
    view! {
        <div class="outcome" role="status">
            <ApprovalMark state=standing.row.state />
            {standing.row.decided_at.map(|at| view! { " · " <Moment at /> })}
            {filled(&standing)}
            {lines(standing.decisions)}
            {successor}
            <p>
                {next}
                <a href=order.list()>{words.approvals.back_to_list}</a>
            </p>
        </div>
    }
    .into_any()
}

/// The answers to a request that waits for more, and what they filled in: whoever answers
/// next signs those entries, so they stand beside the buttons and are as new as these.
pub fn decided_so_far(standing: &ApprovalStanding) -> Option<AnyView> {
    let words = &use_words().approvals;
    if standing.decisions.is_empty() {
        return None;
    }
    let left = standing
        .row
        .required
        .saturating_sub(standing.row.signatures);
    let view = view! {
        <div class="outcome" role="status">
            <p><b>{(words.more_must_sign)(left.into())}</b></p>
            {filled(standing)}
            {lines(standing.decisions.clone())}
        </div>
    };
    Some(view.into_any())
}

/// What the first who approved filled in.
fn filled(standing: &ApprovalStanding) -> Option<AnyView> {
    let words = &use_words().approvals;
    let mut marker = Marker::at(Place::Entries);
    let facts = standing
        .filled
        .as_ref()?
        .as_object()?
        .iter()
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| pretty(value), str::to_owned);
            view! {
                <div>
                    <dt><code>{marker.text(name)}</code></dt>
                    <dd>{marker.text(&value)}</dd>
                </div>
            }
        })
        .collect_view();
    let view = view! {
        <p class="soft">{words.filled}</p>
        <Facts>{facts}</Facts>
    };
    Some(view.into_any())
}

fn lines(decisions: Vec<DecisionRow>) -> AnyView {
    let mut marker = Marker::at(Place::Notes);
    decisions
        .into_iter()
        .map(|decision| {
            let note = decision.note.as_deref().map(|note| marker.text(note));
            view! { <Decision decision note /> }
        })
        .collect_view()
        .into_any()
}

#[component]
fn Decision(decision: DecisionRow, note: Option<AnyView>) -> impl IntoView {
    let words = &use_words().approvals;
    let (shape, tone, text) = verdict_look(decision.verdict, &decision.by);
    view! {
        <p>
            <span class="status"><Glyph shape tone /> <b>{visible(&text)}</b></span>
            {decision.on_behalf_of.map(|name| view! { " " {visible(&(words.on_behalf_of)(&name))} })}
            ", "
            <Moment at=decision.at />
            {note.map(|note| view! { {use_words().common.colon} "“" {note} "”" })}
            {decision.sole_decider.then(|| format!(" ({})", words.sole_decider))}
            {decision.changes_round.map(|round| format!(" ({})", (words.changes_asker)(round)))}
            {decision.blind.then(|| format!(" ({})", words.blind))}
        </p>
    }
    .into_any()
}
