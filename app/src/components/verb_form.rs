use leptos::prelude::*;

use crate::text::use_words;

/// A form of one button. It is greyed exactly where the engine would refuse.
#[component]
pub fn VerbForm(
    action: String,
    label: &'static str,
    /// Whether the reader's roles allow it.
    may: bool,
    /// Whether the present state allows it.
    live: bool,
    #[prop(optional)] refuse: bool,
) -> impl IntoView {
    let words = &use_words().task;
    let why = match (may, live) {
        (false, _) => Some(words.role_needed),
        (true, false) => Some(words.not_permitted),
        (true, true) => None,
    };
    let class = if refuse { "btn refuse" } else { "btn" };
    view! {
        <form method="post" action=action>
            <button class=class disabled=why.is_some() title=why>
                {label}
            </button>
        </form>
    }
    .into_any()
}
