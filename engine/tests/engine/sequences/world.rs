//! The engine's rules on plain values, and a twin of them that is broken on purpose.

use model::approval::ApprovalState;
use model::identity::{Permission, Role};
use model::plan::Plan;
use model::task::entry::{Admission, Need, admission};
use model::task::{GatePhase, TaskEvent, TaskState, apply};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::oracle::{Seen, judge_rest, judge_start};
use super::{Caller, Verb, any_plan, verb};

/// How a new attempt is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// As the engine does it.
    Counts,
    /// As it once was: straight into the queue.
    TrustsTheCaller,
}

struct World<'a> {
    plan: &'a Plan,
    rule: Rule,
    tasks: Vec<Seen>,
}

impl World<'_> {
    fn needs(&self, place: usize) -> Vec<Need> {
        let names = self.plan.tasks[place].needs.iter();
        names
            .map(|name| {
                let at = self.place(name);
                Need {
                    name: name.clone(),
                    state: self.tasks[at].state,
                    approval: self.tasks[at].approval,
                }
            })
            .collect()
    }

    fn place(&self, name: &str) -> usize {
        let mut tasks = self.plan.tasks.iter();
        tasks.position(|task| task.name == *name).expect("a task")
    }

    /// Whether the machine has the arrow; moves the task where it has.
    fn moves(&mut self, place: usize, event: TaskEvent) -> bool {
        match apply(self.tasks[place].state, event) {
            Ok(next) => {
                self.tasks[place].state = next;
                true
            }
            Err(_) => false,
        }
    }

    fn condition(&self, place: usize) -> Option<bool> {
        match self.plan.tasks[place].when.as_deref() {
            None | Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => None,
        }
    }

    fn phase(&self, place: usize) -> Option<GatePhase> {
        let gate = self.plan.tasks[place].approval.as_ref();
        gate.map(|gate| gate.phase)
    }

    fn is_admitted(&self, place: usize) -> bool {
        let join = self.plan.tasks[place].join;
        admission(join, &self.needs(place)) == Admission::Met
    }

    /// Releases all that is free to go, until nothing more follows.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for place in 0..self.tasks.len() {
                if self.tasks[place].state != TaskState::Created {
                    continue;
                }
                let join = self.plan.tasks[place].join;
                let event = match admission(join, &self.needs(place)) {
                    Admission::Waits(_) => continue,
                    Admission::Unmet(_) => TaskEvent::Skip,
                    Admission::Met => match self.condition(place) {
                        Some(false) => TaskEvent::Skip,
                        None => TaskEvent::Fail,
                        Some(true) if self.phase(place) == Some(GatePhase::BeforeStart) => {
                            self.tasks[place].approval = Some(ApprovalState::Pending);
                            TaskEvent::RequestApproval(GatePhase::BeforeStart)
                        }
                        Some(true) => TaskEvent::Release,
                    },
                };
                moved |= self.moves(place, event);
            }
            if !moved {
                return;
            }
        }
    }

    /// Whether nothing goes on from how the task ended, nor is about to.
    fn below_is_idle(&self, place: usize) -> bool {
        let mut below: Vec<usize> = Vec::new();
        for (at, task) in self.plan.tasks.iter().enumerate() {
            let follows = |name: &String| {
                let need = self.place(name);
                need == place || below.contains(&need)
            };
            if task.needs.iter().any(follows) {
                below.push(at);
            }
        }
        below.iter().all(|at| match self.tasks[*at].state {
            TaskState::Created => {
                let mut needs = self.plan.tasks[*at].needs.iter();
                !needs.any(|name| {
                    let need = self.place(name);
                    below.contains(&need) && self.tasks[need].state.is_finished()
                })
            }
            state => state.is_finished(),
        })
    }

    fn rerun(&mut self, place: usize) {
        match self.rule {
            Rule::Counts => {
                let may = self.is_admitted(place)
                    && self.condition(place) == Some(true)
                    && self.below_is_idle(place);
                if may && self.moves(place, TaskEvent::Rerun) {
                    self.tasks[place].approval = None;
                }
            }
            Rule::TrustsTheCaller => {
                let state = self.tasks[place].state;
                if state.is_finished() && state != TaskState::Succeeded {
                    self.tasks[place] = Seen {
                        state: TaskState::Queued,
                        approval: None,
                    };
                }
            }
        }
    }

    fn retry_run(&mut self) {
        if !self.tasks.iter().all(|task| task.state.is_finished()) {
            return;
        }
        for place in 0..self.tasks.len() {
            if self.tasks[place].state != TaskState::Succeeded
                && self.moves(place, TaskEvent::Rearm)
            {
                self.tasks[place].approval = None;
            }
        }
    }

    fn decide(&mut self, place: usize, answer: ApprovalState) {
        if self.tasks[place].state != TaskState::AwaitingApproval {
            return;
        }
        let phase = self.phase(place).unwrap_or(GatePhase::AfterResult);
        let event = match (answer, phase) {
            (ApprovalState::Approved, phase) => TaskEvent::Approve(phase),
            (ApprovalState::ChangesRequested, GatePhase::AfterResult) => TaskEvent::RequestChanges,
            (ApprovalState::ChangesRequested, GatePhase::BeforeStart) => return,
            (ApprovalState::Expired, _) => TaskEvent::Expire,
            (
                ApprovalState::Rejected
                | ApprovalState::Pending
                | ApprovalState::Cancelled
                | ApprovalState::Superseded,
                _,
            ) => TaskEvent::Reject,
        };
        if self.moves(place, event) {
            self.tasks[place].approval = Some(answer);
        }
    }

    /// Ends an attempt. A result after changes always stops; so does one with a gate.
    fn finish(&mut self, place: usize, succeeded: bool) {
        let state = self.tasks[place].state;
        let event = match (state, succeeded) {
            (TaskState::Cancelling, _) => TaskEvent::CancelConfirmed,
            (_, false) => TaskEvent::Fail,
            (_, true) => {
                let again = self.tasks[place].approval == Some(ApprovalState::ChangesRequested);
                if again || self.phase(place) == Some(GatePhase::AfterResult) {
                    TaskEvent::RequestApproval(GatePhase::AfterResult)
                } else {
                    TaskEvent::Succeed
                }
            }
        };
        if matches!(state, TaskState::Running | TaskState::Cancelling)
            && self.moves(place, event)
            && event == TaskEvent::RequestApproval(GatePhase::AfterResult)
        {
            self.tasks[place].approval = Some(ApprovalState::Pending);
        }
    }

    /// Does it, as far as the rules allow.
    ///
    /// # Errors
    /// The promise that was broken.
    fn act(&mut self, caller: Caller, verb: Verb) -> Result<(), String> {
        let count = self.tasks.len();
        let role = match caller {
            Caller::Operator => Role::Operator,
            Caller::Approver => Role::Approver,
            Caller::Viewer => Role::Viewer,
        };
        let runs = role.grants(Permission::Run);
        let decides = role.grants(Permission::Decide);
        match verb {
            Verb::Claim => {
                let queued = |task: &Seen| task.state == TaskState::Queued;
                if let Some(place) = self.tasks.iter().position(queued) {
                    judge_start(self.plan, place, &self.tasks)?;
                    self.moves(place, TaskEvent::Claim);
                }
            }
            Verb::Succeed(place) => self.finish(place % count, true),
            Verb::Fail(place) => self.finish(place % count, false),
            Verb::Cancel(place) if runs => {
                let place = place % count;
                if self.moves(place, TaskEvent::Cancel)
                    && self.tasks[place].state == TaskState::Cancelled
                {
                    self.tasks[place].approval = Some(ApprovalState::Cancelled);
                }
            }
            Verb::Rerun(place) if runs => self.rerun(place % count),
            Verb::RetryRun if runs => self.retry_run(),
            Verb::Hold(place) if runs => {
                self.moves(place % count, TaskEvent::Hold);
            }
            Verb::Unhold(place) if runs && self.is_admitted(place % count) => {
                self.moves(place % count, TaskEvent::Unhold);
            }
            Verb::Approve(place) if decides => self.decide(place % count, ApprovalState::Approved),
            Verb::Reject(place) if decides => self.decide(place % count, ApprovalState::Rejected),
            Verb::RequestChanges(place) if decides => {
                self.decide(place % count, ApprovalState::ChangesRequested);
            }
            Verb::Expire(place) => self.decide(place % count, ApprovalState::Expired),
            Verb::Cancel(_)
            | Verb::Rerun(_)
            | Verb::RetryRun
            | Verb::Hold(_)
            | Verb::Unhold(_)
            | Verb::Approve(_)
            | Verb::Reject(_)
            | Verb::RequestChanges(_) => {}
        }
        self.settle();
        judge_rest(self.plan, &self.tasks)
    }
}

