//! Finds in what a plan's new version asks people less than the former one did.
//!
//! The comparison looks at the graph and not at keys: for each task of the new version, which
//! gates stood between it and a start before, by its name and by what it runs and is given, and
//! which do now. Where it cannot tell, it says weaker.

#[cfg(test)]
mod attack_tests;
mod changed;
mod compare;
mod fed;
mod graph;
mod lineage;
mod policy;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod property_tests;
mod returned;
#[cfg(test)]
mod returned_tests;
#[cfg(test)]
mod secret_attack_tests;
mod secrets;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{Gate, Plan};

/// One way in which a version asks people less than the former one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weakening {
    /// The task of the new version.
    pub task: String,
    pub kind: WeakeningKind,
    /// One sentence for whoever decides about it.
    pub sentence: String,
    /// The former version's gates whose signers must agree; empty where none stood there.
    pub gates: Vec<Gate>,
}

/// The part of a plan that asks less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeakeningKind {
    /// A gate stands before the task no more.
    Gate,
    /// A gate is only waited for, whatever is decided.
    Join,
    /// A gate's policy is looser in some key.
    Policy,
    /// Something else runs behind the same gates, or before one that judges it by a condition.
    Command,
    /// A task behind a gate starts by another condition.
    Condition,
    /// A task is given a secret that it did not have.
    Secret,
}

/// Returns everything in which `after` asks people less than `before`; empty where nothing does.
///
/// A plan without a former version is compared with an empty one, in which nothing names a
/// secret. `earlier` are the versions that ran before that one, newest first: a task, a command
/// or a value that `before` has not is compared with the last of them that had it.
/// `may_name_secret` tells whether the plan may name a secret without a signature.
#[must_use]
pub fn weakenings(
    before: Option<&Plan>,
    earlier: &[Plan],
    after: &Plan,
    may_name_secret: impl Fn(&str) -> bool,
) -> Vec<Weakening> {
    let mut found = compare::compare(before, after, &may_name_secret);
    if let Some(before) = before {
        found.extend(returned::returned(before, earlier, after));
    }
    compare::told_once(found)
}
