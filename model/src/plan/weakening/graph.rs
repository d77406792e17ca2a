//! The gates that stand before and behind each task of a plan.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::{EnvironmentValue, Gate, Join, Plan, PlanTask, Work};
use crate::task::GatePhase;

/// Tells a gate that must have been approved from one that must only have been decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// It is waited for; a refusal lets the task start as well.
    Awaited,
    /// The task starts only after its approval.
    Approved,
}

/// A gate as one task meets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    /// The place of the task that carries the gate.
    pub place: usize,
    pub gated: &'a PlanTask,
    pub gate: &'a Gate,
    pub strength: Strength,
}

/// A plan with the gates of each task.
pub(super) struct Graph<'a> {
    pub plan: &'a Plan,
    places: HashMap<&'a str, usize>,
    /// By the words of their commands.
    works: HashMap<Vec<String>, Vec<usize>>,
    needs: Vec<Vec<usize>>,
    gates: Vec<BTreeMap<usize, Strength>>,
}

impl<'a> Graph<'a> {
    /// Follows the needs of every task.
    pub fn new(plan: &'a Plan) -> Self {
        let places: HashMap<&str, usize> = plan
            .tasks
            .iter()
            .enumerate()
            .map(|(place, task)| (task.name.as_str(), place))
            .collect();
        let mut works: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
        for (place, task) in plan.tasks.iter().enumerate() {
            works.entry(owned(&task.work)).or_default().push(place);
        }
        let needs: Vec<Vec<usize>> = plan
            .tasks
            .iter()
            .map(|task| {
                let places = task
                    .needs
                    .iter()
                    .filter_map(|need| places.get(need.as_str()));
                places.copied().collect()
            })
            .collect();
        let mut graph = Self {
            plan,
            places,
            works,
            gates: vec![BTreeMap::new(); plan.tasks.len()],
            needs,
        };
        for place in graph.order() {
            graph.gates[place] = graph.met_by(place);
        }
        graph
    }

    pub fn task(&self, place: usize) -> &'a PlanTask {
        &self.plan.tasks[place]
    }

    /// The place of the task of this name.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The places of the tasks that do the same.
    pub fn doing(&self, work: &Work) -> &[usize] {
        self.works.get(&owned(work)).map_or(&[], Vec::as_slice)
    }

    /// The gates around a task: its own, and those on the way to it.
    pub fn around(&self, place: usize) -> impl Iterator<Item = Standing<'a>> + '_ {
        self.gates[place].iter().filter_map(|(gated, strength)| {
            let task = self.task(*gated);
            Some(Standing {
                place: *gated,
                gated: task,
                gate: task.approval.as_ref()?,
                strength: *strength,
            })
        })
    }

    /// The gates between a task and its start.
    pub fn before(&self, place: usize) -> impl Iterator<Item = Standing<'a>> + '_ {
        self.around(place).filter(move |standing| {
            standing.place != place || standing.gate.phase == GatePhase::BeforeStart
        })
    }

    /// Returns one gate as a task meets it; `None` where it does not.
    pub fn standing(&self, place: usize, gated: usize) -> Option<Standing<'a>> {
        let task = self.task(gated);
        Some(Standing {
            place: gated,
            gated: task,
            gate: task.approval.as_ref()?,
            strength: *self.gates[place].get(&gated)?,
        })
    }

    /// All that tasks need, and what those need; a task itself where another of them needs it.
    pub fn upstream(&self, places: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut next: Vec<usize> = places.into_iter().collect();
        while let Some(place) = next.pop() {
            let needs = self.needs[place].iter().copied();
            next.extend(needs.filter(|need| found.insert(*need)));
        }
        found
    }

    /// The gates that look at what a task did: after its own result, and at all that need it.
    pub fn behind(&self, place: usize) -> Vec<&'a Gate> {
        let mut found = Vec::new();
        let own = self.task(place).approval.as_ref();
        found.extend(own.filter(|gate| gate.phase == GatePhase::AfterResult));
        let mut seen = BTreeSet::from([place]);
        // One pass in the order of needs reaches everything downstream.
        for later in self.order() {
            if self.needs[later].iter().any(|need| seen.contains(need)) && seen.insert(later) {
                found.extend(self.task(later).approval.as_ref());
            }
        }
        found
    }

    /// The places, each after those that it needs. Tasks in a circle, which no checked plan
    /// has, are left out.
    fn order(&self) -> Vec<usize> {
        let mut waiting: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut dependants = vec![Vec::new(); self.needs.len()];
        for (place, needs) in self.needs.iter().enumerate() {
            for need in needs {
                dependants[*need].push(place);
            }
        }
        let mut order: Vec<usize> = (0..waiting.len())
            .filter(|place| waiting[*place] == 0)
            .collect();
        let mut next = 0;
        while let Some(place) = order.get(next).copied() {
            next += 1;
            for dependant in &dependants[place] {
                waiting[*dependant] -= 1;
                if waiting[*dependant] == 0 {
                    order.push(*dependant);
                }
            }
        }
        order
    }

    /// Gathers the gates around a task from those around the tasks that it needs.
    fn met_by(&self, place: usize) -> BTreeMap<usize, Strength> {
        let task = self.task(place);
        let needs = &self.needs[place];
        let mut met: BTreeMap<usize, Strength> = BTreeMap::new();
        for need in needs {
            for (gated, strength) in &self.gates[*need] {
                let strength = match task.join {
                    Join::AllDone => Strength::Awaited,
                    Join::AllSucceeded => *strength,
                    // Whichever of them succeeds, it must have met the gate.
                    Join::AnySucceeded => needs
                        .iter()
                        .map(|other| self.gates[*other].get(gated).copied())
                        .min()
                        .flatten()
                        .unwrap_or(Strength::Awaited),
                };
                let known = met.entry(*gated).or_insert(strength);
                *known = strength.max(*known);
            }
        }
        if task.approval.is_some() {
            met.insert(place, Strength::Approved);
        }
        met
    }
}

/// A work as the words that are started, so that a shell asked for by name is one in a `run`.
pub(super) fn command(work: &Work) -> Vec<&str> {
    match work {
        Work::Run(argv) => argv.iter().map(String::as_str).collect(),
        Work::Shell { program, script } => vec![program, "-c", script],
    }
}

fn owned(work: &Work) -> Vec<String> {
    command(work).into_iter().map(str::to_owned).collect()
}

/// The secrets that a task names.
pub(super) fn secrets(task: &PlanTask) -> impl Iterator<Item = &str> {
    task.environment
        .iter()
        .filter_map(|variable| match &variable.value {
            EnvironmentValue::Secret(name) => Some(name.as_str()),
            EnvironmentValue::Text(_) => None,
        })
}
