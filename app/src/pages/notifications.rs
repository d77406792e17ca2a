use chrono::{NaiveTime, Timelike as _};
use leptos::prelude::*;
use model::notify::{NotifyMode, Preferences};

use super::loaded;
use crate::api::account::load_preferences;
use crate::components::{AnswerNotice, Notice, Select, TextField};
use crate::text::{Language, own_name, use_words};
use crate::visit::use_answer;

/// The form by which people say where, when and in which language they are told.
#[component]
pub fn Notifications() -> impl IntoView {
    let words = &use_words().mail;
    view! {
        <h2>{words.notifications}</h2>
        <AnswerNotice answer=use_answer("/account", "notifications") />
        {loaded(|| (), |()| load_preferences(), |chosen: Option<Preferences>| match chosen {
            Some(chosen) => form(chosen),
            None => ().into_any(),
        })}
    }
    .into_any()
}

fn form(chosen: Preferences) -> AnyView {
    let words = &use_words().mail;
    let answer = use_answer("/account", "notifications");
    let refused = chosen
        .email_disabled_reason
        .as_deref()
        .map(words.refused)
        .zip(chosen.email.clone())
        .map(|(text, email)| {
            view! {
                <Notice class="notice bad">{text}</Notice>
                <form method="post" action="/account/notifications">
                    <input type="hidden" name="email" value=email />
                    <button class="btn" name="again" value="email">{words.email_again}</button>
                </form>
            }
        });
    let languages = Language::ALL.map(|language| (language.as_str(), own_name(language)));
    let modes = [
        (NotifyMode::AtOnce.as_str(), words.at_once),
        (NotifyMode::Digest.as_str(), words.digest),
        (NotifyMode::None.as_str(), words.none),
    ];
    let checked = if answer.typed.is_empty() {
        chosen.failures
    } else {
        answer.typed("failures").is_some()
    };
    let time = |time: NaiveTime| format!("{:02}:{:02}", time.hour(), time.minute());
    let quiet_from = chosen
        .quiet
        .map(|quiet| time(quiet.from))
        .unwrap_or_default();
    let quiet_until = chosen
        .quiet
        .map(|quiet| time(quiet.until))
        .unwrap_or_default();
    let field = |name: &'static str, label: &'static str, value: String, hint: &'static str| {
        let answer = answer.clone();
        view! { <TextField name label answer value hint /> }.into_any()
    };
    let choice =
        |name: &'static str, label: &'static str, options: &[(&str, &str)], chosen: &str| {
            let options = options
                .iter()
                .map(|(value, words)| ((*value).to_owned(), (*words).to_owned()))
                .collect::<Vec<_>>();
            let (answer, chosen) = (answer.clone(), Some(chosen.to_owned()));
            view! { <Select name label options chosen answer /> }.into_any()
        };
    view! {
        {refused}
        <form method="post" action="/account/notifications" class="sheet panel">
            <TextField
                name="email"
                label=words.email
                answer=answer.clone()
                value=chosen.email.unwrap_or_default()
                hint=words.email_hint
                kind="email"
                autocomplete="email"
            />
            {choice("mode", words.mode, &modes, chosen.mode.as_str())}
            {field("digest_hour", words.digest_hour, chosen.digest_hour.to_string(), words.digest_hour_hint)}
            {choice("language", words.language, &languages, chosen.language.as_str())}
            {field("zone", words.zone, chosen.zone, words.zone_hint)}
            {field("quiet_from", words.quiet_from, quiet_from, words.quiet_hint)}
            {field("quiet_until", words.quiet_until, quiet_until, words.quiet_hint)}
            <label class="check">
                <input type="checkbox" name="failures" value="true" checked=checked />
                {words.failures}
            </label>
            <TextField
                name="failures_in_a_row"
                label=words.failures_in_a_row
                answer=answer.clone()
                value=chosen.failures_in_a_row.to_string()
                kind="number"
            />
            {field(
                "working_hours",
                words.working_hours,
                chosen.working_hours.unwrap_or_default(),
                words.working_hours_hint,
            )}
            <button class="btn">{words.save}</button>
        </form>
    }
    .into_any()
}
