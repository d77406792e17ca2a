use leptos::prelude::*;
use model::view::TaskRow;

use super::links::{RunLink, TaskLink};
use super::mark::{ApprovalMark, Glyph, StatusMark, look, state_word};
use super::moment::{Moment, Span};
use crate::text::use_words;

/// One task in a short list.
#[component]
pub fn TaskLine(row: TaskRow) -> impl IntoView {
    let (shape, tone) = look(row.state);
    view! {
        <li class="row">
            <Glyph shape tone />
            <div>
                <TaskLink id=row.id name=row.task />
                <small>
                    <span class=tone.class()>{state_word(row.state)}</span>
                    {row.run_id.map(|run_id| view! { " · " <RunLink run=row.run run_id=Some(run_id) /> })}
                    {row.reason.map(|reason| format!(" · {reason}"))}
                </small>
            </div>
            <div class="when">
                <Moment at=row.sort_at />
            </div>
        </li>
    }
    .into_any()
}

/// Tasks in columns; on a phone each row is a small card.
#[component]
pub fn TaskLedger(
    rows: Vec<TaskRow>,
    /// Left out where all rows are of one run.
    #[prop(default = true)]
    with_run: bool,
    #[prop(into)] caption: String,
) -> impl IntoView {
    let words = &use_words().common;
    let head = with_run.then(|| view! { <th scope="col">{words.run}</th> });
    let rows = rows
        .into_iter()
        .map(|row| view! { <TaskLedgerRow row with_run /> })
        .collect_view();
    view! {
        <table class="ledger cards">
            <caption class="unseen">{caption}</caption>
            <thead>
                <tr>
                    <th scope="col">{words.task}</th>
                    <th scope="col">{words.status}</th>
                    {head}
                    <th scope="col">{words.started}</th>
                    <th scope="col" class="num">{words.took}</th>
                    <th scope="col">{words.approval}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

#[component]
fn TaskLedgerRow(row: TaskRow, with_run: bool) -> impl IntoView {
    let run = with_run.then(|| view! { <td><RunLink run=row.run run_id=row.run_id /></td> });
    let approval = row.approval_state.map(|state| {
        view! {
            <ApprovalMark state />
            {row.approver.map(|name| view! { <span class="under">{name}</span> })}
        }
    });
    view! {
        <tr>
            <td class="lead">
                <TaskLink id=row.id name=row.task />
                {row.reason.map(|reason| view! { <span class="under">{reason}</span> })}
            </td>
            <td>
                <StatusMark state=row.state />
            </td>
            {run}
            <td>{row.started_at.map(|at| view! { <Moment at /> })}</td>
            <td class="num">{row.duration_ms.map(|milliseconds| view! { <Span milliseconds /> })}</td>
            <td>{approval}</td>
        </tr>
    }
    .into_any()
}
