//! One graph against the other, task by task.

use std::collections::BTreeSet;

use super::super::{Gate, Plan};
use super::graph::{Graph, Standing};
use super::lineage::{Thing, things, vanished};
use super::policy::looser;
use super::secrets::new_secrets;
use super::{Weakening, WeakeningKind};
use crate::task::GatePhase;

/// Compares the two graphs, task by task of the new one.
pub(super) fn compare(
    before: Option<&Plan>,
    after: &Plan,
    may_name_secret: &dyn Fn(&str) -> bool,
) -> Vec<Weakening> {
    let former = before.map(Graph::new);
    let now = Graph::new(after);
    let mut found = Vec::new();
    for place in 0..after.tasks.len() {
        if let Some(former) = &former {
            Comparison { former, now: &now }.task(place, &mut found);
        }
        new_secrets(former.as_ref(), &now, place, may_name_secret, &mut found);
    }
    told_once(found)
}

/// Joins what is said in the same words; all the gates that it concerns are kept.
pub(super) fn told_once(found: Vec<Weakening>) -> Vec<Weakening> {
    let mut told: Vec<Weakening> = Vec::with_capacity(found.len());
    for weakening in found {
        let known = told
            .iter_mut()
            .find(|known| known.sentence == weakening.sentence);
        match known {
            None => told.push(weakening),
            Some(known) => {
                for gate in weakening.gates {
                    if !known.gates.contains(&gate) {
                        known.gates.push(gate);
                    }
                }
            }
        }
    }
    told
}

pub(super) struct Comparison<'a, 'p> {
    pub former: &'a Graph<'p>,
    pub now: &'a Graph<'p>,
}

impl Comparison<'_, '_> {
    fn task(&self, place: usize, found: &mut Vec<Weakening>) {
        let task = self.now.task(place);
        let namesake = self.former.named(&task.name);
        if let Some(origin) = namesake {
            found.extend(self.lost(origin, place));
            found.extend(self.changed(origin, place));
        }
        let things = things(self.former, namesake.map(|at| self.former.task(at)), task);
        for (thing, holders) in &things {
            found.extend(
                self.least_lost(holders, place)
                    .into_iter()
                    .map(|lost| Weakening {
                        sentence: format!(
                            "{} ({})",
                            lost.sentence,
                            moved(*thing, self.former, holders)
                        ),
                        ..lost
                    }),
            );
        }
        if namesake.is_none() {
            found.extend(if things.is_empty() {
                self.unknown(place)
            } else {
                self.renamed(self.former.doing(&task.work), place)
            });
        }
    }

    /// Finds what was lost against the former tasks that the new one resembles most: against all
    /// of them where it is as much.
    pub(super) fn least_lost(&self, origins: &[usize], place: usize) -> Vec<Weakening> {
        least(origins.iter().map(|origin| self.lost(*origin, place)))
    }

    /// Finds what a task of another name changed of the former ones that ran the same.
    fn renamed(&self, origins: &[usize], place: usize) -> Vec<Weakening> {
        least(origins.iter().map(|origin| self.changed(*origin, place)))
    }

    /// A task that nothing tells of, while former ones are gone: it may be any of them.
    fn unknown(&self, place: usize) -> Vec<Weakening> {
        let gone = vanished(self.former, self.now);
        let lost = self.least_lost(&gone, place);
        if !lost.is_empty() {
            return lost;
        }
        // A free task that is gone as well hides no gated one; a new one in front of all gates
        // is none of those behind them.
        let behind = self.now.before(place).next().is_some();
        let candidates: Vec<usize> = gone
            .into_iter()
            .filter(|origin| !behind || self.former.before(*origin).next().is_some())
            .collect();
        self.renamed(&candidates, place)
    }

    /// The gates around a former task that do not stand as firmly around the new one.
    pub(super) fn lost(&self, origin: usize, place: usize) -> Vec<Weakening> {
        // One gate now stands for one former gate, or two that ask about the same become one.
        let mut used = BTreeSet::new();
        self.former
            .around(origin)
            .filter_map(|standing| self.weaker(&standing, origin, place, &mut used))
            .collect()
    }

