//! How tasks depend on each other: no dangling needs, no circles.

use std::collections::{BTreeMap, BTreeSet};

use model::plan::{PlanTask, Work};

use super::names::shown;
use super::{Findings, at, key, nth};
use crate::plans::{condition, template};

pub(super) fn check(findings: &mut Findings, tasks: &[PlanTask]) {
    let index: BTreeMap<&str, usize> = tasks
        .iter()
        .enumerate()
        .map(|(index, task)| (task.name.as_str(), index))
        .collect();
    let mut sound = true;
    for task in tasks {
        sound &= check_needs(findings, task, &index);
    }
    let needs: Vec<Vec<usize>> = tasks
        .iter()
        .map(|task| {
            task.needs
                .iter()
                .filter_map(|need| index.get(need.as_str()).copied())
                .collect()
        })
        .collect();
    if let Some(circle) = circle(&needs) {
        let named: Vec<&str> = circle
            .iter()
            .map(|task| tasks[*task].name.as_str())
            .collect();
        findings.add(
            &at(&at(&[key("tasks")], named[0]), "needs"),
            format!(
                "these tasks need each other in a circle: {}; remove one of these needs",
                named.join(" → ")
            ),
        );
    } else if sound {
        check_references(findings, tasks, &needs);
        check_uses(findings, tasks, &index, &needs);
    }
}

fn check_needs(findings: &mut Findings, task: &PlanTask, index: &BTreeMap<&str, usize>) -> bool {
    let path = at(&at(&[key("tasks")], &task.name), "needs");
    let mut seen = BTreeSet::new();
    let mut sound = true;
    for (position, need) in task.needs.iter().enumerate() {
        let problem = if need == &task.name {
            Some("a task cannot need itself; remove this".to_owned())
        } else if !index.contains_key(need.as_str()) {
            Some(format!("there is no task '{}' in this plan", shown(need)))
        } else if !seen.insert(need) {
            Some(format!("'{need}' is named twice; remove one of them"))
        } else {
            None
        };
        if let Some(problem) = problem {
            findings.add(&nth(&path, position), problem);
            sound = false;
        }
    }
    sound
}

/// A circle with its start repeated at the end. Without recursion, for long chains.
fn circle(needs: &[Vec<usize>]) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        Unseen,
        Open,
        Done,
    }
    let mut marks = vec![Mark::Unseen; needs.len()];
    for start in 0..needs.len() {
        if marks[start] != Mark::Unseen {
            continue;
        }
        let mut stack = vec![(start, 0)];
        marks[start] = Mark::Open;
        while let Some((task, next)) = stack.last_mut() {
            let Some(need) = needs[*task].get(*next).copied() else {
                marks[*task] = Mark::Done;
                stack.pop();
                continue;
            };
            *next += 1;
            match marks[need] {
                Mark::Done => {}
                Mark::Unseen => {
                    marks[need] = Mark::Open;
                    stack.push((need, 0));
                }
                // A task that needs itself has its own message.
                Mark::Open if stack.last().is_some_and(|(task, _)| *task == need) => {}
                Mark::Open => {
                    let open: Vec<usize> = stack.iter().map(|(task, _)| *task).collect();
                    let from = open.iter().position(|task| *task == need)?;
                    let mut circle = open[from..].to_vec();
                    circle.push(need);
                    return Some(circle);
                }
            }
        }
    }
    None
}

/// Every task that a condition or a template names must be settled by then.
fn check_references(findings: &mut Findings, tasks: &[PlanTask], needs: &[Vec<usize>]) {
    for (position, task) in tasks.iter().enumerate() {
        let path = at(&[key("tasks")], &task.name);
        let mut places: Vec<(Vec<_>, &str)> = Vec::new();
        if let Some(when) = &task.when {
            places.push((at(&path, "when"), when.as_str()));
        }
        if let Some(when) = task.approval.as_ref().and_then(|gate| gate.when.as_ref()) {
            places.push((at(&at(&path, "approval"), "when"), when.as_str()));
        }
        if let Work::Run(argv) = &task.work {
            for (index, argument) in argv
                .iter()
                .enumerate()
                .filter(|(_, text)| template::is_template(text))
            {
                places.push((nth(&at(&path, "run"), index), argument.as_str()));
            }
        }
        for (place, text) in places {
            for name in condition::named_tasks(text) {
                let known = tasks.iter().position(|other| other.name == name);
                match known {
                    None => findings.add(
                        &place,
                        format!("there is no task '{}' in this plan", shown(&name)),
                    ),
                    Some(other) if !reaches(needs, position, other) => findings.add(
                        &place,
                        format!(
                            "'{name}' may not have finished by then; add it to this task's 'needs'"
                        ),
                    ),
                    Some(_) => {}
                }
            }
        }
    }
}

/// Every task whose files another finds must have ended by then.
fn check_uses(
    findings: &mut Findings,
    tasks: &[PlanTask],
    index: &BTreeMap<&str, usize>,
    needs: &[Vec<usize>],
) {
    for (position, task) in tasks.iter().enumerate() {
        let path = at(&at(&[key("tasks")], &task.name), "uses");
        let mut seen = BTreeSet::new();
        for (place, used) in task.uses.iter().enumerate() {
            let problem = match index.get(used.as_str()) {
                _ if used == &task.name => {
                    Some("a task cannot use its own files; remove this".to_owned())
                }
                None => Some(format!("there is no task '{}' in this plan", shown(used))),
                Some(_) if !seen.insert(used) => {
                    Some(format!("'{used}' is named twice; remove one of them"))
                }
                Some(other) if !reaches(needs, position, *other) => Some(format!(
                    "'{used}' may not have left its files by then; add it to this task's 'needs'"
                )),
                Some(_) => None,
            };
            if let Some(problem) = problem {
                findings.add(&nth(&path, place), problem);
            }
        }
    }
}

/// Whether `from` needs `to`, directly or through others.
fn reaches(needs: &[Vec<usize>], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = needs[from].clone();
    while let Some(task) = open.pop() {
        if task == to {
            return true;
        }
        if seen.insert(task) {
            open.extend(&needs[task]);
        }
    }
    false
}
