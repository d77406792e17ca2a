//! The two presses of a key that sign: the first arms an answer, the second gives it.
//!
//! It knows no page and no clock. Whoever uses it says what was pressed and when.

use std::time::Duration;

use model::approval::Verdict;

/// From the release of the last press to the one that signs: less is a bounce, or a key that
/// is held on a machine that tells no repeats.
pub const PAUSE: Duration = Duration::from_millis(300);
/// From the press that arms to the one that signs.
pub const LASTS: Duration = Duration::from_secs(10);

/// Which answer is armed, if any.
#[derive(Clone, Debug, Default)]
pub struct Arming(Option<Armed>);

#[derive(Clone, Debug)]
struct Armed {
    verdict: Verdict,
    since: Duration,
    /// The last release.
    quiet: Duration,
    /// Which of the two keys that could sign are down.
    own: bool,
    enter: bool,
}

/// A key that goes down.
#[derive(Clone, Copy, Debug)]
pub struct Press<'a> {
    /// As the browser names it: `a`, `Enter`.
    pub key: &'a str,
    /// It is down already.
    pub repeat: bool,
    /// Control, Alt or Meta are held.
    pub modified: bool,
}

/// What follows from a press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is the browser's.
    Passed,
    /// It is ours, and signs nothing.
    Taken,
    Sign(Verdict),
}

/// How far an armed answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Armed,
    /// The next press signs.
    Ready,
}

impl Stage {
    /// Returns the word that marks the button.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Ready => "ready",
        }
    }
}

/// Returns the answer that a key stands for.
#[must_use]
pub fn verdict_of(key: &str) -> Option<Verdict> {
    Verdict::ALL
        .into_iter()
        .find(|verdict| key.eq_ignore_ascii_case(key_of(*verdict)))
}

/// Returns the key that stands for an answer.
#[must_use]
pub const fn key_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "a",
        Verdict::Reject => "r",
        Verdict::RequestChanges => "c",
    }
}

impl Arming {
    /// Takes a press. All that is neither of the keys that sign nor scrolls disarms.
    pub fn press(&mut self, press: Press<'_>, now: Duration) -> Answer {
        self.expire(now);
        let enter = press.key == "Enter";
        let Some(armed) = &mut self.0 else {
            return match verdict_of(press.key) {
                Some(verdict) if !press.modified => self.arm(verdict, press.repeat, now),
                Some(_) | None => Answer::Passed,
            };
        };
        if press.modified || press.key == "Escape" {
            self.0 = None;
            // A button that has the focus is not to answer in the place of the armed one.
            return if enter || !press.modified {
                Answer::Taken
            } else {
                Answer::Passed
            };
        }
        let verdict = armed.verdict;
        match verdict_of(press.key) {
            None if enter => {}
            Some(pressed) if pressed == verdict => {}
            Some(other) => return self.arm(other, press.repeat, now),
            None => {
                if writes(press.key) {
                    self.0 = None;
                }
                return Answer::Passed;
            }
        }
        if !press.repeat && armed.is_ready(now) {
            self.0 = None;
            return Answer::Sign(verdict);
        }
        if enter {
            armed.enter = true;
        } else {
            armed.own = true;
        }
        Answer::Taken
    }

    /// Takes the release of a key.
    pub fn release(&mut self, key: &str, now: Duration) {
        let Some(armed) = &mut self.0 else {
            return;
        };
        let down = match verdict_of(key) {
            Some(verdict) if verdict == armed.verdict => &mut armed.own,
            None if key == "Enter" => &mut armed.enter,
            Some(_) | None => return,
        };
        *down = false;
        armed.quiet = now;
    }

    /// Forgets what was armed: the reader turned elsewhere, or the request is another.
    pub fn disarm(&mut self) {
        self.0 = None;
    }

    /// Returns what is armed, and how far it is.
    pub fn stage(&mut self, now: Duration) -> Option<(Verdict, Stage)> {
        self.expire(now);
        self.0.as_ref().map(|armed| {
            let stage = if armed.is_ready(now) {
                Stage::Ready
            } else {
                Stage::Armed
            };
            (armed.verdict, stage)
        })
    }

    /// Returns how long it stays as it is when nothing is pressed. `None` if nothing is armed.
    #[must_use]
    pub fn stays(&self, now: Duration) -> Option<Duration> {
        let armed = self.0.as_ref()?;
        let until = if armed.is_held() || armed.is_ready(now) {
            armed.since + LASTS + Duration::from_millis(1)
        } else {
            armed.quiet + PAUSE
        };
        Some(until.saturating_sub(now))
    }

    fn arm(&mut self, verdict: Verdict, repeat: bool, now: Duration) -> Answer {
        if !repeat {
            self.0 = Some(Armed {
                verdict,
                since: now,
                quiet: now,
                own: true,
                enter: false,
            });
        }
        Answer::Taken
    }

    fn expire(&mut self, now: Duration) {
        self.0.take_if(|armed| now > armed.since + LASTS);
    }
}

impl Armed {
    const fn is_held(&self) -> bool {
        self.own || self.enter
    }

    fn is_ready(&self, now: Duration) -> bool {
        !self.is_held() && now >= self.quiet + PAUSE
    }
}

/// Whether a key means something else than to read on: arrows and the blank scroll.
fn writes(key: &str) -> bool {
    key == "Tab" || (key != " " && key.chars().count() == 1)
}

#[cfg(test)]
mod tests;