    /// The former gate's kind of loss, where the standing is weaker; `None` where it is not.
    fn judge(
        &self,
        former: &Standing<'_>,
        now: &Standing<'_>,
        origin: usize,
        place: usize,
    ) -> Option<(WeakeningKind, String)> {
        // A gate about a task's own result lets the task itself run; where a former gate of its
        // own moved there, the policies tell.
        let own_result = now.place == place && now.gate.phase == GatePhase::AfterResult;
        if own_result && former.place != origin {
            let task = &now.gated.name;
            let what = format!(
                "{task}: it runs before anybody is asked, and stood behind the approval of {}",
                former.gated.name
            );
            return Some((WeakeningKind::Gate, what));
        }
        if now.strength < former.strength {
            let what = format!(
                "it starts whatever is decided about {}, and needed its approval",
                now.gated.name
            );
            return Some((WeakeningKind::Join, what));
        }
        let mut looser = looser(former.gate, now.gate);
        if self.inputs_differ() && conditions(now.gate).any(|text| text.contains("inputs")) {
            looser.push("its conditions look at inputs, and those are other ones".to_owned());
        }
        (!looser.is_empty()).then(|| {
            let what = format!("the approval of {}: {}", now.gated.name, looser.join("; "));
            (WeakeningKind::Policy, what)
        })
    }

    /// `None` where the new task meets this gate as the former one did.
    fn weaker(
        &self,
        former: &Standing<'_>,
        origin: usize,
        place: usize,
        used: &mut BTreeSet<usize>,
    ) -> Option<Weakening> {
        let task = &self.now.task(place).name;
        let own = (former.place == origin).then_some(place);
        // A task of a former name stands for itself, whatever it runs.
        let renamed = self
            .now
            .doing(&former.gated.work)
            .iter()
            .copied()
            .filter(|place| self.former.named(&self.now.task(*place).name).is_none());
        let candidates = own
            .into_iter()
            .chain(self.now.named(&former.gated.name))
            .chain(renamed);
        let mut best: Option<(WeakeningKind, String)> = None;
        for candidate in candidates {
            let standing = self.now.standing(place, candidate);
            let Some(standing) = standing.filter(|_| !used.contains(&candidate)) else {
                continue;
            };
            let Some((kind, what)) = self.judge(former, &standing, origin, place) else {
                used.insert(candidate);
                return None;
            };
            // The closest one tells most: a looser policy rather than a gate that is gone.
            if best.as_ref().is_none_or(|(known, _)| kind > *known) {
                best = Some((kind, what));
            }
        }
        let (kind, what) = best.unwrap_or_else(|| {
            let what = if former.place == origin {
                format!("{task}: nobody is asked any more {}", words(former.gate))
            } else {
                format!(
                    "{task}: it no longer stands behind the approval of {}",
                    former.gated.name
                )
            };
            (WeakeningKind::Gate, what)
        });
        let sentence = match kind {
            WeakeningKind::Join => format!("{task}: {what}"),
            WeakeningKind::Gate
            | WeakeningKind::Policy
            | WeakeningKind::Command
            | WeakeningKind::Condition
            | WeakeningKind::Secret => what,
        };
        Some(Weakening {
            task: task.clone(),
            kind,
            sentence,
            gates: vec![former.gate.clone()],
        })
    }
}

/// The shortest of these, and all that are as short.
fn least(all: impl Iterator<Item = Vec<Weakening>>) -> Vec<Weakening> {
    let all: Vec<Vec<Weakening>> = all.collect();
    let shortest = all.iter().map(Vec::len).min().unwrap_or_default();
    all.into_iter()
        .filter(|one| one.len() == shortest)
        .flatten()
        .collect()
}

/// The conditions by which a gate stops, and by which it says how many sign.
fn conditions(gate: &Gate) -> impl Iterator<Item = &String> {
    let rules = gate.risk.iter().filter_map(|rule| rule.when.as_ref());
    gate.when.iter().chain(rules)
}

/// Tells from where something came.
pub(super) fn moved(thing: Thing<'_>, former: &Graph<'_>, holders: &[usize]) -> String {
    let names: BTreeSet<&str> = holders
        .iter()
        .map(|place| former.task(*place).name.as_str())
        .collect();
    let names: Vec<&str> = names.into_iter().take(3).collect();
    let what = match thing {
        Thing::Work(_) => "it runs what was run by",
        Thing::Program(_) => "it runs the program of",
        Thing::Variable(_) => "it is given what was given to",
    };
    format!("{what} {}", names.join(", "))
}

const fn words(gate: &Gate) -> &'static str {
    match gate.phase {
        GatePhase::BeforeStart => "before it starts",
        GatePhase::AfterResult => "about its result",
    }
}
