use leptos::prelude::*;
use model::view::RunRow;

use super::links::{PlanLink, RunLink};
use super::mark::{RunMark, Tally};
use super::moment::{Moment, Span};
use crate::text::use_words;

/// Runs in columns; on a phone each row is a small card.
#[component]
pub fn RunLedger(
    rows: Vec<RunRow>,
    /// Left out where all rows are of one plan.
    #[prop(default = true)]
    with_plan: bool,
) -> impl IntoView {
    let words = use_words();
    let head = with_plan.then(|| view! { <th scope="col">{words.common.plan}</th> });
    let rows = rows
        .into_iter()
        .map(|row| view! { <RunLedgerRow row with_plan /> })
        .collect_view();
    view! {
        <table class="ledger cards">
            <caption class="unseen">{words.runs.title}</caption>
            <thead>
                <tr>
                    <th scope="col">{words.common.run}</th>
                    <th scope="col">{words.common.status}</th>
                    {head}
                    <th scope="col">{words.common.started}</th>
                    <th scope="col" class="num">{words.common.took}</th>
                    <th scope="col">{words.runs.started_by}</th>
                    <th scope="col">{words.common.tasks}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

#[component]
fn RunLedgerRow(row: RunRow, with_plan: bool) -> impl IntoView {
    let words = &use_words().runs;
    let outside = row.plan.is_none();
    let plan = with_plan.then(|| {
        view! {
            <td>
                <PlanLink plan=row.plan />
                {outside.then(|| view! { <span class="soft">{words.outside}</span> })}
            </td>
        }
    });
    let took = row
        .finished_at
        .map(|at| (at - row.created_at).num_milliseconds());
    view! {
        <tr>
            <td class="lead">
                <RunLink run=Some(row.key) run_id=Some(row.run_id) />
            </td>
            <td>
                <RunMark status=row.counts.status() />
            </td>
            {plan}
            <td>
                <Moment at=row.created_at />
            </td>
            <td class="num">{took.map(|milliseconds| view! { <Span milliseconds /> })}</td>
            <td>{row.started_by}</td>
            <td>
                <Tally counts=row.counts />
            </td>
        </tr>
    }
    .into_any()
}
