use leptos::prelude::*;
use model::approval::{ApprovalState, Verdict};
use model::task::{Outcome, TaskState};
use model::view::{RunStatus, StateCounts};

use crate::text::use_words;

/// The colour of a mark; it never carries the meaning alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Busy,
    Wait,
    Soft,
}

impl Tone {
    /// The class that the style sheet knows.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Busy => "busy",
            Self::Wait => "wait",
            Self::Soft => "soft",
        }
    }
}

/// The form of a mark, told apart without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Check,
    Cross,
    Play,
    PlayHollow,
    Diamond,
    DiamondHollow,
    Ring,
    Dot,
    Clock,
    Pause,
    Square,
    Dash,
    Slash,
}

impl Shape {
    /// The outline in a box of twelve, and whether it is filled.
    const fn drawing(self) -> (&'static str, bool) {
        const RING: &str = "M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z";
        match self {
            Self::Check => ("M1.8 6.4 4.6 9.4 10.2 2.6", false),
            Self::Cross => ("M2.3 2.3 9.7 9.700M9.7 2.3 2.3 9.7", false),
            Self::Play => ("M3 1.8 10 6 3 10.200z", true),
            Self::PlayHollow => ("M3 1.8 10 6 3 10.200z", false),
            Self::Diamond => ("M6 1.2 10.8 6 6 10.8 1.2 6z", true),
            Self::DiamondHollow => ("M6 1.2 10.8 6 6 10.8 1.2 6z", false),
            Self::Ring => (RING, false),
            Self::Dot => ("M6 4a2 2 0 1 0 0 4 2 2 0 0 0 0-4z", true),
            Self::Clock => (
                "M6 1.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM6 3.600V6l1.8 1.4",
                false,
            ),
            Self::Pause => ("M4 2.500v7M8 2.500v7", false),
            Self::Square => ("M2.3 2.300h7.400v7.400H2.300z", false),
            Self::Dash => ("M2 6h8", false),
            Self::Slash => (
                "M6 1.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM2.9 9.1 9.1 2.9",
                false,
            ),
        }
    }
}

/// A mark without its word; whoever uses it writes the word beside it.
#[component]
pub fn Glyph(shape: Shape, tone: Tone) -> impl IntoView {
    let (outline, filled) = shape.drawing();
    let fill = if filled { "currentColor" } else { "none" };
    view! {
        <svg
            class=format!("mark {}", tone.class())
            viewBox="0 0 12 12"
            aria-hidden="true"
            focusable="false"
        >
            <path
                d=outline
                fill=fill
                stroke="currentColor"
                stroke-width="1.8"
                stroke-linejoin="round"
                stroke-linecap="round"
            />
        </svg>
    }
}

#[component]
fn Mark(shape: Shape, tone: Tone, word: &'static str) -> impl IntoView {
    view! {
        <span class="status">
            <Glyph shape tone />
            <span class=tone.class()>{word}</span>
        </span>
    }
    .into_any()
}

/// Where a task stands: form and colour.
#[must_use]
pub const fn look(state: TaskState) -> (Shape, Tone) {
    match state {
        TaskState::Created => (Shape::Dot, Tone::Soft),
        TaskState::Queued => (Shape::Ring, Tone::Soft),
        TaskState::Scheduled => (Shape::Clock, Tone::Soft),
        TaskState::OnHold => (Shape::Pause, Tone::Soft),
        TaskState::Running => (Shape::Play, Tone::Busy),
        TaskState::Blocked => (Shape::Square, Tone::Wait),
        TaskState::AwaitingApproval => (Shape::Diamond, Tone::Wait),
        TaskState::Cancelling => (Shape::PlayHollow, Tone::Busy),
        TaskState::Succeeded => (Shape::Check, Tone::Good),
        TaskState::Failed => (Shape::Cross, Tone::Bad),
        TaskState::Skipped => (Shape::Dash, Tone::Soft),
        TaskState::Cancelled => (Shape::Slash, Tone::Soft),
    }
}

/// The word for a task's state.
#[must_use]
pub fn state_word(state: TaskState) -> &'static str {
    let words = &use_words().state;
    match state {
        TaskState::Created => words.created,
        TaskState::Queued => words.queued,
        TaskState::Scheduled => words.scheduled,
        TaskState::OnHold => words.on_hold,
        TaskState::Running => words.running,
        TaskState::Blocked => words.blocked,
        TaskState::AwaitingApproval => words.awaiting_approval,
        TaskState::Cancelling => words.cancelling,
        TaskState::Succeeded => words.succeeded,
        TaskState::Failed => words.failed,
        TaskState::Skipped => words.skipped,
        TaskState::Cancelled => words.cancelled,
    }
}

