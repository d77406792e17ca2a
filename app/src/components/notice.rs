use leptos::prelude::*;

use crate::error::PageError;
use crate::text::use_words;
use crate::visit::{FormAnswer, Message};

/// A sentence that stands out.
#[component]
pub fn Notice(
    #[prop(default = "notice")] class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <div class=class role="status">
            {children()}
        </div>
    }
    .into_any()
}

/// What became of the form that was sent from this page.
#[component]
pub fn AnswerNotice(answer: FormAnswer) -> impl IntoView {
    let words = use_words();
    let (class, head, detail) = match answer.message? {
        Message::Refused(detail) => ("notice bad", words.problem.not_saved, detail),
        Message::Conflict(detail) => ("notice", words.problem.conflict, detail),
        Message::PasswordChanged => ("notice good", words.account.password_changed, String::new()),
        Message::NotificationsStored => ("notice good", words.mail.saved, String::new()),
        Message::TokenCreated => ("notice good", words.account.token_created, String::new()),
    };
    let secret = answer
        .secret
        .map(|secret| view! { <p class="secret">{secret}</p> });
    let view = view! {
        <div class=class role="alert">
            <p>
                <b>{head}</b>
                " "
                {detail}
            </p>
            {secret}
        </div>
    };
    Some(view.into_any())
}

/// A list with nothing in it says why.
#[component]
pub fn Empty(text: &'static str, #[prop(optional)] hint: Option<&'static str>) -> impl IntoView {
    view! {
        <div class="empty">
            <p>{text}</p>
            {hint.map(|hint| view! { <p>{hint}</p> })}
        </div>
    }
    .into_any()
}

/// A page that could not be loaded.
#[component]
pub fn Failure(error: PageError) -> impl IntoView {
    let words = &use_words().problem;
    let (title, detail) = match error {
        PageError::NotFound(_) => (words.not_found, words.not_found_hint.to_owned()),
        PageError::Forbidden(text) => (words.forbidden, text),
        PageError::Conflict(text) | PageError::Invalid(text) | PageError::TooMany(text) => {
            (words.conflict, text)
        }
        PageError::SignedOut => (words.signed_out, String::new()),
        PageError::Unavailable => (words.unavailable, words.unavailable_hint.to_owned()),
        PageError::Internal => (words.internal, words.internal_hint.to_owned()),
    };
    view! {
        <h1 tabindex="-1">{title}</h1>
        <p class="lede">{detail}</p>
        <p>
            <a href="/">{words.to_the_night}</a>
        </p>
    }
    .into_any()
}
