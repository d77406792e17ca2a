//! The state machine, every state with every event, and random lives.

use model::reported::{Status, report};
use model::task::{ALL_EVENTS, GatePhase, TaskEvent, TaskState, apply, permitted};
use proptest::prelude::*;

fn targets(state: TaskState) -> Vec<TaskState> {
    let mut targets: Vec<TaskState> = ALL_EVENTS
        .into_iter()
        .filter_map(|event| apply(state, event).ok())
        .collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

#[test]
fn every_state_leads_where_the_design_says() {
    use TaskState as S;
    for state in S::ALL {
        let expected: &[S] = match state {
            S::Created => &[
                S::Queued,
                S::AwaitingApproval,
                S::Failed,
                S::Skipped,
                S::Cancelled,
            ],
            S::Queued => &[
                S::Created,
                S::Scheduled,
                S::OnHold,
                S::Running,
                S::Skipped,
                S::Cancelled,
            ],
            // What was signed before it has changed: it waits for the new signature.
            S::Scheduled => &[S::Created, S::Queued, S::Skipped, S::Cancelled],
            S::OnHold => &[S::Queued, S::Skipped, S::Cancelled],
            S::Running => &[
                S::Queued,
                S::Scheduled,
                S::Blocked,
                S::AwaitingApproval,
                S::Cancelling,
                S::Succeeded,
                S::Failed,
            ],
            S::Blocked => &[S::Queued, S::Cancelled],
            // Blocked is a reported task that was sent back to its orchestrator.
            S::AwaitingApproval => &[S::Queued, S::Blocked, S::Succeeded, S::Failed, S::Cancelled],
            S::Cancelling => &[S::Cancelled],
            // What was signed has changed since: it is asked again.
            S::Succeeded => &[S::AwaitingApproval],
            // Never to the queue at once: what it needs is counted again first.
            S::Failed | S::Skipped | S::Cancelled => &[S::Created],
        };
        assert_eq!(targets(state), expected, "from {state}");
    }
}

#[test]
fn a_refusal_names_the_state_and_the_event() {
    let refused = apply(TaskState::Succeeded, TaskEvent::Cancel).expect_err("it has finished");
    assert_eq!(
        refused.to_string(),
        "a task that is succeeded cannot take 'cancel'"
    );
}

#[test]
fn words_read_back_as_what_they_name() {
    for state in TaskState::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
    }
    for status in Status::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    let mut words: Vec<&str> = ALL_EVENTS.iter().map(|event| event.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), ALL_EVENTS.len(), "two events share a word");
}

#[test]
fn every_state_shows_as_one_of_six_statuses() {
    let shown: usize = Status::ALL.iter().map(|status| status.states().len()).sum();
    assert_eq!(shown, TaskState::ALL.len());
}

#[test]
fn no_report_leaves_awaiting_approval_or_reopens_what_finished() {
    for from in TaskState::ALL {
        for to in Status::ALL {
            let open = !from.is_finished() && from != TaskState::AwaitingApproval;
            assert_eq!(
                report(from, to).is_ok(),
                open || Status::of(from) == to,
                "{from} to {to}"
            );
        }
    }
}

fn any_event() -> impl Strategy<Value = TaskEvent> {
    proptest::sample::select(ALL_EVENTS.to_vec())
}

proptest! {
    /// Whatever happens to a task, in whatever order.
    #[test]
    fn a_random_life_keeps_the_promises(events in proptest::collection::vec(any_event(), 0..200)) {
        let mut state = TaskState::Created;
        for event in events {
            prop_assert_eq!(permitted(state, event), apply(state, event).is_ok());
            let Ok(next) = apply(state, event) else { continue };
            if state.is_finished() {
                let again = TaskEvent::RequestApproval(GatePhase::AfterResult);
                prop_assert!(
                    matches!(event, TaskEvent::Rerun | TaskEvent::Rearm)
                        || (state == TaskState::Succeeded && event == again),
                    "{} by {:?}", state, event
                );
            }
            if next == TaskState::Running {
                prop_assert_eq!(event, TaskEvent::Claim);
            }
            if state == TaskState::AwaitingApproval && next == TaskState::Succeeded {
                prop_assert_eq!(event, TaskEvent::Approve(GatePhase::AfterResult));
            }
            if state == TaskState::Cancelling {
                prop_assert_eq!(next, TaskState::Cancelled);
            }
            state = next;
        }
    }

    /// From wherever a random life has led, some way leads to an end.
    #[test]
    fn no_state_is_a_trap(events in proptest::collection::vec(any_event(), 0..50)) {
        let mut state = TaskState::Created;
        for event in events {
            state = apply(state, event).unwrap_or(state);
        }
        let mut reached = vec![state];
        let mut place = 0;
        while place < reached.len() {
            for next in targets(reached[place]) {
                if !reached.contains(&next) {
                    reached.push(next);
                }
            }
            place += 1;
        }
        prop_assert!(reached.iter().any(|state| state.is_finished()));
    }
}
