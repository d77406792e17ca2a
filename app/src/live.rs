//! Pages that stay true while they are looked at: they ask again every few seconds.

use std::future::Future;

use leptos::prelude::*;

use crate::error::PageError;

/// Whether the server answered the last question; the frame says so when it did not.
#[derive(Clone, Copy)]
pub struct Connection(pub RwSignal<bool>);

/// A value that is asked for again while the page is visible and `wanted` says so.
///
/// Nothing is asked while the page is hidden, or while an answer is under way. A value that
/// equals the former one changes nothing on the page.
pub fn use_live<T, Asked>(
    initial: T,
    every_seconds: u32,
    wanted: fn(&T) -> bool,
    ask: impl Fn(&T) -> Asked + Clone + 'static,
) -> RwSignal<T>
where
    T: Clone + PartialEq + Send + Sync + 'static,
    Asked: Future<Output = Result<T, PageError>> + 'static,
{
    let value = RwSignal::new(initial);
    #[cfg(feature = "hydrate")]
    browser::poll(value, every_seconds, wanted, ask);
    #[cfg(not(feature = "hydrate"))]
    let _ = (every_seconds, wanted, ask);
    value
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use leptos::task::spawn_local;

    #[expect(
        clippy::wildcard_imports,
        reason = "this is the same module, as the browser has it"
    )]
    use super::*;

    pub fn poll<T, Asked>(
        value: RwSignal<T>,
        every_seconds: u32,
        wanted: fn(&T) -> bool,
        ask: impl Fn(&T) -> Asked + Clone + 'static,
    ) where
        T: Clone + PartialEq + Send + Sync + 'static,
        Asked: Future<Output = Result<T, PageError>> + 'static,
    {
        let connection = use_context::<Connection>();
        let under_way = Rc::new(Cell::new(false));
        let tick = move || {
            let visible = !document().hidden();
            let wants = value.try_with_untracked(wanted).unwrap_or(false);
            if !visible || !wants || under_way.replace(true) {
                return;
            }
            let Some(answer) = value.try_with_untracked(|present| ask(present)) else {
                return;
            };
            let under_way = Rc::clone(&under_way);
            spawn_local(async move {
                let answer = answer.await;
                under_way.set(false);
                receive(value, connection, answer);
            });
        };
        Effect::new(move |_| {
            let again = tick.clone();
            let every = Duration::from_secs(every_seconds.into());
            let timer = set_interval_with_handle(tick.clone(), every).ok();
            // Who comes back to a page wants it true at once.
            let shown = window_event_listener_untyped("visibilitychange", move |_| again());
            on_cleanup(move || {
                if let Some(timer) = timer {
                    timer.clear();
                }
                shown.remove();
            });
        });
    }

    fn receive<T>(value: RwSignal<T>, connection: Option<Connection>, answer: Result<T, PageError>)
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let answered = !matches!(answer, Err(PageError::Unavailable));
        if let Some(Connection(signal)) = connection
            && signal.try_get_untracked() != Some(answered)
        {
            signal.try_set(answered);
        }
        match answer {
            Ok(new) => {
                if value.try_with_untracked(|old| *old != new) == Some(true) {
                    value.try_set(new);
                }
            }
            Err(PageError::SignedOut) => {
                // The page's own address leads to the login and back.
                let _ = window().location().reload();
            }
            // What is on the page stays; the frame says that it may be old.
            Err(
                PageError::NotFound(_)
                | PageError::Forbidden(_)
                | PageError::Conflict(_)
                | PageError::Invalid(_)
                | PageError::TooMany(_)
                | PageError::Unavailable
                | PageError::Internal,
            ) => {}
        }
    }
}
