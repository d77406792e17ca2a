//! Invariant 12a: no sequence of verbs starts a task whose needs do not meet its join, nor one behind
//! an undecided gate; and each run ends, or waits for a person.
//!
//! Random plans meet random sequences of every verb of every role: on a pure model of the
//! engine, and on PostgreSQL. `WATCHBILL_PROVE_SEQUENCES` sets how many the model is put through.

mod database;
mod oracle;
mod world;

use model::plan::{Join, Plan, PlanTask};
use model::task::GatePhase;
use proptest::prelude::*;

use crate::support::{gate, plan, task};

/// Something that somebody, or a worker, or the clock does; the number chooses a task.
#[derive(Clone, Copy, Debug)]
pub enum Verb {
    Claim,
    Succeed(usize),
    Fail(usize),
    Cancel(usize),
    Rerun(usize),
    RetryRun,
    Hold(usize),
    Unhold(usize),
    Approve(usize),
    Reject(usize),
    RequestChanges(usize),
    Expire(usize),
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Operator,
    Approver,
    Viewer,
}

pub fn verb() -> impl Strategy<Value = (Caller, Verb)> {
    let place = 0_usize..8;
    let caller = prop_oneof![
        4 => Just(Caller::Operator),
        4 => Just(Caller::Approver),
        1 => Just(Caller::Viewer),
    ];
    let verb = (0_u8..18, place).prop_map(|(kind, place)| match kind {
        0..=3 => Verb::Claim,
        4 | 5 => Verb::Succeed(place),
        6 => Verb::Fail(place),
        7 | 8 => Verb::Cancel(place),
        9..=11 => Verb::Rerun(place),
        12 => Verb::RetryRun,
        13 => Verb::Hold(place),
        14 => Verb::Unhold(place),
        15 => Verb::Approve(place),
        16 => {
            if place % 2 == 0 {
                Verb::Reject(place / 2)
            } else {
                Verb::RequestChanges(place / 2)
            }
        }
        _ => Verb::Expire(place),
    });
    (caller, verb)
}

/// A plan of a few tasks with needs, joins, conditions and gates.
pub fn any_plan() -> impl Strategy<Value = Plan> {
    (2_usize..6).prop_flat_map(|count| {
        let needs = (0..count)
            .map(|place| proptest::collection::vec(proptest::bool::weighted(0.6), place))
            .collect::<Vec<_>>();
        let kinds = proptest::collection::vec((0_u8..5, 0_u8..6, 0_u8..10), count);
        (needs, kinds).prop_map(|(needs, kinds)| {
            let tasks = needs.into_iter().zip(kinds).enumerate();
            plan(
                tasks
                    .map(|(place, (needs, kind))| one(place, &needs, kind))
                    .collect(),
            )
        })
    })
}

fn one(place: usize, needs: &[bool], (join, gated, when): (u8, u8, u8)) -> PlanTask {
    let needs: Vec<String> = needs
        .iter()
        .enumerate()
        .filter(|(_, needed)| **needed)
        .map(|(place, _)| format!("t{place}"))
        .collect();
    PlanTask {
        needs,
        join: match join {
            0..=2 => Join::AllSucceeded,
            3 => Join::AllDone,
            _ => Join::AnySucceeded,
        },
        approval: match gated {
            0 | 1 => Some(gate(GatePhase::AfterResult)),
            2 => Some(gate(GatePhase::BeforeStart)),
            _ => None,
        },
        when: match when {
            0 => Some("false".to_owned()),
            1 => Some("inputs.nothing > 0".to_owned()),
            2 => Some("true".to_owned()),
            _ => None,
        },
        ..task(&format!("t{place}"), &[])
    }
}
