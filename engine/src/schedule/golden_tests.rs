//! Known answers around clock changes, worked out by hand from the zones' rules.

use chrono::{DateTime, Utc};
use model::plan::{Schedule, Window};

use super::Timetable;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("the test's own time")
}

fn cron(expression: &str) -> Schedule {
    Schedule::Cron {
        expression: expression.to_owned(),
    }
}

/// Checks the moments after `from`, written without seconds and in UTC.
#[track_caller]
fn due(zone: &str, schedule: &Schedule, from: &str, expected: &[&str]) {
    let timetable = Timetable::new(schedule, zone).expect("the test's own schedule");
    let found: Vec<String> = timetable
        .after(at(from))
        .take(expected.len())
        .map(|due| due.format("%Y-%m-%dT%H:%M").to_string())
        .collect();
    assert_eq!(found, expected, "{schedule:?} in {zone} after {from}");
}

#[test]
fn paris() {
    let zone = "Europe/Paris";
    due(
        zone,
        &cron("30 2 * * *"),
        "2025-03-28T12:00:00Z",
        &["2025-03-29T01:30", "2025-03-30T01:00", "2025-03-31T00:30"],
    );
    due(
        zone,
        &cron("30 2 * * *"),
        "2025-10-25T12:00:00Z",
        &["2025-10-26T00:30", "2025-10-27T01:30"],
    );
    due(
        zone,
        &cron("*/30 * * * *"),
        "2025-10-26T00:00:00Z",
        &[
            "2025-10-26T00:30",
            "2025-10-26T01:00",
            "2025-10-26T01:30",
            "2025-10-26T02:00",
        ],
    );
    due(
        zone,
        &cron("*/30 * * * *"),
        "2025-03-30T00:00:00Z",
        &["2025-03-30T00:30", "2025-03-30T01:00", "2025-03-30T01:30"],
    );
    // The hours are named and skipped: once, right after the gap.
    due(
        zone,
        &cron("*/30 2 * * *"),
        "2025-03-29T12:00:00Z",
        &["2025-03-30T01:00", "2025-03-31T00:00", "2025-03-31T00:30"],
    );
    // Two skipped and one regular time meet in one instant: it is due once.
    due(
        zone,
        &cron("0 2,3 * * *"),
        "2025-03-29T12:00:00Z",
        &["2025-03-30T01:00", "2025-03-31T00:00", "2025-03-31T01:00"],
    );
}

#[test]
fn new_york() {
    let zone = "America/New_York";
    due(
        zone,
        &cron("30 2 * * *"),
        "2025-03-08T00:00:00Z",
        &["2025-03-08T07:30", "2025-03-09T07:00", "2025-03-10T06:30"],
    );
    due(
        zone,
        &cron("30 1 * * *"),
        "2025-11-01T00:00:00Z",
        &["2025-11-01T05:30", "2025-11-02T05:30", "2025-11-03T06:30"],
    );
    due(
        zone,
        &cron("0 * * * *"),
        "2025-11-02T04:30:00Z",
        &["2025-11-02T05:00", "2025-11-02T06:00", "2025-11-02T07:00"],
    );
}

#[test]
fn lord_howe_changes_by_half_an_hour() {
    let zone = "Australia/Lord_Howe";
    due(
        zone,
        &cron("15 2 * * *"),
        "2025-10-03T12:00:00Z",
        &["2025-10-03T15:45", "2025-10-04T15:30", "2025-10-05T15:15"],
    );
    due(
        zone,
        &cron("45 1 * * *"),
        "2025-04-04T12:00:00Z",
        &["2025-04-04T14:45", "2025-04-05T14:45", "2025-04-06T15:15"],
    );
    due(
        zone,
        &cron("*/30 * * * *"),
        "2025-04-05T14:00:00Z",
        &["2025-04-05T14:30", "2025-04-05T15:00", "2025-04-05T15:30"],
    );
}

#[test]
fn chatham_is_off_by_three_quarters() {
    let zone = "Pacific/Chatham";
    due(
        zone,
        &cron("0 3 * * *"),
        "2025-09-26T12:00:00Z",
        &["2025-09-26T14:15", "2025-09-27T14:00", "2025-09-28T13:15"],
    );
    due(
        zone,
        &cron("0 3 * * *"),
        "2025-04-05T12:00:00Z",
        &["2025-04-05T13:15", "2025-04-06T14:15"],
    );
}

#[test]
fn cairo_skips_and_repeats_midnight() {
    let zone = "Africa/Cairo";
    due(
        zone,
        &cron("0 0 * * *"),
        "2025-04-23T12:00:00Z",
        &["2025-04-23T22:00", "2025-04-24T22:00", "2025-04-25T21:00"],
    );
    due(
        zone,
        &cron("30 23 * * *"),
        "2025-10-29T12:00:00Z",
        &["2025-10-29T20:30", "2025-10-30T20:30", "2025-10-31T21:30"],
    );
    due(
        zone,
        &cron("0 0 * * *"),
        "2025-10-29T12:00:00Z",
        &["2025-10-29T21:00", "2025-10-30T22:00", "2025-10-31T22:00"],
    );
}

