//! What must hold, said once more and in other words than the rule under test.

use model::approval::ApprovalState;
use model::plan::{Join, Plan};
use model::task::TaskState;

/// A task as anybody can read it off the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub state: TaskState,
    pub approval: Option<ApprovalState>,
}

impl Seen {
    fn has_ended(self) -> bool {
        matches!(
            self.state,
            TaskState::Succeeded | TaskState::Failed | TaskState::Skipped | TaskState::Cancelled
        )
    }

    fn is_undecided(self) -> bool {
        self.state == TaskState::AwaitingApproval || self.approval == Some(ApprovalState::Pending)
    }

    fn is_good(self) -> bool {
        self.state == TaskState::Succeeded
            && matches!(self.approval, None | Some(ApprovalState::Approved))
    }
}

fn place(plan: &Plan, name: &str) -> usize {
    plan.tasks
        .iter()
        .position(|task| task.name == name)
        .expect("a task of the plan")
}

/// Judges the start of an attempt by how all stood just before it.
///
/// # Errors
/// The rule that was broken.
pub fn judge_start(plan: &Plan, started: usize, before: &[Seen]) -> Result<(), String> {
    let task = &plan.tasks[started];
    let needs: Vec<Seen> = task
        .needs
        .iter()
        .map(|name| before[place(plan, name)])
        .collect();
    if needs.iter().any(|need| !need.has_ended()) {
        return Err(format!("{} started before a need had ended", task.name));
    }
    let good = needs.iter().filter(|need| need.is_good()).count();
    let met = match task.join {
        Join::AllSucceeded => good == needs.len(),
        Join::AnySucceeded => needs.is_empty() || good > 0,
        Join::AllDone => true,
    };
    if !met {
        return Err(format!(
            "{} started although its join is not met",
            task.name
        ));
    }
    // A join that admits a need without success goes on from its end, whatever stands before that.
    let strict = |place_of: usize| -> Vec<usize> {
        let task = &plan.tasks[place_of];
        match task.join {
            Join::AllSucceeded => task.needs.iter().map(|name| place(plan, name)).collect(),
            Join::AllDone | Join::AnySucceeded => Vec::new(),
        }
    };
    let mut above = strict(started);
    while let Some(next) = above.pop() {
        if before[next].is_undecided() {
            return Err(format!(
                "{} started while the gate of {} is undecided",
                task.name, plan.tasks[next].name
            ));
        }
        above.extend(strict(next));
    }
    if before[started].approval == Some(ApprovalState::Pending) {
        return Err(format!("{} started although it is asked about", task.name));
    }
    Ok(())
}

/// Judges that a run ends, or waits for a person, or has something to do.
///
/// # Errors
/// How it stands still.
pub fn judge_rest(plan: &Plan, now: &[Seen]) -> Result<(), String> {
    let moves = |seen: &Seen| {
        matches!(
            seen.state,
            TaskState::Queued
                | TaskState::Scheduled
                | TaskState::Running
                | TaskState::Cancelling
                | TaskState::OnHold
                | TaskState::AwaitingApproval
        )
    };
    for (place_of, seen) in now.iter().enumerate() {
        let task = &plan.tasks[place_of];
        let waits = task
            .needs
            .iter()
            .any(|name| !now[place(plan, name)].has_ended());
        if seen.state == TaskState::Created && !waits {
            return Err(format!("{} waits for nothing and nobody", task.name));
        }
    }
    if now.iter().all(|seen| seen.has_ended()) || now.iter().any(moves) {
        Ok(())
    } else {
        Err("the run stands still, and waits for no person".to_owned())
    }
}
