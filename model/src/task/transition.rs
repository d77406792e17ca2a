//! The only table of transitions. SQL repeats its guards; `docs/STATE_MACHINE.md` draws it.

use serde::{Deserialize, Serialize};

use super::TaskState;

/// When a gate stops a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GatePhase {
    /// Before its first attempt: approval lets it start.
    BeforeStart,
    /// After a successful attempt: approval accepts the result.
    AfterResult,
}

impl GatePhase {
    /// The text that the database stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeStart => "before_start",
            Self::AfterResult => "after_result",
        }
    }
}

/// What can happen to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskEvent {
    /// All it waited for is settled.
    Release,
    /// A gate asks a person.
    RequestApproval(GatePhase),
    /// A person signed.
    Approve(GatePhase),
    /// A person refused.
    Reject,
    /// A person asked for changes: another attempt.
    RequestChanges,
    /// A person asked the outside orchestrator that reported it for changes.
    SendBack,
    /// Nobody decided in time. A timeout never approves.
    Expire,
    /// A person puts it aside.
    Hold,
    /// A person takes it up again.
    Unhold,
    /// It becomes ready at a later moment.
    Defer,
    /// That moment has come.
    Due,
    /// A worker takes a lease.
    Claim,
    Succeed,
    Fail,
    /// The attempt failed and the plan grants another at once.
    Retry,
    /// The attempt failed and the plan grants another after a pause.
    BackOff,
    /// Its worker died: the lease ran out.
    Rescue,
    /// It killed its worker too often.
    Poison,
    /// It cannot go on until something outside changes.
    Block,
    Unblock,
    /// A person wants it stopped.
    Cancel,
    /// The process group of a cancelled task is empty.
    CancelConfirmed,
    /// A condition or a failed dependency leaves it out.
    Skip,
    /// A person asks for a new attempt: what it needs is counted again, and earlier
    /// signatures are void.
    Rerun,
    /// A person retries the run: this task waits again for those before it.
    Rearm,
    /// It waits for a new signature, since what was signed before it is no longer what is there.
    TakeBack,
}

/// Every event, for exhaustive tests and for the diagram.
pub const ALL_EVENTS: [TaskEvent; 28] = [
    TaskEvent::Release,
    TaskEvent::RequestApproval(GatePhase::BeforeStart),
    TaskEvent::RequestApproval(GatePhase::AfterResult),
    TaskEvent::Approve(GatePhase::BeforeStart),
    TaskEvent::Approve(GatePhase::AfterResult),
    TaskEvent::Reject,
    TaskEvent::RequestChanges,
    TaskEvent::SendBack,
    TaskEvent::Expire,
    TaskEvent::Hold,
    TaskEvent::Unhold,
    TaskEvent::Defer,
    TaskEvent::Due,
    TaskEvent::Claim,
    TaskEvent::Succeed,
    TaskEvent::Fail,
    TaskEvent::Retry,
    TaskEvent::BackOff,
    TaskEvent::Rescue,
    TaskEvent::Poison,
    TaskEvent::Block,
    TaskEvent::Unblock,
    TaskEvent::Cancel,
    TaskEvent::CancelConfirmed,
    TaskEvent::Skip,
    TaskEvent::Rerun,
    TaskEvent::Rearm,
    TaskEvent::TakeBack,
];

impl TaskEvent {
    /// The word that the history stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::RequestApproval(GatePhase::BeforeStart) => "request_approval_before_start",
            Self::RequestApproval(GatePhase::AfterResult) => "request_approval_after_result",
            Self::Approve(GatePhase::BeforeStart) => "approve_start",
            Self::Approve(GatePhase::AfterResult) => "approve_result",
            Self::Reject => "reject",
            Self::RequestChanges => "request_changes",
            Self::SendBack => "send_back",
            Self::Expire => "expire",
            Self::Hold => "hold",
            Self::Unhold => "unhold",
            Self::Defer => "defer",
            Self::Due => "due",
            Self::Claim => "claim",
            Self::Succeed => "succeed",
            Self::Fail => "fail",
            Self::Retry => "retry",
            Self::BackOff => "back_off",
            Self::Rescue => "rescue",
            Self::Poison => "poison",
            Self::Block => "block",
            Self::Unblock => "unblock",
            Self::Cancel => "cancel",
            Self::CancelConfirmed => "cancel_confirmed",
            Self::Skip => "skip",
            Self::Rerun => "rerun",
            Self::Rearm => "rearm",
            Self::TakeBack => "take_back",
        }
    }
}

