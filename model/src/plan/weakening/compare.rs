use std::collections::BTreeSet;

use super::super::{Gate, InputDefinition, Plan, PlanTask, Work};
use super::graph::{Graph, Standing, Strength, secrets};
use super::lineage::{Thing, things, vanished};
use super::policy::looser;
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
    let mut said = BTreeSet::new();
    found.retain(|weakening| said.insert(weakening.sentence.clone()));
    found
}

struct Comparison<'a, 'p> {
    former: &'a Graph<'p>,
    now: &'a Graph<'p>,
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
        if namesake.is_none() && things.is_empty() {
            found.extend(self.unknown(place));
        }
    }

    /// Whatever was lost against the former task that the new one resembles most.
    fn least_lost(&self, origins: &[usize], place: usize) -> Vec<Weakening> {
        let lost = origins.iter().map(|origin| self.lost(*origin, place));
        lost.min_by_key(Vec::len).unwrap_or_default()
    }

    /// A task that nothing tells of, while former ones are gone: it may be any of them.
    fn unknown(&self, place: usize) -> Vec<Weakening> {
        let gone = vanished(self.former, self.now);
        let lost = self.least_lost(&gone, place);
        let free = |origin: &usize| self.former.before(*origin).next().is_none();
        if !lost.is_empty() || gone.iter().any(free) {
            return lost;
        }
        let changed = gone.iter().map(|origin| self.changed(*origin, place));
        changed.min_by_key(Vec::len).unwrap_or_default()
    }

    /// The gates around a former task that do not stand as firmly around the new one.
    fn lost(&self, origin: usize, place: usize) -> Vec<Weakening> {
        // One gate now stands for one former gate, or two that ask about the same become one.
        let mut used = BTreeSet::new();
        self.former
            .around(origin)
            .filter_map(|standing| self.weaker(&standing, origin, place, &mut used))
            .collect()
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
            let Some((kind, what)) = judge(former, &standing) else {
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

    /// What runs where the former task ran, if that matters to a gate.
    fn changed(&self, origin: usize, place: usize) -> Vec<Weakening> {
        let (was, is) = (self.former.task(origin), self.now.task(place));
        let mut found = Vec::new();
        let before: Vec<Gate> = self
            .former
            .before(origin)
            .map(|standing| standing.gate.clone())
            .collect();
        let changes = self.changes(was, is);
        if !before.is_empty() {
            if !changes.is_empty() {
                found.push(Weakening {
                    task: is.name.clone(),
                    kind: WeakeningKind::Command,
                    sentence: format!("{}: {} behind a gate", is.name, listed(&changes)),
                    gates: before.clone(),
                });
            }
            if is.when != was.when && (was.when.is_some() || self.only_awaited(origin)) {
                found.push(Weakening {
                    task: is.name.clone(),
                    kind: WeakeningKind::Condition,
                    sentence: format!(
                        "{}: it stands behind a gate and starts by another condition",
                        is.name
                    ),
                    gates: before.clone(),
                });
            }
        }
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

    /// Whether some task only waits for this gated one: then a condition that leaves the gated
    /// one out lets the other start without anybody's being asked.
    fn only_awaited(&self, gated: usize) -> bool {
        (0..self.former.plan.tasks.len()).any(|place| {
            self.former
                .standing(place, gated)
                .is_some_and(|standing| standing.strength == Strength::Awaited)
        })
    }

    /// What a step is made of that differs, in words.
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
        if changes.is_empty() && self.filled_otherwise(is) {
            changes.push("a command filled from other values");
        }
        changes
    }

    /// Whether the plan's own values, from which a step's templates are filled, differ.
    fn filled_otherwise(&self, task: &PlanTask) -> bool {
        let (was, is) = (self.former.plan, self.now.plan);
        let texts = templates(task);
        let mention = |word: &str| texts.iter().any(|text| text.contains(word));
        let run = was.run_id != is.run_id || was.timezone != is.timezone;
        (run && mention("run"))
            || was.inputs.iter().chain(&is.inputs).any(|input| {
                mention(&input.name) && meaning(was, &input.name) != meaning(is, &input.name)
            })
    }
}

/// Every former gate's kind of loss, where the standing is weaker; `None` where it is not.
fn judge(former: &Standing<'_>, now: &Standing<'_>) -> Option<(WeakeningKind, String)> {
    if now.strength < former.strength {
        let what = format!(
            "it starts whatever is decided about {}, and needed its approval",
            now.gated.name
        );
        return Some((WeakeningKind::Join, what));
    }
    let looser = looser(former.gate, now.gate);
    (!looser.is_empty()).then(|| {
        let what = format!("the approval of {}: {}", now.gated.name, looser.join("; "));
        (WeakeningKind::Policy, what)
    })
}

/// Secrets that a task names and did not name before, by its name or by what it does.
fn new_secrets(
    former: Option<&Graph<'_>>,
    now: &Graph<'_>,
    place: usize,
    may_name_secret: &dyn Fn(&str) -> bool,
    found: &mut Vec<Weakening>,
) {
    let task = now.task(place);
    let origins: Vec<&PlanTask> = former.map_or_else(Vec::new, |former| {
        let same = former.doing(&task.work).iter().copied();
        former
            .named(&task.name)
            .into_iter()
            .chain(same.filter(|at| former.task(*at).working_directory == task.working_directory))
            .map(|at| former.task(at))
            .collect()
    });
    let unknown: BTreeSet<&str> = secrets(task)
        .filter(|secret| !may_name_secret(secret))
        .filter(|secret| {
            !origins
                .iter()
                .any(|origin| secrets(origin).any(|known| known == *secret))
        })
        .collect();
    found.extend(unknown.into_iter().map(|secret| Weakening {
        task: task.name.clone(),
        kind: WeakeningKind::Secret,
        sentence: format!("{}: it is given the secret {secret}", task.name),
        gates: former.map_or_else(Vec::new, |former| nearest(former, now, place)),
    }));
}

/// The former gates before or behind a task, by its name, else by the gates that it has now.
fn nearest(former: &Graph<'_>, now: &Graph<'_>, place: usize) -> Vec<Gate> {
    let task = now.task(place);
    if let Some(origin) = former.named(&task.name) {
        let before: Vec<Gate> = former.before(origin).map(|s| s.gate.clone()).collect();
        if !before.is_empty() {
            return before;
        }
        let behind: Vec<Gate> = former.behind(origin).into_iter().cloned().collect();
        if !behind.is_empty() {
            return behind;
        }
    }
    let around: Vec<Gate> = now
        .around(place)
        .filter_map(|standing| former.plan.task(&standing.gated.name)?.approval.clone())
        .collect();
    if around.is_empty() {
        let all = former.plan.tasks.iter();
        return all.filter_map(|task| task.approval.clone()).collect();
    }
    around
}

/// The texts of a step that are filled before it starts.
fn templates(task: &PlanTask) -> Vec<&str> {
    let mut texts: Vec<&str> = match &task.work {
        Work::Run(argv) => argv.iter().map(String::as_str).collect(),
        Work::Shell { .. } => Vec::new(),
    };
    texts.extend(
        task.environment
            .iter()
            .filter_map(|variable| match &variable.value {
                super::super::EnvironmentValue::Text(text) => Some(text.as_str()),
                super::super::EnvironmentValue::Secret(_) => None,
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

/// Tells from where something came.
fn moved(thing: Thing<'_>, former: &Graph<'_>, holders: &[usize]) -> String {
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

fn listed(changes: &[&str]) -> String {
    match changes {
        [] => String::new(),
        [one] => format!("{one} runs"),
        many => format!("{} run", many.join(" and ")),
    }
}

const fn words(gate: &Gate) -> &'static str {
    match gate.phase {
        GatePhase::BeforeStart => "before it starts",
        GatePhase::AfterResult => "about its result",
    }
}
