use proptest::prelude::*;

use super::*;

const fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn press(arming: &mut Arming, key: &str, now: u64) -> Answer {
    let press = Press {
        key,
        repeat: false,
        modified: false,
    };
    arming.press(press, at(now))
}

fn hold(arming: &mut Arming, key: &str, now: u64) -> Answer {
    let press = Press {
        key,
        repeat: true,
        modified: false,
    };
    arming.press(press, at(now))
}

/// Approving, armed at 1 s, let go 100 ms later.
fn armed() -> Arming {
    let mut arming = Arming::default();
    assert_eq!(press(&mut arming, "a", 1_000), Answer::Taken);
    arming.release("a", at(1_100));
    arming
}

#[test]
fn the_first_press_arms_and_the_second_signs() {
    for key in ["a", "A", "Enter"] {
        let mut arming = armed();
        assert_eq!(
            arming.stage(at(1_399)),
            Some((Verdict::Approve, Stage::Armed))
        );
        assert_eq!(
            arming.stage(at(1_400)),
            Some((Verdict::Approve, Stage::Ready))
        );
        assert_eq!(
            press(&mut arming, key, 1_400),
            Answer::Sign(Verdict::Approve)
        );
        assert_eq!(arming.stage(at(1_400)), None, "one answer for two presses");
    }
}

#[test]
fn a_key_that_is_held_signs_nothing() {
    let mut arming = Arming::default();
    press(&mut arming, "a", 0);
    for now in (500..9_000).step_by(30) {
        assert_eq!(hold(&mut arming, "a", now), Answer::Taken);
    }
    assert_eq!(press(&mut arming, "Enter", 9_001), Answer::Taken);
    // Held since before: it arms nothing.
    let mut arming = Arming::default();
    assert_eq!(hold(&mut arming, "a", 0), Answer::Taken);
    assert_eq!(arming.stage(at(0)), None);
    // Nor does a held Enter.
    let mut arming = armed();
    assert_eq!(hold(&mut arming, "Enter", 2_000), Answer::Taken);
    assert_eq!(press(&mut arming, "a", 3_000), Answer::Taken);
}

#[test]
fn a_held_key_that_comes_as_many_presses_signs_nothing() {
    for key in ["a", "Enter"] {
        let mut arming = armed();
        for now in (1_150..10_000).step_by(30) {
            assert_eq!(press(&mut arming, key, now), Answer::Taken);
            arming.release(key, at(now + 29));
        }
    }
}

#[test]
fn it_lasts_ten_seconds() {
    let signs = |now| press(&mut armed(), "a", now);
    assert_eq!(signs(11_000), Answer::Sign(Verdict::Approve));
    // The late press is a first one.
    assert_eq!(signs(11_001), Answer::Taken);
    assert_eq!(press(&mut armed(), "Enter", 11_001), Answer::Passed);
    assert_eq!(armed().stage(at(11_001)), None);
}

#[test]
fn it_tells_when_to_look_again() {
    assert_eq!(Arming::default().stays(at(0)), None);
    let mut arming = Arming::default();
    press(&mut arming, "a", 1_000);
    assert_eq!(arming.stays(at(2_000)), Some(at(9_001)), "while it is held");
    arming.release("a", at(2_000));
    assert_eq!(arming.stays(at(2_100)), Some(at(200)));
    assert_eq!(arming.stays(at(2_300)), Some(at(8_701)));
    assert_eq!(arming.stage(at(2_300 + 8_701)), None);
}

#[test]
fn another_answer_is_armed_anew() {
    let mut arming = armed();
    assert_eq!(press(&mut arming, "r", 2_000), Answer::Taken);
    assert_eq!(
        arming.stage(at(2_000)),
        Some((Verdict::Reject, Stage::Armed))
    );
    // The release of the other key says nothing of this one.
    arming.release("a", at(2_010));
    assert_eq!(press(&mut arming, "Enter", 2_900), Answer::Taken);
    assert_eq!(press(&mut arming, "a", 3_000), Answer::Taken);
    assert_eq!(
        arming.stage(at(3_000)),
        Some((Verdict::Approve, Stage::Armed))
    );
}

#[test]
fn whatever_else_is_pressed_disarms_unless_it_scrolls() {
    for key in ["j", "x", "?", "Tab", "Escape"] {
        let mut arming = armed();
        press(&mut arming, key, 1_500);
        assert_eq!(press(&mut arming, "Enter", 2_000), Answer::Passed, "{key}");
    }
    for key in [" ", "ArrowDown", "PageUp", "End", "Shift"] {
        let mut arming = armed();
        assert_eq!(press(&mut arming, key, 1_500), Answer::Passed, "{key}");
        assert_eq!(
            press(&mut arming, "Enter", 2_000),
            Answer::Sign(Verdict::Approve),
            "{key}"
        );
    }
}