/// Where a task stands: form, colour and word.
#[component]
pub fn StatusMark(state: TaskState) -> impl IntoView {
    let (shape, tone) = look(state);
    view! { <Mark shape tone word=state_word(state) /> }
}

/// Where a run stands.
#[component]
pub fn RunMark(status: RunStatus) -> impl IntoView {
    let state = match status {
        RunStatus::Queued => TaskState::Queued,
        RunStatus::Running => TaskState::Running,
        RunStatus::AwaitingApproval => TaskState::AwaitingApproval,
        RunStatus::Succeeded => TaskState::Succeeded,
        RunStatus::Failed => TaskState::Failed,
        RunStatus::Skipped => TaskState::Skipped,
    };
    view! { <StatusMark state /> }
}

/// Where a request for a decision stands: form, colour and word.
#[must_use]
pub fn approval_look(state: ApprovalState) -> (Shape, Tone, &'static str) {
    let (shape, tone) = match state {
        ApprovalState::Pending => (Shape::Diamond, Tone::Wait),
        ApprovalState::Approved => (Shape::Check, Tone::Good),
        ApprovalState::Rejected => (Shape::Cross, Tone::Bad),
        ApprovalState::Cancelled => (Shape::Slash, Tone::Soft),
        ApprovalState::Expired => (Shape::Clock, Tone::Soft),
        ApprovalState::Superseded => (Shape::DiamondHollow, Tone::Soft),
        ApprovalState::ChangesRequested => (Shape::DiamondHollow, Tone::Wait),
    };
    (shape, tone, use_words().state.approval(state))
}

/// Where a request for a decision stands.
#[component]
pub fn ApprovalMark(state: ApprovalState) -> impl IntoView {
    let (shape, tone, word) = approval_look(state);
    view! { <Mark shape tone word /> }
}

/// What somebody answered: form, colour and a sentence with their name.
#[must_use]
pub fn verdict_look(verdict: Verdict, by: &str) -> (Shape, Tone, String) {
    let words = &use_words().approvals;
    match verdict {
        Verdict::Approve => (Shape::Check, Tone::Good, (words.approved_by)(by)),
        Verdict::Reject => (Shape::Cross, Tone::Bad, (words.rejected_by)(by)),
        Verdict::RequestChanges => (
            Shape::DiamondHollow,
            Tone::Wait,
            (words.changes_asked_by)(by),
        ),
    }
}

/// How an attempt ended.
#[component]
pub fn OutcomeMark(outcome: Outcome) -> impl IntoView {
    let words = &use_words().state;
    let (shape, tone, word) = match outcome {
        Outcome::Succeeded => (Shape::Check, Tone::Good, words.succeeded),
        Outcome::Failed => (Shape::Cross, Tone::Bad, words.failed),
        Outcome::TimedOut => (Shape::Clock, Tone::Bad, words.timed_out),
        Outcome::Signalled => (Shape::Cross, Tone::Bad, words.signalled),
        Outcome::NotFound => (Shape::Cross, Tone::Bad, words.not_found),
        Outcome::CouldNotStart => (Shape::Cross, Tone::Bad, words.could_not_start),
        Outcome::Cancelled => (Shape::Slash, Tone::Soft, words.cancelled),
        Outcome::WorkerLost => (Shape::Cross, Tone::Bad, words.worker_lost),
    };
    view! { <Mark shape tone word /> }
}

/// How many tasks of a run stand where; what is none is left out.
#[component]
pub fn Tally(counts: StateCounts) -> impl IntoView {
    let words = &use_words().state;
    let parts = [
        (counts.running, TaskState::Running, words.running),
        (
            counts.awaiting_approval,
            TaskState::AwaitingApproval,
            words.awaiting_approval,
        ),
        (counts.queued, TaskState::Queued, words.queued),
        (counts.succeeded, TaskState::Succeeded, words.succeeded),
        (counts.failed, TaskState::Failed, words.failed),
        (counts.skipped, TaskState::Skipped, words.skipped),
    ];
    let shown = parts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, state, word)| {
            let (shape, tone) = look(state);
            view! {
                <span class="status">
                    <Glyph shape tone />
                    <span>{count}" "{word}</span>
                </span>
            }
        })
        .collect_view();
    view! { <span class="tally">{shown}</span> }.into_any()
}
