//! One request on one sheet: what happened, what changes, what follows, and the answer.

#[cfg_attr(
    not(any(test, feature = "hydrate")),
    expect(dead_code, reason = "the server draws what only a browser presses")
)]
mod arming;
mod comparison;
mod consequences;
mod facts;
mod invisible;
#[cfg(feature = "hydrate")]
mod keys;
mod outcome;
mod sign_bar;
mod signed;

use leptos::prelude::*;
use model::approval::ApprovalState;
use model::id::ApprovalId;
use model::task::GatePhase;
use model::view::{ApprovalDetail, ApprovalStanding, Reminding};
use model::visible::{pretty, shown};

use super::inbox_order::Order;
use crate::api::Seen;
use crate::api::approvals::load_standing;
use crate::components::{
    AnswerNotice, ApprovalMark, Diff, OutputLink, Place, TaskLink, approval_title, artifact_list,
    marks_shown, visible, visible_at,
};
use crate::live::use_live;
use crate::text::use_words;
use crate::visit::use_answer;

use comparison::comparisons;
use consequences::Consequences;
use facts::sheet_facts;
use outcome::{decided_so_far, outcome};
use sign_bar::{SignBar, Terms};

/// The sheet of one request. What was to be read stays as it was read; the answers follow.
#[component]
pub fn ApprovalSheet(
    item: Seen<ApprovalDetail>,
    next: Option<ApprovalId>,
    order: Order,
) -> impl IntoView {
    let words = use_words();
    let (now, detail) = (item.now, item.it);
    let id = detail.row.id;
    let page = format!("/approvals/{id}");
    let answer = use_answer(&page, "decide");
    let pending_at_first = detail.row.state == ApprovalState::Pending;
    let standing = use_live(
        ApprovalStanding::from(&detail),
        5,
        |standing| standing.row.state == ApprovalState::Pending,
        move |_| load_standing(id),
    );
    let state = Memo::new(move |_| standing.with(|standing| standing.row.state));
    let end = {
        let (terms, answer) = (Terms::of(&detail), answer.clone());
        move || {
            if state.get() == ApprovalState::Pending {
                view! {
                    {move || standing.with(decided_so_far)}
                    <SignBar terms=terms.clone() standing order answer=answer.clone() />
                    {move || standing.with(|standing| reminding(standing, order))}
                }
                .into_any()
            } else {
                let elsewhere = pending_at_first.then(|| {
                    view! { <p class="notice" role="alert">{words.approvals.decided_elsewhere}</p> }
                });
                view! { {elsewhere} {outcome(standing.get_untracked(), next, order)} }.into_any()
            }
        }
    };
    // Once it is decided, the task says what followed.
    let fork = pending_at_first.then(|| Consequences::of(&detail).fork());
    let task = detail.row.task_id;
    view! {
        <article class="sheet">
            <div class="paper">
                {move || view! { <ApprovalMark state=state.get() /> }}
                <h1 tabindex="-1">{visible_at(Place::Title, &approval_title(&detail.row))}</h1>
                <AnswerNotice answer />
                <AnswerNotice answer=use_answer(&page, "verb") />
                {sheet_facts(&detail, standing, now)}
                {signed::start(&detail)}
                {changes(&detail)}
                {signed::beside(&detail)}
                {comparisons(&detail, order)}
                {fork}
                {last_lines(detail.log_excerpt.clone())}
                <p class="soft">
                    <TaskLink id=task name=words.approvals.see_task />
                </p>
            </div>
            {end}
        </article>
    }
    .into_any()
}

/// Who is reminded may say that they know.
fn reminding(standing: &ApprovalStanding, order: Order) -> Option<AnyView> {
    let words = &use_words().approvals;
    match standing.reminding {
        Reminding::No => None,
        Reminding::UntilAnswered => {
            let action = format!("/approvals/{}/acknowledge", standing.row.id);
            Some(
                view! {
                    <form class="outcome" method="post" action=action>
                        {order.hidden()}
                        <button class="btn">{words.remind_no_more}</button>
                    </form>
                }
                .into_any(),
            )
        }
        Reminding::Acknowledged => {
            Some(view! { <p class="outcome soft">{words.not_reminded}</p> }.into_any())
        }
    }
}

/// What a result changes; none for a request before a start, which has no result.
fn changes(detail: &ApprovalDetail) -> Option<AnyView> {
    if detail.row.phase == Some(GatePhase::BeforeStart) {
        return None;
    }
    let words = use_words();
    let outputs = detail.outputs.clone().filter(|outputs| {
        !outputs.is_null() && outputs.as_object().is_none_or(|object| !object.is_empty())
    });
    let bare = detail.patches.is_empty();
    let outputs = outputs.map(|outputs| {
        let text = visible_at(Place::Outputs, &pretty(&outputs));
        view! {
            <h2>{words.common.outputs}</h2>
            <pre class="sunk" tabindex="0" role="region" aria-label=words.common.outputs>{text}</pre>
        }
    });
    let link = detail.outputs_uri.clone().map(|uri| {
        view! {
            <p>{words.common.output_link} {words.common.colon} <OutputLink uri place=Place::Link /></p>
        }
    });
    let diffs = patches(detail);
    let view = view! {
        <h2>{words.approvals.what_changes}</h2>
        {bare.then(|| view! { <p class="soft">{words.approvals.no_change_shown}</p> })}
        {link}
        {diffs}
        {outputs}
        {artifact_list(detail.row.task_id, &detail.artifacts)}
    };
    Some(view.into_any())
}

/// All patches, each under the name of its file where there are several. Those of which nothing
/// is shown are named above the answers.
fn patches(detail: &ApprovalDetail) -> AnyView {
    let words = use_words();
    let several = detail.patches.len() > 1;
    // One is led to the first mark of all.
    let first = detail.patches.iter().position(|it| marks_shown(&it.text));
    detail
        .patches
        .iter()
        .enumerate()
        .filter(|(_, patch)| patch.left_out == 0 || !patch.text.as_str().is_empty())
        .map(|(at, patch)| {
            let name = several.then(|| view! { <h3><code>{visible(&patch.path)}</code></h3> });
            let label = if several {
                shown(&patch.path).into_owned()
            } else {
                words.approvals.what_changes.to_owned()
            };
            let text = patch.text.clone();
            let diff = if first == Some(at) {
                view! { <Diff label text place=Place::Diff /> }.into_any()
            } else {
                view! { <Diff label text /> }.into_any()
            };
            view! { {name} {diff} }
        })
        .collect_view()
        .into_any()
}

fn last_lines(excerpt: Option<String>) -> Option<AnyView> {
    let words = &use_words().approvals;
    let text = excerpt.filter(|text| !text.trim().is_empty())?;
    let text = visible_at(Place::Lines, &text);
    let view = view! {
        <h2>{words.last_lines}</h2>
        <pre class="sunk log" tabindex="0" role="region" aria-label=words.last_lines>{text}</pre>
    };
    Some(view.into_any())
}
