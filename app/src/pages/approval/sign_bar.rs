//! The answer to a request.

use leptos::prelude::*;
use model::id::ApprovalId;
use model::plan::{CommentRule, InputDefinition};
use model::view::{ApprovalDetail, ApprovalStanding};

use super::invisible::{Invisible, warning};
use crate::components::{TextArea, input_field};
use crate::pages::inbox_order::Order;
use crate::text::eligibility::eligibility;
use crate::text::{Language, use_words};
use crate::visit::FormAnswer;

/// What an answer is bound to. It is that of the request as it was read and never that of a
/// later one, so that nobody signs what they have not seen.
#[derive(Clone)]
pub struct Terms {
    id: ApprovalId,
    digest: String,
    comment: CommentRule,
    inputs: Vec<InputDefinition>,
    invisible: Invisible,
}

impl Terms {
    /// Those of the request that the sheet shows.
    pub fn of(detail: &ApprovalDetail) -> Self {
        Self {
            id: detail.row.id,
            digest: detail.digest.clone(),
            comment: detail.comment,
            inputs: detail.inputs.clone(),
            invisible: Invisible::of(detail),
        }
    }
}

/// The answer: what there is to know about it, and the form where the reader may give one.
#[component]
pub fn SignBar(
    terms: Terms,
    standing: RwSignal<ApprovalStanding>,
    order: Order,
    answer: FormAnswer,
) -> impl IntoView {
    let language = use_context::<Language>().unwrap_or_default();
    let remark = move || {
        standing
            .with(|standing| eligibility(language, &standing.eligibility))
            .map(|text| view! { <p class="outcome soft">{text}</p> })
    };
    let may_sign = Memo::new(move |_| standing.with(|standing| standing.eligibility.may_sign()));
    let form = move || {
        let (terms, answer) = (terms.clone(), answer.clone());
        may_sign
            .get()
            .then(|| view! { <AnswerForm terms standing order answer /> })
    };
    view! {
        {remark}
        {form}
    }
    .into_any()
}

/// A note, what the policy wants filled in, and three buttons.
///
/// The form stays for as long as the reader may sign, and only parts of it follow the request:
/// what they have typed is not lost when a colleague answers meanwhile.
#[component]
fn AnswerForm(
    terms: Terms,
    standing: RwSignal<ApprovalStanding>,
    order: Order,
    answer: FormAnswer,
) -> impl IntoView {
    let words = &use_words().approvals;
    let Terms {
        id,
        digest,
        comment,
        inputs,
        invisible,
    } = terms;
    let form = NodeRef::<leptos::html::Form>::new();
    #[cfg(feature = "hydrate")]
    keys(form, comment);
    let unfilled = Memo::new(move |_| standing.with(|standing| standing.filled.is_none()));
    let fields = {
        let answer = answer.clone();
        move || (unfilled.get() && !inputs.is_empty()).then(|| entries(&inputs, &answer))
    };
    let hint = match comment {
        CommentRule::RequiredOnReject => words.note_hint,
        CommentRule::Optional => words.note_label,
        CommentRule::Required => words.note_always_hint,
    };
    view! {
        <form
            class="signbar"
            method="post"
            action=format!("/approvals/{id}/decide")
            node_ref=form
        >
            <input type="hidden" name="digest" value=digest />
            {order.hidden()}
            {move || standing.with(filled)}
            {fields}
            {move || standing.with(also)}
            <TextArea
                name="note"
                label=words.note_label
                placeholder=hint
                answer
                rows=1
                hide_label=true
            />
            {move || standing.with(|standing| warning(invisible, standing))}
            <div class="verdicts">
                {move || standing.with(|standing| standing.may_request_changes).then(|| view! {
                    <button class="btn" name="verdict" value="request_changes">
                        {words.request_changes}
                        <kbd aria-hidden="true">"c"</kbd>
                    </button>
                })}
                <button class="btn refuse" name="verdict" value="reject">
                    {words.reject}
                    <kbd aria-hidden="true">"r"</kbd>
                </button>
                <button class="btn sign" name="verdict" value="approve">
                    {words.approve}
                    <kbd aria-hidden="true">"a"</kbd>
                </button>
            </div>
        </form>
    }
    .into_any()
}

/// What somebody filled in before, which the sheet shows: whoever answers next signs it.
fn filled(standing: &ApprovalStanding) -> Option<AnyView> {
    let value = standing.filled.as_ref()?.to_string();
    Some(view! { <input type="hidden" name="filled" value=value /> }.into_any())
}

/// What the first who approves fills in.
fn entries(inputs: &[InputDefinition], answer: &FormAnswer) -> AnyView {
    let fields = inputs
        .iter()
        .map(|input| input_field(input, answer))
        .collect_view();
    view! {
        <fieldset class="fill">
            <legend>{use_words().approvals.to_fill}</legend>
            {fields}
        </fieldset>
    }
    .into_any()
}

/// The same answer for others that wait for exactly the same.
fn also(standing: &ApprovalStanding) -> Option<AnyView> {
    let others = &standing.identical;
    if others.is_empty() {
        return None;
    }
    let ids = others
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ");
    let count = i64::try_from(others.len()).unwrap_or(i64::MAX);
    let view = view! {
        <label class="check also">
            <input type="checkbox" name="also" value=ids />
            {(use_words().approvals.identical)(count)}
        </label>
    };
    Some(view.into_any())
}

/// One key decides, unless somebody is typing or holds another key. An answer that lacks the
/// note it needs is led to the note first.
#[cfg(feature = "hydrate")]
fn keys(form: NodeRef<leptos::html::Form>, comment: CommentRule) {
    use leptos::wasm_bindgen::JsCast as _;
    use leptos::web_sys::{HtmlElement, HtmlTextAreaElement};
    use model::view::Verdict;

    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        if !crate::pages::inbox_keys::is_plain(&event) {
            return;
        }
        let verdict = match event.key().as_str() {
            "a" => Verdict::Approve,
            "r" => Verdict::Reject,
            "c" => Verdict::RequestChanges,
            _ => return,
        };
        let Some(form) = form.get_untracked() else {
            return;
        };
        let find = |selector: &str| form.query_selector(selector).ok().flatten();
        // Changes cannot be asked for everywhere.
        let Some(button) = find(&format!("button[value={}]", verdict.as_str()))
            .and_then(|element| element.dyn_into::<HtmlElement>().ok())
        else {
            return;
        };
        event.prevent_default();
        let note = find("textarea")
            .and_then(|element| element.dyn_into::<HtmlTextAreaElement>().ok())
            .filter(|note| note.value().trim().is_empty());
        match note {
            Some(note) if verdict.needs_comment(comment) => {
                let _ = note.focus();
            }
            Some(_) | None => button.click(),
        }
    });
    on_cleanup(move || handle.remove());
}
