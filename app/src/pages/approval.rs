//! One request on one sheet: what happened, what changes, what follows, and the answer.

use leptos::prelude::*;
use model::task::GatePhase;
use model::view::{ApprovalDetail, ApprovalState, DecisionRow, Verdict};

use crate::api::Seen;
use crate::api::approvals::load_approval;
use crate::components::{
    AnswerNotice, ApprovalMark, Diff, Fact, Facts, Glyph, Moment, OutputLink, PlanLink, RunLink,
    Shape, TaskLink, TextArea, Tone, approval_title, artifact_list, diff_extent,
};
use crate::live::use_live;
use crate::text::use_words;
use crate::time::distance;
use crate::visit::use_answer;

/// The sheet of one request. Its facts stay as they were read; the answer's part is live.
#[component]
pub fn ApprovalSheet(item: Seen<ApprovalDetail>) -> impl IntoView {
    let words = use_words();
    let id = item.it.row.id;
    let page = format!("/approvals/{id}");
    let answer = use_answer(&page, "decide");
    let live = use_live(
        item.clone(),
        5,
        |seen| seen.it.row.state == ApprovalState::Pending,
        move |_| load_approval(id),
    );
    let now = item.now;
    let detail = item.it;
    let state = Memo::new(move |_| live.with(|seen| seen.it.row.state));
    let end = {
        let answer = answer.clone();
        move || {
            let pending = state.get() == ApprovalState::Pending;
            let detail = live.with_untracked(|seen| seen.it.clone());
            if pending {
                view! { <SignBar detail answer=answer.clone() /> }.into_any()
            } else {
                outcome(detail)
            }
        }
    };
    let pending = detail.row.state == ApprovalState::Pending;
    let deadline = detail.row.expires_at.map(|at| {
        view! {
            <Fact name=words.approvals.deadline>
                <Moment at />
                {pending.then(|| format!(" · {}", distance(at, now, words)))}
            </Fact>
        }
    });
    let extent = detail.diff.as_deref().map(diff_extent).map(|(files, added, removed)| {
        view! {
            <Fact name=words.approvals.what_changes>
                {(words.approvals.files)(files)}" · "<span class="good">"+"{added}</span>" "<span class="bad">"−"{removed}</span>
            </Fact>
        }
    });
    let (task, task_name) = (detail.row.task_id, detail.row.task.clone());
    let (run, requested) = (detail.row.run, detail.row.requested_at);
    // The facts' own copy: the rest of the sheet needs the whole.
    let about = detail.clone();
    let stopped = why(&detail);
    let signers = detail.from.join(", ");
    let digest = detail.digest.clone();
    let short = digest.chars().take(12).collect::<String>();
    view! {
        <article class="sheet">
            <div class="paper">
                {move || view! { <ApprovalMark state=state.get() /> }}
                <h1 tabindex="-1">{approval_title(&detail.row)}</h1>
                <AnswerNotice answer />
                <Facts>
                    {about.row.plan.clone().map(|plan| view! {
                        <Fact name=words.common.plan><PlanLink plan=Some(plan) /></Fact>
                    })}
                    <Fact name=words.common.task>
                        <TaskLink id=task name=task_name />
                    </Fact>
                    {about.row.run_id.clone().map(|run_id| view! {
                        <Fact name=words.common.run>
                            <RunLink run run_id=Some(run_id) />
                        </Fact>
                    })}
                    <Fact name=words.approvals.requested><Moment at=requested /></Fact>
                    {deadline}
                    {about.requester.clone().map(|name| view! {
                        <Fact name=words.approvals.requested_by>{name}</Fact>
                    })}
                    <Fact name=words.approvals.why_stopped>{stopped}</Fact>
                    <Fact name=words.approvals.signers>{signers}</Fact>
                    {extent}
                    <Fact name=words.approvals.digest>
                        <code title=digest>{short}"…"</code>
                    </Fact>
                </Facts>
                {changes(&detail)}
                <Fork
                    phase=detail.row.phase
                    waiting=detail.waiting.clone()
                />
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

fn why(detail: &ApprovalDetail) -> AnyView {
    let words = &use_words().approvals;
    match (&detail.condition, detail.row.phase) {
        (Some(condition), _) => view! { <code>{condition.clone()}</code> }.into_any(),
        (None, Some(_)) => words.always_stops.into_any(),
        (None, None) => words.reported_gate.into_any(),
    }
}

fn changes(detail: &ApprovalDetail) -> AnyView {
    let words = use_words();
    let outputs = detail.outputs.clone().filter(|outputs| {
        !outputs.is_null() && outputs.as_object().is_none_or(|object| !object.is_empty())
    });
    let bare = detail.diff.is_none();
    let outputs = outputs.map(|outputs| {
        let text = serde_json::to_string_pretty(&outputs).unwrap_or_default();
        view! {
            <h2>{words.common.outputs}</h2>
            <pre class="sunk" tabindex="0" role="region" aria-label=words.common.outputs>{text}</pre>
        }
    });
    let link = detail.outputs_uri.clone().map(|uri| {
        view! {
            <p>{words.common.output_link} ": " <OutputLink uri /></p>
        }
    });
    let diff = detail.diff.clone().map(|text| view! { <Diff text /> });
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

#[component]
fn Fork(phase: Option<GatePhase>, waiting: Vec<String>) -> impl IntoView {
    let words = &use_words().approvals;
    let first = match phase {
        Some(GatePhase::AfterResult) => words.result_accepted,
        Some(GatePhase::BeforeStart) => words.task_starts,
        None => words.reported_accepted,
    };
    let none = waiting.is_empty();
    let list = |say: fn(&str) -> String| {
        waiting
            .iter()
            .map(|name| view! { <li>{say(name)}</li> })
            .collect_view()
    };
    view! {
        <div class="fork">
            <div>
                <h2 class="yes">{words.if_approve}</h2>
                <ul>
                    <li>{first}</li>
                    {list(words.starts_next)}
                    {none.then(|| view! { <li>{words.nothing_waits_for_it}</li> })}
                </ul>
            </div>
            <div>
                <h2 class="no">{words.if_reject}</h2>
                <ul>
                    <li>{words.marked_failed}</li>
                    {list(words.is_skipped)}
                    {none.then(|| view! { <li>{words.nothing_else_changes}</li> })}
                </ul>
            </div>
        </div>
    }
    .into_any()
}

fn last_lines(excerpt: Option<String>) -> Option<AnyView> {
    let words = &use_words().approvals;
    let text = excerpt.filter(|text| !text.trim().is_empty())?;
    let view = view! {
        <h2>{words.last_lines}</h2>
        <pre class="sunk log" tabindex="0" role="region" aria-label=words.last_lines>{text}</pre>
    };
    Some(view.into_any())
}

/// The answer: a note, and yes or no. Bound to the digest that the reader sees.
#[component]
fn SignBar(detail: ApprovalDetail, answer: crate::visit::FormAnswer) -> impl IntoView {
    let words = &use_words().approvals;
    // The engine's own sentences are English.
    let remark = detail
        .decide_remark
        .map(|text| view! { <p class="outcome soft" lang="en">{text}</p> });
    if !detail.may_decide {
        return remark.into_any();
    }
    let form = NodeRef::<leptos::html::Form>::new();
    #[cfg(feature = "hydrate")]
    keys(form);
    view! {
        {remark}
        <form
            class="signbar"
            method="post"
            action=format!("/approvals/{}/decide", detail.row.id)
            node_ref=form
        >
            <input type="hidden" name="digest" value=detail.digest />
            <TextArea
                name="note"
                label=words.note_label
                placeholder=words.note_hint
                answer
                rows=1
                hide_label=true
            />
            <button class="btn refuse" name="verdict" value="reject">
                {words.reject}
                <kbd aria-hidden="true">"r"</kbd>
            </button>
            <button class="btn sign" name="verdict" value="approve">
                {words.approve}
                <kbd aria-hidden="true">"a"</kbd>
            </button>
        </form>
    }
    .into_any()
}

/// One key decides, unless somebody is typing or holds another key.
#[cfg(feature = "hydrate")]
fn keys(form: NodeRef<leptos::html::Form>) {
    use leptos::wasm_bindgen::JsCast as _;
    use leptos::web_sys::HtmlElement;

    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let typing = document().active_element().is_some_and(|element| {
            ["INPUT", "TEXTAREA", "SELECT"].contains(&element.tag_name().as_str())
        });
        if typing || event.ctrl_key() || event.meta_key() || event.alt_key() || event.repeat() {
            return;
        }
        let verdict = match event.key().as_str() {
            "a" => "approve",
            "r" => "reject",
            _ => return,
        };
        let Some(form) = form.get_untracked() else {
            return;
        };
        let find = |selector: &str| {
            form.query_selector(selector)
                .ok()
                .flatten()
                .and_then(|element| element.dyn_into::<HtmlElement>().ok())
        };
        event.prevent_default();
        let note_is_empty = find("textarea").is_some_and(|note| {
            note.dyn_into::<leptos::web_sys::HtmlTextAreaElement>()
                .is_ok_and(|note| note.value().trim().is_empty())
        });
        // A refusal needs a note: the key leads to it first.
        if verdict == "reject" && note_is_empty {
            if let Some(note) = find("textarea") {
                let _ = note.focus();
            }
        } else if let Some(button) = find(&format!("button[value={verdict}]")) {
            button.click();
        }
    });
    on_cleanup(move || handle.remove());
}

/// What was decided, by whom, when and why.
fn outcome(detail: ApprovalDetail) -> AnyView {
    let words = use_words();
    let decisions = detail
        .decisions
        .into_iter()
        .map(|decision| view! { <Decision decision /> })
        .collect_view();
    view! {
        <div class="outcome" role="status">
            <ApprovalMark state=detail.row.state />
            {detail.row.decided_at.map(|at| view! { " · " <Moment at /> })}
            {decisions}
            <p>
                <a href="/approvals">{words.approvals.back_to_list}</a>
            </p>
        </div>
    }
    .into_any()
}

#[component]
fn Decision(decision: DecisionRow) -> impl IntoView {
    let words = &use_words().approvals;
    let (shape, tone, text) = match decision.verdict {
        Verdict::Approve => (Shape::Check, Tone::Good, (words.approved_by)(&decision.by)),
        Verdict::Reject => (Shape::Cross, Tone::Bad, (words.rejected_by)(&decision.by)),
    };
    view! {
        <p>
            <span class="status"><Glyph shape tone /> <b>{text}</b></span>
            ", "
            <Moment at=decision.at />
            {decision.note.map(|note| format!(": “{note}”"))}
            {decision.sole_decider.then(|| format!(" ({})", words.sole_decider))}
        </p>
    }
    .into_any()
}
