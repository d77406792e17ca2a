//! What the answers so far add up to. Pure, so that every case can be tested.

use model::approval::Verdict;
use model::plan::{Gate, RefusalRule};

/// Where a request stands after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// More must answer.
    Open,
    Approved,
    Rejected,
    ChangesRequested,
}

/// The answers so far, one a voice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub approvals: usize,
    pub refusals: usize,
}

/// What `verdict` makes of it, given the answers before it.
///
/// `signers` is how many could answer at all. One who asks for changes is heard at once:
/// what the others signed will not be what comes next.
pub(crate) fn standing(gate: &Gate, before: Tally, verdict: Verdict, signers: usize) -> Standing {
    let required = usize::try_from(gate.required.max(1)).unwrap_or(usize::MAX);
    match verdict {
        Verdict::RequestChanges => Standing::ChangesRequested,
        Verdict::Approve if before.approvals + 1 >= required => Standing::Approved,
        Verdict::Approve => Standing::Open,
        Verdict::Reject => {
            let refusals = before.refusals + 1;
            match gate.refusal {
                RefusalRule::One => Standing::Rejected,
                RefusalRule::Majority => {
                    let most = refusals * 2 > signers;
                    let too_few_left = signers.saturating_sub(refusals) < required;
                    if most || too_few_left {
                        Standing::Rejected
                    } else {
                        Standing::Open
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::identity::Role;
    use model::plan::Signer;
    use model::task::GatePhase;

    use super::*;

    fn gate(required: u32, refusal: RefusalRule) -> Gate {
        Gate {
            required,
            refusal,
            ..Gate::new(GatePhase::AfterResult, vec![Signer::Role(Role::Approver)])
        }
    }

    fn tally(approvals: usize, refusals: usize) -> Tally {
        Tally {
            approvals,
            refusals,
        }
    }

    #[test]
    fn it_takes_as_many_as_the_policy_says() {
        let two = gate(2, RefusalRule::One);
        let approve = |before| standing(&two, before, Verdict::Approve, 5);
        assert_eq!(approve(tally(0, 0)), Standing::Open);
        assert_eq!(approve(tally(1, 0)), Standing::Approved);
        // A policy of nothing still takes one.
        let none = gate(0, RefusalRule::One);
        let first = standing(&none, Tally::default(), Verdict::Approve, 1);
        assert_eq!(first, Standing::Approved);
    }

    #[test]
    fn one_refusal_ends_it_unless_the_policy_wants_a_majority() {
        let one = gate(2, RefusalRule::One);
        let refuse =
            |gate: &Gate, before, signers| standing(gate, before, Verdict::Reject, signers);
        assert_eq!(refuse(&one, tally(1, 0), 9), Standing::Rejected);
        let majority = gate(2, RefusalRule::Majority);
        assert_eq!(refuse(&majority, tally(0, 0), 5), Standing::Open);
        assert_eq!(refuse(&majority, tally(0, 1), 5), Standing::Open);
        assert_eq!(
            refuse(&majority, tally(0, 2), 5),
            Standing::Rejected,
            "three of five"
        );
        assert_eq!(
            refuse(&majority, tally(1, 0), 2),
            Standing::Rejected,
            "one is left for two"
        );
    }

    #[test]
    fn asking_for_changes_is_heard_at_once() {
        let two = gate(2, RefusalRule::Majority);
        assert_eq!(
            standing(&two, tally(1, 1), Verdict::RequestChanges, 9),
            Standing::ChangesRequested
        );
    }
}
