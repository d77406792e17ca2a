//! The one rule of what may enter the queue: it counts the needs again, each time.

use super::TaskState;
use crate::approval::ApprovalState;
use crate::plan::Join;

/// A task that another one needs, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub name: String,
    pub state: TaskState,
    /// Its newest request's answer; `None` where nobody was asked.
    pub approval: Option<ApprovalState>,
}

/// A need's weight in a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not ended, or a gate before it is undecided.
    Open,
    Succeeded,
    /// It failed, was left out or cancelled; or its gate was refused, or ran out of time.
    DidNotSucceed,
}

impl Need {
    /// Weighs the need. A success whose gate says anything but yes is none.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match (self.state, self.approval) {
            (_, Some(ApprovalState::Pending))
            | (
                TaskState::Created
                | TaskState::Queued
                | TaskState::Scheduled
                | TaskState::OnHold
                | TaskState::Running
                | TaskState::Blocked
                | TaskState::AwaitingApproval
                | TaskState::Cancelling,
                _,
            ) => Standing::Open,
            (TaskState::Succeeded, None | Some(ApprovalState::Approved)) => Standing::Succeeded,
            (
                TaskState::Succeeded,
                Some(
                    ApprovalState::Rejected
                    | ApprovalState::Cancelled
                    | ApprovalState::Expired
                    | ApprovalState::Superseded
                    | ApprovalState::ChangesRequested,
                ),
            )
            | (TaskState::Failed | TaskState::Skipped | TaskState::Cancelled, _) => {
                Standing::DidNotSucceed
            }
        }
    }
}

/// Where the needs of a task leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission<'a> {
    /// Its join is met.
    Met,
    /// This one has not ended.
    Waits(&'a Need),
    /// This one keeps the join from being met, whatever comes.
    Unmet(&'a Need),
}

/// Judges what a task needs. A need that is open makes it wait whatever the join says: a gate
/// that is undecided lets nothing go on.
#[must_use]
pub fn admission(join: Join, needs: &[Need]) -> Admission<'_> {
    if let Some(open) = needs.iter().find(|need| need.standing() == Standing::Open) {
        return Admission::Waits(open);
    }
    let succeeded: Vec<bool> = needs
        .iter()
        .map(|need| need.standing() == Standing::Succeeded)
        .collect();
    let failing = needs
        .iter()
        .find(|need| need.standing() == Standing::DidNotSucceed);
    match failing {
        Some(need) if !join.is_met(&succeeded) => Admission::Unmet(need),
        Some(_) | None => Admission::Met,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(state: TaskState, approval: Option<ApprovalState>) -> Need {
        Need {
            name: "build".to_owned(),
            state,
            approval,
        }
    }

    const ALL_JOINS: [Join; 3] = [Join::AllSucceeded, Join::AllDone, Join::AnySucceeded];

    #[test]
    fn an_undecided_gate_lets_nothing_go_on() {
        for join in ALL_JOINS {
            for state in TaskState::ALL {
                let undecided = [
                    need(TaskState::Succeeded, None),
                    need(state, Some(ApprovalState::Pending)),
                ];
                let waits = matches!(admission(join, &undecided), Admission::Waits(_));
                assert!(waits, "{join:?} {state}");
            }
        }
    }

    #[test]
    fn whatever_has_not_ended_is_waited_for() {
        for join in ALL_JOINS {
            for state in TaskState::ALL {
                let needs = [need(state, None)];
                let waits = matches!(admission(join, &needs), Admission::Waits(_));
                assert_eq!(waits, !state.is_finished(), "{join:?} {state}");
            }
        }
    }

    #[test]
    fn a_refused_gate_is_a_need_that_did_not_succeed() {
        for answer in ApprovalState::ALL {
            let expected = match answer {
                ApprovalState::Pending => Standing::Open,
                ApprovalState::Approved => Standing::Succeeded,
                ApprovalState::Rejected
                | ApprovalState::Cancelled
                | ApprovalState::Expired
                | ApprovalState::Superseded
                | ApprovalState::ChangesRequested => Standing::DidNotSucceed,
            };
            let standing = need(TaskState::Succeeded, Some(answer)).standing();
            assert_eq!(standing, expected, "{answer}");
        }
    }

    #[test]
    fn the_join_decides_where_all_have_ended() {
        let good = || need(TaskState::Succeeded, Some(ApprovalState::Approved));
        let bad = || need(TaskState::Failed, Some(ApprovalState::Rejected));
        for (join, needs, met) in [
            (Join::AllSucceeded, vec![good(), good()], true),
            (Join::AllSucceeded, vec![good(), bad()], false),
            (Join::AllDone, vec![bad(), bad()], true),
            (Join::AnySucceeded, vec![bad(), good()], true),
            (Join::AnySucceeded, vec![bad(), bad()], false),
            (Join::AllSucceeded, vec![], true),
            (Join::AnySucceeded, vec![], true),
        ] {
            let met_now = admission(join, &needs) == Admission::Met;
            assert_eq!(met_now, met, "{join:?} {needs:?}");
        }
    }
}
