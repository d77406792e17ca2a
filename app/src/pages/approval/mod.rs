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

use leptos::prelude::*;
use model::approval::ApprovalState;
use model::id::ApprovalId;
use model::view::{ApprovalDetail, ApprovalStanding, Reminding};
use model::visible::pretty;

use super::inbox_order::Order;
use crate::api::Seen;
use crate::api::approvals::load_standing;
use crate::components::{
    AnswerNotice, ApprovalMark, Diff, OutputLink, Place, TaskLink, approval_title, artifact_list,
    visible_at,
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
                {changes(&detail)}
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

fn changes(detail: &ApprovalDetail) -> AnyView {
    let words = use_words();
    let outputs = detail.outputs.clone().filter(|outputs| {
        !outputs.is_null() && outputs.as_object().is_none_or(|object| !object.is_empty())
    });
    let bare = detail.diff.is_none();
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
    let cut = detail
        .diff_cut
        .then(|| view! { <p class="soft">{words.approvals.patch_cut}</p> });
    let first = (detail.diffs > 1).then(|| {
        let text = (words.approvals.first_of_patches)(detail.diffs.into());
        view! { <p class="soft">{text}</p> }
    });
    let diff = detail.diff.clone().map(|text| {
        view! {
            <Diff label=words.approvals.what_changes.to_owned() text place=Place::Diff />
            {cut}
            {first}
        }
    });
    view! {
        <h2>{words.approvals.what_changes}</h2>
        {bare.then(|| view! { <p class="soft">{words.approvals.no_change_shown}</p> })}
        {link}
        {diff}
        {outputs}
        {artifact_list(detail.row.task_id, &detail.artifacts)}
    }
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
