//! A schedule in a zone, ready to be asked.

use chrono::{DateTime, TimeDelta, Utc};
use jiff::civil::DateTime as LocalTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::plan::{Schedule, Window};

use super::cron::Pattern;
use super::timeline::Stretch;
use super::{interval, zone};

/// A schedule whose text and zone were understood.
pub struct Timetable {
    zone: TimeZone,
    rule: Rule,
}

/// Why a schedule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    Zone(String),
    Schedule(String),
}

impl Problem {
    /// What is wrong, for a person.
    #[must_use]
    pub fn sentence(&self) -> &str {
        match self {
            Self::Zone(sentence) | Self::Schedule(sentence) => sentence,
        }
    }
}

enum Rule {
    Cron(Box<Pattern>),
    Every {
        seconds: i64,
        window: Option<Window>,
    },
}

impl Timetable {
    /// Reads the schedule and finds the zone.
    ///
    /// # Errors
    /// A [`Problem`] with a sentence.
    pub fn new(schedule: &Schedule, zone: &str) -> Result<Self, Problem> {
        let zone = zone::find(zone).map_err(Problem::Zone)?;
        let rule = match schedule {
            Schedule::Cron { expression } => Rule::Cron(Box::new(
                Pattern::parse(expression).map_err(Problem::Schedule)?,
            )),
            Schedule::Every {
                every_seconds,
                window,
            } => Rule::Every {
                seconds: i64::try_from(*every_seconds)
                    .ok()
                    .filter(|seconds| (1..=MAX_EVERY_SECONDS).contains(seconds))
                    .ok_or_else(|| Problem::Schedule("the interval is out of range".to_owned()))?,
                window: *window,
            },
        };
        Ok(Self { zone, rule })
    }

    /// The first moment after `after`, or none where nothing is due any more.
    #[must_use]
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let from = zone::to_timestamp(after)
            .checked_add(SignedDuration::from_secs(1))
            .ok()?;
        zone::to_utc(self.next_from(from)?)
    }

    /// All moments after `after`, in order, without end.
    pub fn after(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        std::iter::successors(self.next_after(after), |due| self.next_after(*due))
    }

    /// The newest moments after `from` up to and including `to`, in order, at most `cap`.
    ///
    /// Looks back from `to` in growing steps, so that a long outage costs no more than a short one.
    #[must_use]
    pub fn newest(&self, from: DateTime<Utc>, to: DateTime<Utc>, cap: usize) -> Vec<DateTime<Utc>> {
        let mut reach = TimeDelta::hours(1);
        loop {
            let start = to
                .checked_sub_signed(reach)
                .map_or(from, |start| start.max(from));
            let mut found: Vec<_> = self.after(start).take_while(|due| *due <= to).collect();
            if found.len() >= cap || start == from {
                found.drain(..found.len().saturating_sub(cap));
                return found;
            }
            reach = reach * 4;
        }
    }

    fn next_from(&self, from: Timestamp) -> Option<Timestamp> {
        match &self.rule {
            Rule::Cron(pattern) => next_of_pattern(&self.zone, pattern, from),
            Rule::Every {
                seconds,
                window: None,
            } => interval::next_unbounded(&self.zone, *seconds, from),
            Rule::Every {
                seconds,
                window: Some(window),
            } => interval::next_in_window(&self.zone, *seconds, *window, from),
        }
    }
}

/// No interval is longer than a leap year.
pub(crate) const MAX_EVERY_SECONDS: i64 = 366 * 24 * 60 * 60;

/// Walks the zone's stretches; within one, local times and instants run in step.
fn next_of_pattern(zone: &TimeZone, pattern: &Pattern, from: Timestamp) -> Option<Timestamp> {
    // Two changes a year over more than a lifetime.
    const STRETCHES: usize = 256;
    let mut from = from;
    for _ in 0..STRETCHES {
        let stretch = Stretch::at(zone, from);
        let mut local = stretch.offset.to_datetime(from);
        if let Some(start) = stretch.start {
            let local_start = stretch.offset.to_datetime(start);
            let local_end_before = stretch.offset_before.to_datetime(start);
            let skipped = local_end_before < local_start;
            if from == start
                && skipped
                && pattern.makes_up_for_skipped_times()
                && in_range(pattern, local_end_before, local_start)
            {
                return Some(start);
            }
            if !pattern.recurs_through_changes() && local < local_end_before {
                // These local times were all met before the clock went back.
                local = local_end_before;
            }
        }
        let due = stretch
            .offset
            .to_timestamp(pattern.next_local(local)?)
            .ok()?;
        match stretch.end {
            Some(end) if due >= end => from = end,
            Some(_) | None => return Some(due),
        }
    }
    None
}

fn in_range(pattern: &Pattern, from: LocalTime, before: LocalTime) -> bool {
    pattern.next_local(from).is_some_and(|local| local < before)
}
