//! Where the reader is logged in.

use leptos::prelude::*;

use crate::api::account::SessionRow;
use crate::components::{AnswerNotice, Moment};
use crate::text::use_words;
use crate::visit::use_answer;

/// The sessions, each with the button that ends it.
#[component]
pub fn Sessions(sessions: Vec<SessionRow>) -> impl IntoView {
    let words = &use_words().account;
    let rows = sessions
        .into_iter()
        .map(|row| view! { <SessionLine row /> })
        .collect_view();
    view! {
        <h2>{words.sessions}</h2>
        <AnswerNotice answer=use_answer("/account", "sessions") />
        <ul class="plain sheet">{rows}</ul>
        <form method="post" action="/account/logout-everywhere" class="sheet panel">
            <p>{words.sessions_hint}</p>
            <p>{words.tokens_stay}</p>
            <EndTokens />
            <button class="btn">{words.logout_everywhere}</button>
        </form>
    }
    .into_any()
}

/// The box that ends the tokens with the sessions.
#[component]
pub fn EndTokens() -> impl IntoView {
    let words = &use_words().account;
    view! {
        <label class="check">
            <input type="checkbox" name="end_tokens" value="true" />
            {words.end_tokens}
        </label>
    }
    .into_any()
}

#[component]
fn SessionLine(row: SessionRow) -> impl IntoView {
    let words = &use_words().account;
    let browser = match row.browser {
        Some(browser) => match browser.system {
            Some(system) => (words.browser_on)(&browser.name, &system),
            None => browser.name,
        },
        None => words.unknown_browser.to_owned(),
    };
    let place = row
        .address
        .unwrap_or_else(|| words.unknown_place.to_owned());
    let present = row
        .is_present
        .then(|| view! { " " <span class="chip">{words.present_session}</span> });
    // What the button ends is told to whoever only hears it.
    let label = format!("{}: {browser}, {place}", words.end_session);
    view! {
        <li class="row">
            <span></span>
            <div>
                {browser}
                {present}
                <small>
                    {place} " · " {words.last_used} " " <Moment at=row.last_seen_at /> " · "
                    {words.logged_in} " " <Moment at=row.created_at />
                </small>
            </div>
            <div class="when">
                <form method="post" action="/account/end-session">
                    <input type="hidden" name="session" value=row.id.to_string() />
                    <button class="plainbtn bad" aria-label=label>
                        {words.end_session}
                    </button>
                </form>
            </div>
        </li>
    }
    .into_any()
}
