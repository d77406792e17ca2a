//! The answer to a request.

use leptos::prelude::*;
use model::plan::CommentRule;
use model::view::ApprovalDetail;

use crate::components::{TextArea, input_field};
use crate::pages::inbox_order::Order;
use crate::text::eligibility::eligibility;
use crate::text::{Language, use_words};
use crate::visit::FormAnswer;

/// The answer: a note, what the policy wants filled in, and three buttons. Bound to the digest that the reader sees.
#[component]
pub fn SignBar(detail: ApprovalDetail, order: Order, answer: FormAnswer) -> impl IntoView {
    let words = &use_words().approvals;
    let language = use_context::<Language>().unwrap_or_default();
    let remark = eligibility(language, &detail.eligibility)
        .map(|text| view! { <p class="outcome soft">{text}</p> });
    if !detail.may_decide {
        return remark.into_any();
    }
    let form = NodeRef::<leptos::html::Form>::new();
    #[cfg(feature = "hydrate")]
    keys(form, detail.comment);
    let fills = detail.filled.is_none() && !detail.inputs.is_empty();
    let fields = fills.then(|| {
        let fields = detail
            .inputs
            .iter()
            .map(|input| input_field(input, &answer))
            .collect_view();
        view! {
            <fieldset class="fill">
                <legend>{words.to_fill}</legend>
                {fields}
            </fieldset>
        }
    });
    let others = detail.identical.len();
    let also = (others > 0).then(|| {
        let ids = detail
            .identical
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ");
        view! {
            <label class="check also">
                <input type="checkbox" name="also" value=ids />
                {(words.identical)(i64::try_from(others).unwrap_or(i64::MAX))}
            </label>
        }
    });
    let hint = match detail.comment {
        CommentRule::RequiredOnReject => words.note_hint,
        CommentRule::Optional => words.note_label,
        CommentRule::Required => words.note_always_hint,
    };
    view! {
        {remark}
        <form
            class="signbar"
            method="post"
            action=format!("/approvals/{}/decide", detail.row.id)
            node_ref=form
        >
            <input type="hidden" name="digest" value=detail.digest />
            {order.group().map(|group| view! { <input type="hidden" name="group" value=group /> })}
            {detail.filled.map(|filled| view! {
                <input type="hidden" name="filled" value=filled.to_string() />
            })}
            {fields}
            {also}
            <TextArea
                name="note"
                label=words.note_label
                placeholder=hint
                answer
                rows=1
                hide_label=true
            />
            <div class="verdicts">
                {detail.may_request_changes.then(|| view! {
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