#[test]
fn sao_paulo_before_2019() {
    let zone = "America/Sao_Paulo";
    due(
        zone,
        &cron("0 0 * * *"),
        "2018-11-02T12:00:00Z",
        &["2018-11-03T03:00", "2018-11-04T03:00", "2018-11-05T02:00"],
    );
    due(
        zone,
        &cron("30 23 * * *"),
        "2018-02-16T12:00:00Z",
        &["2018-02-17T01:30", "2018-02-18T01:30", "2018-02-19T02:30"],
    );
}

#[test]
fn apia_had_no_30_december_2011() {
    let zone = "Pacific/Apia";
    due(
        zone,
        &cron("0 12 * * *"),
        "2011-12-29T00:00:00Z",
        &["2011-12-29T22:00", "2011-12-30T10:00", "2011-12-30T22:00"],
    );
    due(
        zone,
        &cron("0 0 30 12 *"),
        "2011-12-01T00:00:00Z",
        &["2011-12-30T10:00", "2012-12-29T10:00"],
    );
    due(
        zone,
        &every("6h", Some((8, 20))),
        "2011-12-29T18:00:00Z",
        &["2011-12-30T00:00", "2011-12-30T18:00", "2011-12-31T00:00"],
    );
}

#[test]
fn casablanca_goes_back_for_ramadan() {
    let zone = "Africa/Casablanca";
    due(
        zone,
        &cron("30 2 * * *"),
        "2025-02-22T00:00:00Z",
        &["2025-02-22T01:30", "2025-02-23T01:30", "2025-02-24T02:30"],
    );
    due(
        zone,
        &cron("30 2 * * *"),
        "2025-04-05T00:00:00Z",
        &["2025-04-05T02:30", "2025-04-06T02:00", "2025-04-07T01:30"],
    );
}

#[test]
fn an_interval_starts_at_the_opening_and_stops_before_the_end() {
    let zone = "Europe/Paris";
    let schedule = every("7m", Some((6, 23)));
    due(
        zone,
        &schedule,
        "2025-01-15T21:45:00Z",
        &[
            "2025-01-15T21:48",
            "2025-01-15T21:55",
            "2025-01-16T05:00",
            "2025-01-16T05:07",
        ],
    );
    // The end is exclusive.
    due(
        zone,
        &every("60m", Some((6, 8))),
        "2025-01-15T04:00:00Z",
        &["2025-01-15T05:00", "2025-01-15T06:00", "2025-01-16T05:00"],
    );
}

#[test]
fn an_interval_keeps_its_real_spacing_through_changes() {
    let zone = "Europe/Paris";
    let schedule = every("60m", Some((0, 6)));
    let timetable = Timetable::new(&schedule, zone).expect("a schedule");
    let count = |from: &str, to: &str| {
        timetable
            .after(at(from))
            .take_while(|due| *due < at(to))
            .count()
    };
    assert_eq!(count("2025-03-29T22:59:59Z", "2025-03-30T12:00:00Z"), 5);
    assert_eq!(count("2025-10-25T21:59:59Z", "2025-10-26T12:00:00Z"), 7);
    assert_eq!(count("2025-10-26T22:59:59Z", "2025-10-27T12:00:00Z"), 6);
}

#[test]
fn active_hours_may_reach_over_midnight() {
    due(
        "Europe/Paris",
        &every("3h", Some((22, 6))),
        "2025-01-15T12:00:00Z",
        &[
            "2025-01-15T21:00",
            "2025-01-16T00:00",
            "2025-01-16T03:00",
            "2025-01-16T21:00",
        ],
    );
}

#[test]
fn an_interval_without_active_hours_counts_from_a_midnight() {
    due(
        "Europe/Paris",
        &every("12h", None),
        "2025-01-15T12:00:00Z",
        &["2025-01-15T23:00", "2025-01-16T11:00", "2025-01-16T23:00"],
    );
    due(
        "UTC",
        &every("7m", None),
        "1970-01-01T00:00:00Z",
        &["1970-01-01T00:07"],
    );
}

#[test]
fn newest_looks_back() {
    let timetable = Timetable::new(&cron("* * * * *"), "UTC").expect("a schedule");
    let newest = timetable.newest(at("2024-01-01T00:00:00Z"), at("2025-01-01T00:00:30Z"), 2);
    assert_eq!(
        newest,
        [at("2024-12-31T23:59:00Z"), at("2025-01-01T00:00:00Z")]
    );
    let none = timetable.newest(at("2025-01-01T00:00:00Z"), at("2025-01-01T00:00:30Z"), 2);
    assert!(none.is_empty());
}

fn every(text: &str, hours: Option<(u16, u16)>) -> Schedule {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: u64 = number.parse().expect("the test's own number");
    Schedule::Every {
        every_seconds: number * if unit == "h" { 3600 } else { 60 },
        window: hours.map(|(opens, closes)| Window {
            opens_minute: opens * 60,
            closes_minute: closes * 60,
        }),
    }
}
