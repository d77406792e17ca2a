//! Answers by keyboard: one press arms an answer, a second one gives it.

use std::time::Duration;

use leptos::html::Form;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys::{Element, HtmlElement, HtmlTextAreaElement, KeyboardEvent};
use model::approval::Verdict;
use model::plan::CommentRule;
use model::view::ApprovalStanding;

use super::arming::{Answer, Arming, Press, Stage, verdict_of};
use super::sign_bar::Armed;
use crate::pages::inbox_keys::is_typing;

/// By which a reader turns elsewhere, and what was armed is armed no more.
const AWAY: [&str; 6] = [
    "blur",
    "click",
    "focusin",
    "pagehide",
    "popstate",
    "visibilitychange",
];

/// Listens until the form goes.
pub fn listen(
    form: NodeRef<Form>,
    comment: CommentRule,
    standing: RwSignal<ApprovalStanding>,
    armed: RwSignal<Option<Armed>>,
) {
    let keys = Keys {
        form,
        comment,
        arming: StoredValue::new(Arming::default()),
        armed,
        timer: StoredValue::new(None),
    };
    let down = window_event_listener(leptos::ev::keydown, move |event| keys.down(&event));
    let up = window_event_listener(leptos::ev::keyup, move |event| {
        keys.with(|arming| arming.release(&event.key(), now()));
    });
    let away = AWAY.map(|name| window_event_listener_untyped(name, move |_| keys.disarm()));
    on_cleanup(move || {
        down.remove();
        up.remove();
        for handle in away {
            handle.remove();
        }
    });
    // Whatever changes of the request, it is not what the reader armed an answer to.
    Effect::new(move |before: Option<()>| {
        standing.track();
        if before.is_some() {
            keys.disarm();
        }
    });
}

#[derive(Clone, Copy)]
struct Keys {
    form: NodeRef<Form>,
    comment: CommentRule,
    arming: StoredValue<Arming>,
    /// What the page shows of it.
    armed: RwSignal<Option<Armed>>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

impl Keys {
    fn down(self, event: &KeyboardEvent) {
        let key = event.key();
        let press = Press {
            key: &key,
            repeat: event.repeat(),
            modified: event.ctrl_key() || event.meta_key() || event.alt_key(),
        };
        if is_typing() || !self.is_shown() {
            self.disarm();
            return;
        }
        if let Some(verdict) = verdict_of(&key).filter(|_| !press.modified) {
            // Changes cannot be asked for everywhere.
            if self.button(verdict).is_none() {
                self.disarm();
                return;
            }
            if let Some(note) = self.missing_note(verdict) {
                event.prevent_default();
                if !press.repeat {
                    let _ = note.focus();
                }
                return;
            }
        }
        let answer = self.with(|arming| arming.press(press, now()));
        match answer {
            Some(Answer::Passed) | None => {}
            Some(Answer::Taken) => event.prevent_default(),
            Some(Answer::Sign(verdict)) => {
                event.prevent_default();
                if let Some(button) = self.button(verdict) {
                    button.click();
                }
            }
        }
    }

    fn disarm(self) {
        self.with(Arming::disarm);
    }

    /// Does something to it, shows what became of it, and looks again when it changes by itself.
    fn with<T>(self, act: impl FnOnce(&mut Arming) -> T) -> Option<T> {
        let now = now();
        let (outcome, stage, stays) = self.arming.try_update_value(|arming| {
            let outcome = act(arming);
            (outcome, arming.stage(now), arming.stays(now))
        })?;
        self.show(stage, stays);
        Some(outcome)
    }

    fn show(self, stage: Option<(Verdict, Stage)>, stays: Option<Duration>) {
        let shown = stage.map(|(verdict, stage)| Armed {
            verdict,
            stage,
            also: self.find("input[name=also]:checked").is_some(),
        });
        if self.armed.try_get_untracked() != Some(shown) {
            self.armed.try_set(shown);
        }
        self.timer.try_update_value(|timer| {
            if let Some(timer) = timer.take() {
                timer.clear();
            }
            let look = move || {
                self.with(|_| ());
            };
            *timer = stays.and_then(|stays| set_timeout_with_handle(look, stays).ok());
        });
    }

    /// Beside a list that fills a narrow window, the sheet is on the page and not to be seen.
    fn is_shown(self) -> bool {
        self.form
            .get_untracked()
            .is_some_and(|form| form.offset_width() > 0)
    }

    /// An answer that lacks the note it needs is led to the note first.
    fn missing_note(self, verdict: Verdict) -> Option<HtmlTextAreaElement> {
        self.find("textarea")
            .and_then(|element| element.dyn_into::<HtmlTextAreaElement>().ok())
            .filter(|note| verdict.needs_comment(self.comment) && note.value().trim().is_empty())
    }

    fn button(self, verdict: Verdict) -> Option<HtmlElement> {
        self.find(&format!("button[value={}]", verdict.as_str()))?
            .dyn_into()
            .ok()
    }

    fn find(self, selector: &str) -> Option<Element> {
        let form = self.form.get_untracked()?;
        form.query_selector(selector).ok().flatten()
    }
}

/// The time since the page began: it only goes forward.
fn now() -> Duration {
    let milliseconds = window()
        .performance()
        .map_or(0.0, |performance| performance.now());
    Duration::try_from_secs_f64(milliseconds / 1_000.0).unwrap_or_default()
}