#[test]
fn with_another_key_held_it_neither_arms_nor_signs() {
    let with = |arming: &mut Arming, key| {
        let press = Press {
            key,
            repeat: false,
            modified: true,
        };
        arming.press(press, at(2_000))
    };
    assert_eq!(with(&mut Arming::default(), "a"), Answer::Passed);
    for (key, answer) in [("a", Answer::Passed), ("Enter", Answer::Taken)] {
        let mut arming = armed();
        assert_eq!(with(&mut arming, key), answer);
        assert_eq!(arming.stage(at(2_000)), None);
    }
}

#[test]
fn every_answer_has_its_own_key() {
    for verdict in Verdict::ALL {
        assert_eq!(verdict_of(key_of(verdict)), Some(verdict));
    }
    assert_eq!(verdict_of("Enter"), None);
}

#[derive(Clone, Debug)]
enum Event {
    Down {
        key: &'static str,
        repeat: bool,
        modified: bool,
    },
    Up(&'static str),
    Disarm,
}

impl Event {
    fn is_plain_press_of(&self, wanted: &str) -> bool {
        matches!(self, Self::Down { key, repeat: false, modified: false } if *key == wanted)
    }

    /// What ends the arming of an answer.
    fn disarms(&self, own: &str) -> bool {
        match self {
            Self::Up(_) => false,
            Self::Disarm | Self::Down { modified: true, .. } => true,
            Self::Down { key, repeat, .. } => match *key {
                "Enter" | "PageDown" => false,
                "a" | "r" | "c" => *key != own && !repeat,
                _ => true,
            },
        }
    }
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let key = || prop::sample::select(vec!["a", "a", "r", "c", "Enter", "Enter", "Escape", "j"]);
    let rare = || prop::sample::select(vec![false, false, false, false, true]);
    let event = prop_oneof![
        6 => (key(), rare(), rare()).prop_map(|(key, repeat, modified)| Event::Down { key, repeat, modified }),
        5 => key().prop_map(Event::Up),
        1 => Just(Event::Disarm),
        1 => Just(Event::Down { key: "PageDown", repeat: false, modified: false }),
    ];
    let gap = prop::sample::select(vec![1_u64, 40, 150, 299, 300, 301, 900, 4_000, 9_700]);
    prop::collection::vec((gap, event), 1..60)
}

proptest! {
    #[test]
    fn nothing_is_signed_but_by_two_presses_of_which_the_first_was_let_go(events in events()) {
        let mut arming = Arming::default();
        let mut now = 0;
        let mut past: Vec<(u64, Event)> = Vec::new();
        for (gap, event) in events {
            now += gap;
            let answer = match &event {
                Event::Down { key, repeat, modified } => {
                    arming.press(Press { key, repeat: *repeat, modified: *modified }, at(now))
                }
                Event::Up(key) => {
                    arming.release(key, at(now));
                    Answer::Passed
                }
                Event::Disarm => {
                    arming.disarm();
                    Answer::Passed
                }
            };
            if let Answer::Sign(verdict) = answer {
                let own = key_of(verdict);
                prop_assert!(event.is_plain_press_of(own) || event.is_plain_press_of("Enter"));
                // There is a press that armed it, since which all went as it must.
                let armed = (0..past.len()).any(|first| {
                    let since = &past[first..];
                    let quiet = since.iter().rev().take_while(|(when, _)| now - when < 300);
                    since[0].1.is_plain_press_of(own)
                        && now - since[0].0 <= 10_000
                        && !since.iter().any(|(_, event)| event.disarms(own))
                        && since.iter().any(|(when, event)| matches!(event, Event::Up(key) if *key == own) && now - when >= 300)
                        && !quiet.into_iter().any(|(_, event)| matches!(event, Event::Down { key, .. } if *key == own || *key == "Enter"))
                });
                prop_assert!(armed, "{verdict:?} at {now} after {past:?}");
                past.clear();
            } else {
                past.push((now, event));
            }
        }
    }

    #[test]
    fn one_press_signs_nothing_however_long_it_is_held(gaps in prop::collection::vec(1_u64..4_000, 0..40)) {
        let mut arming = Arming::default();
        let mut now = 0;
        press(&mut arming, "a", now);
        for gap in gaps {
            now += gap;
            prop_assert_eq!(hold(&mut arming, "a", now), Answer::Taken);
        }
        arming.release("a", at(now + 1));
        let left = arming.stage(at(now + 2));
        prop_assert!(left.is_none_or(|(_, stage)| stage == Stage::Armed));
    }
}
