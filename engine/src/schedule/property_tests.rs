//! What holds for every schedule in every zone.

use chrono::{DateTime, TimeDelta, Utc};
use model::plan::{Schedule, Window};
use proptest::prelude::*;

use super::{Timetable, between, next_after};

const ZONES: [&str; 16] = [
    "UTC",
    "Europe/Paris",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Santiago",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Tehran",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Antarctica/Troll",
    "Europe/Dublin",
];

const PATTERNS: [&str; 20] = [
    "* * * * *",
    "*/30 * * * *",
    "0 * * * *",
    "15,45 * * * *",
    "30 2 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "30 1 * * *",
    "0 2,3 * * *",
    "*/20 1-3 * * *",
    "0 */2 * * *",
    "5 4 * * 0",
    "0 0 1 * *",
    "30 2 29 2 *",
    "0 12 30 12 *",
    "45 1 * 3,10,11 *",
    "0 3 * * 1-5",
    "10 0 * * 6",
    "0 0 13 * 5",
    "*/7 0-23 * * *",
];

fn schedules() -> impl Strategy<Value = Schedule> {
    prop_oneof![
        3 => prop::sample::select(&PATTERNS[..]).prop_map(|expression| Schedule::Cron {
            expression: expression.to_owned()
        }),
        1 => (60_u64..200_000).prop_map(|every_seconds| Schedule::Every {
            every_seconds,
            window: None
        }),
        1 => (60_u64..86_400, 0_u16..1440, 1_u16..=1440)
            .prop_filter("a window is not empty", |(_, opens, closes)| opens != closes)
            .prop_map(|(every_seconds, opens_minute, closes_minute)| Schedule::Every {
                every_seconds,
                window: Some(Window { opens_minute, closes_minute })
            }),
    ]
}

/// Any second of 2000 to 2037, more often near a change of clocks in spring or autumn.
fn moments() -> impl Strategy<Value = DateTime<Utc>> {
    (946_684_800_i64..2_145_916_800)
        .prop_map(|second| DateTime::from_timestamp(second, 0).expect("a time in range"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn moments_increase_and_do_not_depend_on_where_one_asks(
        schedule in schedules(),
        zone in prop::sample::select(&ZONES[..]),
        start in moments(),
        asked in 0.0_f64..1.0,
    ) {
        let timetable = Timetable::new(&schedule, zone).expect("the test's own schedule");
        let dues: Vec<_> = timetable.after(start).take(40).collect();
        prop_assert_eq!(dues.len(), 40);
        prop_assert!(dues[0] > start);
        for pair in dues.windows(2) {
            prop_assert!(pair[0] < pair[1], "{} then {}", pair[0], pair[1]);
            // Asked from anywhere in between, the answer is the same.
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any point between the two will do")]
            let inside = ((pair[1] - pair[0]).num_seconds() as f64 * asked) as i64;
            prop_assert_eq!(timetable.next_after(pair[0] + TimeDelta::seconds(inside)), Some(pair[1]));
        }
        let last = dues[39];
        prop_assert_eq!(between(&schedule, zone, start, last, 1000).expect("a schedule"), dues.clone());
        prop_assert_eq!(next_after(&schedule, zone, start).expect("a schedule"), Some(dues[0]));
        let newest = timetable.newest(start, last, 5);
        prop_assert_eq!(&newest[..], &dues[35..]);
    }

    #[test]
    fn a_daily_time_is_due_once_a_day(zone in prop::sample::select(&ZONES[..]), start in moments(), minute in 0_u32..1440) {
        let schedule = Schedule::Cron { expression: format!("{} {} * * *", minute % 60, minute / 60) };
        let timetable = Timetable::new(&schedule, zone).expect("the test's own schedule");
        let dues: Vec<_> = timetable.after(start).take(400).collect();
        for pair in dues.windows(2) {
            let spacing = pair[1] - pair[0];
            // Apia lost a whole day: the moment it skipped comes at the day's first instant.
            let bounds = if zone == "Pacific/Apia" { (0, 26 * 3600) } else { (22 * 3600, 26 * 3600) };
            prop_assert!((bounds.0..=bounds.1).contains(&spacing.num_seconds()), "{} then {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn a_wildcard_keeps_real_half_hours(zone in prop::sample::select(&ZONES[..]), start in moments()) {
        let schedule = Schedule::Cron { expression: "*/30 * * * *".to_owned() };
        let timetable = Timetable::new(&schedule, zone).expect("the test's own schedule");
        let dues: Vec<_> = timetable.after(start).take(500).collect();
        for pair in dues.windows(2) {
            prop_assert_eq!((pair[1] - pair[0]).num_minutes(), 30);
        }
    }
}
