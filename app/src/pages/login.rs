use leptos::prelude::*;

use super::PageTitle;
use crate::components::{AnswerNotice, TextField};
use crate::text::use_words;
use crate::visit::{use_answer, use_visit};

/// Where people say who they are.
#[component]
pub fn LoginPage() -> impl IntoView {
    let words = &use_words().login;
    let answer = use_answer("/login", "login");
    let next = use_visit().next;
    view! {
        <PageTitle text=words.title />
        <h1>{words.title}</h1>
        <p class="lede">{words.lede}</p>
        <AnswerNotice answer=answer.clone() />
        <form method="post" action="/login" class="sheet panel">
            {next.map(|next| view! { <input type="hidden" name="next" value=next /> })}
            <TextField
                name="login"
                label=words.login
                answer=answer.clone()
                kind="login"
                autocomplete="username"
                required=true
                autofocus=true
            />
            <TextField
                name="password"
                label=words.password
                answer
                kind="password"
                autocomplete="current-password"
                required=true
            />
            <button class="btn sign">{words.submit}</button>
        </form>
    }
}
