//! Finds work that changed under its name, where a gate looks at it.

use std::collections::BTreeSet;

use super::super::{EnvironmentValue, Gate, InputDefinition, Plan, PlanTask, Work};
use super::compare::Comparison;
use super::graph::Strength;
use super::{Weakening, WeakeningKind};

impl Comparison<'_, '_> {
    /// Tells of another command or condition under the same name, if that matters to a gate.
    pub(super) fn changed(&self, origin: usize, place: usize) -> Vec<Weakening> {
        let (was, is) = (self.former.task(origin), self.now.task(place));
        let mut found = Vec::new();
        let before: Vec<Gate> = self
            .former
            .before(origin)
            .map(|standing| standing.gate.clone())
            .collect();
        let mut changes = self.changes(was, is);
        // Of what stands in front of a gate that always stops, people see what it came to.
        if changes.is_empty() && !before.is_empty() && self.fed_otherwise(origin, place, true) {
            changes.push("a command that changed tasks fill");
        }
        if !before.is_empty() && !changes.is_empty() {
            found.push(Weakening {
                task: is.name.clone(),
                kind: WeakeningKind::Command,
                sentence: format!("{}: {} behind a gate", is.name, listed(&changes)),
                gates: before.clone(),
            });
        }
        found.extend(self.starts_otherwise(origin, place, &before));
        let judged: Vec<Gate> = self
            .former
            .behind(origin)
            .into_iter()
            .filter(|gate| gate.when.is_some() || !gate.risk.is_empty())
            .cloned()
            .collect();
        if before.is_empty() && !changes.is_empty() && !judged.is_empty() {
            found.push(Weakening {
                task: is.name.clone(),
                kind: WeakeningKind::Command,
                sentence: format!(
                    "{}: {}, and a gate behind it stops only by a condition on what it says",
                    is.name,
                    listed(&changes)
                ),
                gates: judged,
            });
        }
        found
    }

    /// Tells of another condition of a task that stands behind a gate, or that carries one which
    /// others only wait for.
    fn starts_otherwise(&self, origin: usize, place: usize, before: &[Gate]) -> Option<Weakening> {
        let (was, is) = (self.former.task(origin), self.now.task(place));
        let awaited = self.only_awaited(origin);
        let mut gates = before.to_vec();
        let own = was.approval.as_ref().filter(|_| awaited);
        gates.extend(own.filter(|gate| !before.contains(gate)).cloned());
        let looks_at_inputs = is.when.as_ref().is_some_and(|when| when.contains("inputs"));
        let other = is.when != was.when && (was.when.is_some() || awaited);
        let differs = other || (looks_at_inputs && self.inputs_differ());
        (differs && !gates.is_empty()).then(|| Weakening {
            task: is.name.clone(),
            kind: WeakeningKind::Condition,
            sentence: format!(
                "{}: it stands behind a gate and starts by another condition",
                is.name
            ),
            gates,
        })
    }

    /// Tells if some task only waits for this gated one: then a condition that leaves the gated
    /// one out lets the other start without anybody's being asked.
    fn only_awaited(&self, gated: usize) -> bool {
        (0..self.former.plan.tasks.len()).any(|place| {
            self.former
                .standing(place, gated)
                .is_some_and(|standing| standing.strength == Strength::Awaited)
        })
    }

    /// Names in words the parts of a step that differ.
    fn changes(&self, was: &PlanTask, is: &PlanTask) -> Vec<&'static str> {
        let mut changes = Vec::new();
        if was.work != is.work {
            changes.push("another command");
        }
        if was.environment != is.environment {
            changes.push("another environment");
        }
        if was.working_directory != is.working_directory {
            changes.push("another working directory");
        }
        if !same_files(was, is) {
            changes.push("a command that uses other files");
        }
        if changes.is_empty() && self.filled_otherwise(is) {
            changes.push("a command filled from other values");
        }
        changes
    }

    /// Tells if the plan's own values differ, from which a step's templates are filled.
    pub(super) fn filled_otherwise(&self, task: &PlanTask) -> bool {
        let (was, is) = (self.former.plan, self.now.plan);
        let run = was.run_id != is.run_id || was.timezone != is.timezone;
        // Inputs reach every step in its environment, whatever its texts say.
        self.inputs_differ() || (run && !templates(task).is_empty())
    }

    /// Tells if any input of the plan is another one than before.
    pub(super) fn inputs_differ(&self) -> bool {
        let (was, is) = (self.former.plan, self.now.plan);
        let mut inputs = was.inputs.iter().chain(&is.inputs);
        inputs.any(|input| meaning(was, &input.name) != meaning(is, &input.name))
    }
}

/// Tells if two tasks find the files of the same others, in whatever order they are named.
pub(super) fn same_files(one: &PlanTask, other: &PlanTask) -> bool {
    let names = |task: &PlanTask| -> BTreeSet<String> { task.uses.iter().cloned().collect() };
    names(one) == names(other)
}

/// The texts of a step that are filled before it starts.
pub(super) fn templates(task: &PlanTask) -> Vec<&str> {
    let mut texts: Vec<&str> = match &task.work {
        Work::Run(argv) => argv.iter().map(String::as_str).collect(),
        Work::Shell { .. } => Vec::new(),
    };
    texts.extend(
        task.environment
            .iter()
            .filter_map(|variable| match &variable.value {
                EnvironmentValue::Text(text) => Some(text.as_str()),
                EnvironmentValue::Secret(_) => None,
            }),
    );
    texts.retain(|text| text.contains("{{") || text.contains("{%"));
    texts
}

/// An input without its description.
fn meaning(plan: &Plan, name: &str) -> Option<InputDefinition> {
    let input = plan.inputs.iter().find(|input| input.name == name)?;
    Some(InputDefinition {
        description: String::new(),
        ..input.clone()
    })
}

fn listed(changes: &[&str]) -> String {
    match changes {
        [] => String::new(),
        [one] => format!("{one} runs"),
        many => format!("{} run", many.join(" and ")),
    }
}
