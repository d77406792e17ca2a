use model::plan::{Misfire, Overlap, Schedule, Trigger, Window};

use super::super::duration;
use super::super::source::Step;
use super::super::types::{MisfireWord, OverlapWord, TriggerDocument};
use super::{Findings, at, key, nth};
use crate::schedule::{Problem, Timetable};

/// The shortest spacing; the scheduler looks once a second.
const MIN_EVERY_SECONDS: u64 = 10;
const MAX_TRIGGERS: usize = 32;

pub(super) fn check(
    findings: &mut Findings,
    documents: Vec<TriggerDocument>,
    zone: &str,
) -> Vec<Trigger> {
    let path = [key("triggers")];
    if documents.len() > MAX_TRIGGERS {
        findings.add(&path, format!("a plan has at most {MAX_TRIGGERS} triggers"));
        return Vec::new();
    }
    let mut triggers: Vec<Trigger> = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let path = nth(&path, index);
        let misfire = misfire(document.misfire);
        let overlap = overlap(document.overlap);
        let Some((key, schedule)) = schedule(findings, &path, document) else {
            continue;
        };
        if triggers.iter().any(|trigger| trigger.key == key) {
            findings.add(
                &path,
                format!("the plan has the trigger '{key}' already; remove one of them"),
            );
            continue;
        }
        if let Err(Problem::Schedule(message) | Problem::Zone(message)) =
            Timetable::new(&schedule, zone)
        {
            let part = if matches!(schedule, Schedule::Cron { .. }) {
                "cron"
            } else {
                "every"
            };
            findings.add(&at(&path, part), message);
            continue;
        }
        triggers.push(Trigger {
            key,
            schedule,
            misfire,
            overlap,
        });
    }
    triggers
}

fn schedule(
    findings: &mut Findings,
    path: &[Step],
    document: TriggerDocument,
) -> Option<(String, Schedule)> {
    match (document.cron, document.every) {
        (Some(cron), None) => {
            if document.between.is_some() {
                findings.add(
                    &at(path, "between"),
                    "'between' goes with 'every'; a cron expression names its hours itself, such as '*/30 6-22 * * *'",
                );
            }
            let expression = cron.split_whitespace().collect::<Vec<_>>().join(" ");
            Some((expression.clone(), Schedule::Cron { expression }))
        }
        (None, Some(every)) => {
            let every_path = at(path, "every");
            let seconds = findings.take(&every_path, duration::seconds(&every))?;
            if seconds < MIN_EVERY_SECONDS {
                findings.add(
                    &every_path,
                    format!("the shortest interval is {MIN_EVERY_SECONDS}s"),
                );
                return None;
            }
            let window = match document.between.as_deref() {
                Some(text) => Some(findings.take(&at(path, "between"), window(text))?),
                None => None,
            };
            if window.is_some() && seconds > 24 * 60 * 60 {
                findings.add(
                    &every_path,
                    "with 'between' an interval is at most 24h, since it starts anew each day",
                );
                return None;
            }
            let key = match window {
                Some(window) => format!("every {} between {}", every.trim(), written(window)),
                None => format!("every {}", every.trim()),
            };
            Some((
                key,
                Schedule::Every {
                    every_seconds: seconds,
                    window,
                },
            ))
        }
        (Some(_), Some(_)) => {
            findings.add(
                path,
                "a trigger has either 'cron' or 'every'; write two triggers",
            );
            None
        }
        (None, None) => {
            findings.add(
                path,
                "a trigger needs 'cron', such as \"30 2 * * *\", or 'every', such as 7m",
            );
            None
        }
    }
}

fn window(text: &str) -> Result<Window, String> {
    let wrong = || {
        "active hours are written as \"06:00-23:00\"; the end is exclusive, and 24:00 is the day's end".to_owned()
    };
    let (opens, closes) = text.trim().split_once('-').ok_or_else(wrong)?;
    let window = Window {
        opens_minute: minute(opens)
            .filter(|minute| *minute < 24 * 60)
            .ok_or_else(wrong)?,
        closes_minute: minute(closes).ok_or_else(wrong)?,
    };
    let length = (window.closes_minute + 24 * 60 - window.opens_minute) % (24 * 60);
    if length == 0 && (window.opens_minute, window.closes_minute) != (0, 24 * 60) {
        return Err("these active hours are empty; write \"00:00-24:00\" or leave 'between' out for the whole day".to_owned());
    }
    Ok(window)
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two_digits = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u16>().ok())
            .flatten()
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    (minute < 60 && (hour < 24 || (hour == 24 && minute == 0))).then_some(hour * 60 + minute)
}

fn written(window: Window) -> String {
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!(
        "{}-{}",
        time(window.opens_minute),
        time(window.closes_minute)
    )
}

fn misfire(word: Option<MisfireWord>) -> Misfire {
    word.map_or(Misfire::default(), |word| match word {
        MisfireWord::Skip => Misfire::Skip,
        MisfireWord::Latest => Misfire::Latest,
        MisfireWord::All => Misfire::All,
    })
}

fn overlap(word: Option<OverlapWord>) -> Overlap {
    word.map_or(Overlap::default(), |word| match word {
        OverlapWord::Skip => Overlap::Skip,
        OverlapWord::Queue => Overlap::Queue,
        OverlapWord::Allow => Overlap::Allow,
        OverlapWord::Cancel => Overlap::Cancel,
    })
}
