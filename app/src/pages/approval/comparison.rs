//! What is different from the last time.

use leptos::prelude::*;
use model::view::{ApprovalDetail, Change, Comparison};
use model::visible::shown;

use crate::components::{Diff, Moment, visible};
use crate::pages::inbox_order::Order;
use crate::text::use_words;

/// Against what was approved last, and against what was asked before.
pub fn comparisons(detail: &ApprovalDetail, order: Order) -> AnyView {
    let words = &use_words().approvals;
    let asked = detail
        .since_asked
        .clone()
        .map(|earlier| view! { <Compared title=words.since_asked earlier order open=true /> });
    let approved = detail
        .since_approved
        .clone()
        .map(|earlier| view! { <Compared title=words.since_approved earlier order open=false /> });
    view! { {asked} {approved} }.into_any()
}

#[component]
fn Compared(title: &'static str, earlier: Comparison, order: Order, open: bool) -> impl IntoView {
    let words = &use_words().approvals;
    let count = earlier.changes.len();
    let run = earlier.run_id.unwrap_or_else(|| earlier.with.to_string());
    let with = earlier.with;
    let body = if earlier.changes.is_empty() {
        view! { <p class="soft">{words.nothing_changed}</p> }.into_any()
    } else {
        let (texts, fields): (Vec<Change>, Vec<Change>) = earlier
            .changes
            .into_iter()
            .partition(|change| change.lines.is_some());
        let table = (!fields.is_empty()).then(|| {
            let rows = fields.into_iter().map(line).collect_view();
            view! {
                <div class="scroll" tabindex="0" role="region" aria-label=title>
                    <table class="ledger compared">
                        <thead>
                            <tr>
                                <th scope="col">{words.field}</th>
                                <th scope="col">{words.was}</th>
                                <th scope="col">{words.is_now}</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            }
        });
        let texts = texts.into_iter().map(by_line).collect_view();
        view! {
            {table}
            {texts}
        }
        .into_any()
    };
    view! {
        <details open=open>
            <summary>
                {title}
                {earlier.at.map(|at| view! { ", " <Moment at /> })}
                " · "{count}
            </summary>
            <p><a href=order.address(with)>{visible(&run)}</a></p>
            {body}
        </details>
    }
    .into_any()
}

/// A text whose lines are compared says more than its hash.
fn by_line(change: Change) -> AnyView {
    let text = change.lines.unwrap_or_default();
    view! {
        <h3><code>{visible(&change.field)}</code></h3>
        <Diff label=shown(&change.field).into_owned() text />
    }
    .into_any()
}

fn line(change: Change) -> AnyView {
    view! {
        <tr>
            <th scope="row"><code>{visible(&change.field)}</code></th>
            <td>{side(change.before)}</td>
            <td>{side(change.after)}</td>
        </tr>
    }
    .into_any()
}

/// A value, cut where it would fill the page; hashes are told apart by their beginning.
fn side(text: Option<String>) -> AnyView {
    const SHOWN: usize = 160;
    match text {
        None => view! { <span class="soft">{use_words().approvals.absent}</span> }.into_any(),
        Some(text) if text.chars().count() > SHOWN => {
            let cut: String = text.chars().take(SHOWN).collect();
            view! { <span class="mono">{visible(&cut)}"…"</span> }.into_any()
        }
        Some(text) => view! { <span class="mono">{visible(&text)}</span> }.into_any(),
    }
}
