//! What becomes of the moments that are due: which run, which are skipped and why.

use chrono::{DateTime, TimeDelta, Utc};
use model::plan::Misfire;

use crate::schedule::Timetable;

/// A moment that is acted on within this time was not missed.
const GRACE: TimeDelta = TimeDelta::seconds(60);

/// How many missed moments `misfire: all` makes up for.
pub(super) const CATCH_UP: usize = 100;

/// How many moments of one outage are recorded one by one; more are counted.
pub(super) const RECORDED: usize = 1_000;

/// How far the older ones are counted.
const COUNTED: usize = 10_000;

/// What becomes of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Run,
    Skip(Reason),
}

/// Why a moment passed without a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Paused,
    Overlap,
    Misfire,
    MisfireCap,
}

impl Reason {
    /// The text that the database stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Overlap => "overlap",
            Self::Misfire => "misfire",
            Self::MisfireCap => "misfire_cap",
        }
    }
}

/// All that was due, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub moments: Vec<(DateTime<Utc>, Verdict)>,
    /// How many still older ones there were, at most counted as [`COUNTED`].
    pub older: usize,
}

/// Judges every moment from `first`, which the trigger was armed for, up to `now`.
pub(super) fn judge(
    timetable: &Timetable,
    first: DateTime<Utc>,
    now: DateTime<Utc>,
    misfire: Misfire,
    paused: bool,
) -> Due {
    let just_before = first - TimeDelta::seconds(1);
    let mut newest = timetable.newest(just_before, now, RECORDED);
    if newest.len() < RECORDED && newest.first() != Some(&first) {
        // The zone's rules changed since it was armed; the moment still counts.
        newest.insert(0, first);
    }
    let older = match newest.first() {
        Some(oldest) if newest.len() == RECORDED => timetable
            .after(just_before)
            .take(COUNTED)
            .take_while(|due| due < oldest)
            .count(),
        Some(_) | None => 0,
    };
    let on_time = newest.iter().filter(|due| now - **due <= GRACE).count();
    let late = newest.len() - on_time;
    let verdict = |position: usize| {
        if paused {
            return Verdict::Skip(Reason::Paused);
        }
        let (runs, otherwise) = match misfire {
            Misfire::Skip => (false, Reason::Misfire),
            Misfire::Latest => (on_time == 0 && position + 1 == late, Reason::Misfire),
            Misfire::All => (position + CATCH_UP >= late, Reason::MisfireCap),
        };
        if runs || position >= late {
            Verdict::Run
        } else {
            Verdict::Skip(otherwise)
        }
    };
    Due {
        moments: newest
            .iter()
            .enumerate()
            .map(|(position, due)| (*due, verdict(position)))
            .collect(),
        older,
    }
}

#[cfg(test)]
mod tests {
    use model::plan::Schedule;
    use proptest::prelude::*;

    use super::*;

    fn hourly() -> Timetable {
        let schedule = Schedule::Cron {
            expression: "0 * * * *".to_owned(),
        };
        Timetable::new(&schedule, "UTC").expect("the test's own schedule")
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("the test's own time")
    }

    fn runs(due: &Due) -> Vec<String> {
        due.moments
            .iter()
            .filter(|(_, verdict)| *verdict == Verdict::Run)
            .map(|(moment, _)| moment.format("%dT%H").to_string())
            .collect()
    }

    #[test]
    fn on_time_runs_whatever_the_policy() {
        for misfire in [Misfire::Skip, Misfire::Latest, Misfire::All] {
            let due = judge(
                &hourly(),
                at("2025-01-01T03:00:00Z"),
                at("2025-01-01T03:00:20Z"),
                misfire,
                false,
            );
            assert_eq!(runs(&due), ["01T03"]);
        }
    }

    #[test]
    fn an_outage_of_five_hours() {
        let judged = |misfire| {
            judge(
                &hourly(),
                at("2025-01-01T03:00:00Z"),
                at("2025-01-01T07:30:00Z"),
                misfire,
                false,
            )
        };
        assert!(runs(&judged(Misfire::Skip)).is_empty());
        assert_eq!(runs(&judged(Misfire::Latest)), ["01T07"]);
        assert_eq!(
            runs(&judged(Misfire::All)),
            ["01T03", "01T04", "01T05", "01T06", "01T07"]
        );
    }

    #[test]
    fn latest_is_the_one_on_time_where_there_is_one() {
        let due = judge(
            &hourly(),
            at("2025-01-01T03:00:00Z"),
            at("2025-01-01T05:00:10Z"),
            Misfire::Latest,
            false,
        );
        assert_eq!(runs(&due), ["01T05"]);
    }

    #[test]
    fn a_year_is_capped_and_counted() {
        let due = judge(
            &hourly(),
            at("2025-01-01T00:00:00Z"),
            at("2025-12-31T23:30:00Z"),
            Misfire::All,
            false,
        );
        assert_eq!(due.moments.len() + due.older, 365 * 24);
        assert_eq!(due.moments.len(), RECORDED);
        assert_eq!(runs(&due).len(), CATCH_UP);
        assert!(
            due.moments[..RECORDED - CATCH_UP]
                .iter()
                .all(|(_, verdict)| *verdict == Verdict::Skip(Reason::MisfireCap))
        );
    }

    #[test]
    fn paused_runs_nothing() {
        let due = judge(
            &hourly(),
            at("2025-01-01T03:00:00Z"),
            at("2025-01-01T03:00:20Z"),
            Misfire::All,
            true,
        );
        assert_eq!(
            due.moments,
            [(at("2025-01-01T03:00:00Z"), Verdict::Skip(Reason::Paused))]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_moment_is_judged_once(
            start in 1_700_000_000_i64..1_760_000_000,
            outage in 0_i64..3_000_000,
            policy in prop::sample::select(&[Misfire::Skip, Misfire::Latest, Misfire::All][..]),
        ) {
            let timetable = hourly();
            let from = DateTime::from_timestamp(start, 0).expect("a time");
            let first = timetable.next_after(from).expect("a moment");
            let now = first + TimeDelta::seconds(outage);
            let due = judge(&timetable, first, now, policy, false);
            let all: Vec<_> = timetable.after(first - TimeDelta::seconds(1)).take_while(|due| *due <= now).collect();
            prop_assert_eq!(due.moments.len() + due.older, all.len());
            let moments: Vec<_> = due.moments.iter().map(|(moment, _)| *moment).collect();
            prop_assert_eq!(&moments[..], &all[due.older..]);
            let run = runs(&due).len();
            let on_time = all.iter().filter(|moment| now - **moment <= GRACE).count();
            prop_assert_eq!(run, match policy {
                Misfire::Skip => on_time,
                Misfire::Latest => on_time.max(1),
                Misfire::All => all.len().min(CATCH_UP + on_time),
            });
        }
    }
}
