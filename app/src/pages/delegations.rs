//! Letting a colleague sign in one's place: a part of the account's page.

use leptos::prelude::*;
use model::identity::Permission;
use model::view::DelegationRow;

use super::loaded;
use crate::api::account::list_delegations;
use crate::components::{AnswerNotice, Moment, TextField};
use crate::text::use_words;
use crate::visit::{use_answer, use_visit};

/// What holds, and a form for another; nothing for those who may not decide.
#[component]
pub fn Delegations() -> impl IntoView {
    let words = &use_words().account;
    if !use_visit().may(Permission::Decide) {
        return ().into_any();
    }
    let answer = use_answer("/account", "delegate");
    view! {
        <h2>{words.delegation}</h2>
        {loaded(|| (), |()| list_delegations(), list_view)}
        <form method="post" action="/account/delegate" class="sheet panel">
            <AnswerNotice answer=answer.clone() />
            <p>{words.delegation_hint}</p>
            <TextField name="to" label=words.delegate_to answer=answer.clone() kind="login" required=true />
            <TextField
                name="starts_at"
                label=words.delegate_from
                answer=answer.clone()
                kind="date"
                required=true
            />
            <TextField
                name="ends_at"
                label=words.delegate_until
                answer=answer.clone()
                kind="date"
                required=true
            />
            <TextField name="note" label=words.delegate_note answer />
            <button class="btn">{words.delegate}</button>
        </form>
    }
    .into_any()
}

fn list_view(rows: Vec<DelegationRow>) -> AnyView {
    if rows.is_empty() {
        return ().into_any();
    }
    let rows = rows.into_iter().map(line).collect_view();
    view! { <ul class="plain sheet">{rows}</ul> }.into_any()
}

fn line(row: DelegationRow) -> AnyView {
    let words = &use_words().account;
    let own = use_visit()
        .principal
        .is_some_and(|reader| reader.name == row.from || reader.may(Permission::Administer));
    let end = own.then(|| {
        view! {
            <form method="post" action="/account/undelegate">
                <input type="hidden" name="delegation" value=row.id.to_string() />
                <button class="plainbtn bad">{words.revoke}</button>
            </form>
        }
    });
    view! {
        <li class="row">
            <span></span>
            <div>
                {row.from} " → " {row.to}
                <small>
                    <Moment at=row.starts_at /> " – " <Moment at=row.ends_at />
                    {(!row.active).then(|| format!(" · {}", words.delegation_later))}
                    {row.note.map(|note| format!(" · {note}"))}
                </small>
            </div>
            <div class="when">{end}</div>
        </li>
    }
    .into_any()
}
