//! The answer to a request.

use leptos::prelude::*;
use model::approval::Verdict;
use model::id::ApprovalId;
use model::plan::{CommentRule, InputDefinition};
use model::view::{ApprovalDetail, ApprovalStanding};

use super::arming::{Stage, key_of};
use super::consequences::Consequences;
use super::invisible::{Invisible, left_out, warning};
use crate::components::{TextArea, input_field, visible};
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
    left_out: Option<String>,
    consequences: Consequences,
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
            left_out: left_out(detail),
            consequences: Consequences::of(detail),
        }
    }
}

/// An answer that the next press of its key gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Armed {
    pub verdict: Verdict,
    pub stage: Stage,
    /// The requests that wait for the same get it, too.
    pub also: bool,
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
        left_out,
        consequences,
    } = terms;
    let form = NodeRef::<leptos::html::Form>::new();
    let armed = RwSignal::new(None::<Armed>);
    #[cfg(feature = "hydrate")]
    super::keys::listen(form, comment, standing, armed);
    let follows = Memo::new(move |_| armed.get().map(|armed| (armed.verdict, armed.also)));
    let sentence = move || {
        let (verdict, also) = follows.get()?;
        let text = standing.with_untracked(|it| consequences.sentence(verdict, it, also));
        Some(view! { <span>{visible(&text)}</span> })
    };
    let button = move |class: &'static str, verdict: Verdict| {
        let mark = move || {
            let armed = armed.get().filter(|armed| armed.verdict == verdict)?;
            Some(armed.stage.as_str())
        };
        view! {
            <button class=class name="verdict" value=verdict.as_str() data-armed=mark>
                {words.answer(verdict)}
                <kbd aria-hidden="true">{key_of(verdict)}</kbd>
            </button>
        }
    };
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
            {left_out.map(|text| view! { <p class="wait"><b>{text}</b></p> })}
            {move || standing.with(|standing| warning(invisible, standing))}
            <p class="armed" role="status">{sentence}</p>
            <div class="verdicts">
                {move || standing.with(|standing| standing.may_request_changes)
                    .then(|| button("btn", Verdict::RequestChanges))}
                {button("btn refuse", Verdict::Reject)}
                {button("btn sign", Verdict::Approve)}
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