/// An event that the present state does not allow; names both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task that is {state} cannot take '{}'", event.as_str())]
pub struct TransitionError {
    pub state: TaskState,
    pub event: TaskEvent,
}

/// The state that follows `state` when `event` happens.
///
/// # Errors
/// [`TransitionError`] where the machine has no such arrow.
pub const fn apply(state: TaskState, event: TaskEvent) -> Result<TaskState, TransitionError> {
    use TaskEvent as E;
    use TaskState as S;

    let next = match (event, state) {
        (E::Release, S::Created)
        | (E::Unhold, S::OnHold)
        | (E::Due, S::Scheduled)
        | (E::Retry | E::Rescue, S::Running)
        | (E::Unblock, S::Blocked)
        | (E::Approve(GatePhase::BeforeStart) | E::RequestChanges, S::AwaitingApproval) => {
            S::Queued
        }
        (E::RequestApproval(GatePhase::BeforeStart), S::Created)
        | (E::RequestApproval(GatePhase::AfterResult), S::Running | S::Succeeded) => {
            S::AwaitingApproval
        }
        (E::Succeed, S::Running) | (E::Approve(GatePhase::AfterResult), S::AwaitingApproval) => {
            S::Succeeded
        }
        (E::Fail, S::Created | S::Running)
        | (E::Poison, S::Running)
        | (E::Reject | E::Expire, S::AwaitingApproval) => S::Failed,
        (E::Hold, S::Queued) => S::OnHold,
        (E::Defer, S::Queued) | (E::BackOff, S::Running) => S::Scheduled,
        (E::Claim, S::Queued) => S::Running,
        (E::Block, S::Running) | (E::SendBack, S::AwaitingApproval) => S::Blocked,
        (
            E::Cancel,
            S::Created | S::Queued | S::Scheduled | S::OnHold | S::Blocked | S::AwaitingApproval,
        )
        | (E::CancelConfirmed, S::Cancelling) => S::Cancelled,
        (E::Cancel, S::Running) => S::Cancelling,
        (E::Skip, S::Created | S::Queued | S::Scheduled | S::OnHold) => S::Skipped,
        // Never to `queued` at once: what it needs is counted again first.
        (E::Rerun | E::Rearm, S::Failed | S::Skipped | S::Cancelled)
        | (E::TakeBack, S::Queued | S::Scheduled) => S::Created,
        (
            E::Release
            | E::RequestApproval(_)
            | E::Approve(_)
            | E::Reject
            | E::RequestChanges
            | E::SendBack
            | E::Expire
            | E::Hold
            | E::Unhold
            | E::Defer
            | E::Due
            | E::Claim
            | E::Succeed
            | E::Fail
            | E::Retry
            | E::BackOff
            | E::Rescue
            | E::Poison
            | E::Block
            | E::Unblock
            | E::Cancel
            | E::CancelConfirmed
            | E::Skip
            | E::Rerun
            | E::Rearm
            | E::TakeBack,
            S::Created
            | S::Queued
            | S::Scheduled
            | S::OnHold
            | S::Running
            | S::Blocked
            | S::AwaitingApproval
            | S::Cancelling
            | S::Succeeded
            | S::Failed
            | S::Skipped
            | S::Cancelled,
        ) => return Err(TransitionError { state, event }),
    };
    Ok(next)
}

/// Whether a button for `event` should be live on a task in `state`.
#[must_use]
pub const fn permitted(state: TaskState, event: TaskEvent) -> bool {
    apply(state, event).is_ok()
}