/// Puts plans through sequences of verbs; the first broken promise, with all that led to it.
fn put_through(rule: Rule, sequences: usize) -> Option<String> {
    let mut runner = TestRunner::deterministic();
    let all = (any_plan(), proptest::collection::vec(verb(), 1..60));
    for sequence in 0..sequences {
        let (plan, verbs) = all.new_tree(&mut runner).expect("a sequence").current();
        let mut world = World {
            plan: &plan,
            rule,
            tasks: vec![
                Seen {
                    state: TaskState::Created,
                    approval: None
                };
                plan.tasks.len()
            ],
        };
        world.settle();
        for (step, (caller, verb)) in verbs.iter().enumerate() {
            if let Err(broken) = world.act(*caller, *verb) {
                let led = &verbs[..=step];
                return Some(format!("sequence {sequence}: {broken}\n{led:?}\n{plan:?}"));
            }
        }
    }
    None
}

fn sequences() -> usize {
    std::env::var("WATCHBILL_PROVE_SEQUENCES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000)
}

#[test]
fn no_sequence_of_verbs_leads_around_a_gate() {
    let sequences = sequences();
    let broken = put_through(Rule::Counts, sequences);
    println!("{sequences} sequences of up to 60 verbs");
    assert_eq!(broken, None);
}

#[test]
fn the_twin_that_trusts_the_caller_is_caught() {
    let caught = put_through(Rule::TrustsTheCaller, 10_000);
    let caught = caught.expect("straight into the queue leads around a gate");
    assert!(caught.contains("started"), "{caught}");
}
