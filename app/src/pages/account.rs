use leptos::prelude::*;
use model::identity::{Principal, Role, Scope};

use super::delegations::Delegations;
use super::notifications::Notifications;
use super::sessions::{EndTokens, Sessions};
use super::{PageTitle, loaded, verb_is_known};
use crate::api::account::{OwnAccount, TokenRow, list_tokens, load_own_account};
use crate::components::{AnswerNotice, Empty, Moment, TextField};
use crate::text::use_words;
use crate::visit::{use_answer, use_visit};

/// The reader's own page: roles, password, tokens, sessions.
#[component]
pub fn AccountPage() -> impl IntoView {
    if !verb_is_known(&[
        "password",
        "tokens",
        "revoke",
        "logout-everywhere",
        "end-session",
        "delegate",
        "undelegate",
        "notifications",
    ]) {
        return view! { <super::NotFoundPage /> }.into_any();
    }
    let words = &use_words().account;
    let principal = use_visit().principal;
    let is_pending = principal
        .as_ref()
        .is_some_and(Principal::must_choose_password);
    let name = principal.as_ref().map(|principal| principal.name.clone());
    let roles = principal
        .into_iter()
        .flat_map(|principal| principal.roles)
        .map(|role| view! { <span class="chip">{role_word(role)}</span> " " })
        .collect_view();
    view! {
        <PageTitle text=words.title />
        <div class="dateline">{words.title}</div>
        <h1 tabindex="-1">{name}</h1>
        <p class="lede">{roles}</p>
        {if is_pending {
            view! {
                <p class="notice" role="status">{words.choose_own_password}</p>
                <Password />
            }
            .into_any()
        } else {
            view! { <Settings /> }.into_any()
        }}
    }
    .into_any()
}

#[component]
fn Settings() -> impl IntoView {
    let words = &use_words().account;
    view! {
        <div class="cols">
            <section>
                <h2>{words.tokens}</h2>
                <AnswerNotice answer=use_answer("/account", "tokens") />
                {loaded(|| (), |()| list_tokens(), token_list)}
                <NewToken />
                <Notifications />
            </section>
            <section>
                <h2>{words.password}</h2>
                <Password />
                <Delegations />
                {loaded(|| (), |()| load_own_account(), own_account)}
            </section>
        </div>
    }
    .into_any()
}

fn own_account(own: OwnAccount) -> AnyView {
    let words = &use_words().account;
    let text = own.slack_user.map_or_else(
        || words.slack_unmapped.to_owned(),
        |user| (words.slack_mapped)(&user),
    );
    view! {
        <h2>{words.slack}</h2>
        <p class="sheet panel">{text}</p>
        <Sessions sessions=own.sessions />
    }
    .into_any()
}

fn role_word(role: Role) -> &'static str {
    let words = &use_words().account;
    match role {
        Role::Viewer => words.role_viewer,
        Role::Approver => words.role_approver,
        Role::Operator => words.role_operator,
        Role::Admin => words.role_admin,
    }
}

fn token_list(tokens: Vec<TokenRow>) -> AnyView {
    let words = &use_words().account;
    if tokens.is_empty() {
        return view! {
            <div class="sheet">
                <Empty text=words.no_tokens hint=words.tokens_hint />
            </div>
        }
        .into_any();
    }
    let rows = tokens
        .into_iter()
        .map(|row| view! { <TokenLine row /> })
        .collect_view();
    view! { <ul class="plain sheet">{rows}</ul> }.into_any()
}

#[component]
fn TokenLine(row: TokenRow) -> impl IntoView {
    let words = &use_words().account;
    let scopes = row
        .scopes
        .iter()
        .map(|scope| scope.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let used = match row.last_used_at {
        Some(at) => view! { {words.last_used} " " <Moment at /> }.into_any(),
        None => words.never_used.into_any(),
    };
    let until = match row.expires_at {
        None => words.token_without_end.into_any(),
        Some(at) => {
            let word = if row.is_over {
                words.token_ended
            } else {
                words.token_until
            };
            view! { {word} " " <Moment at /> }.into_any()
        }
    };
    let end = match row.revoked_at {
        Some(at) => {
            view! { <span class="soft">{words.revoked} ", " <Moment at /></span> }.into_any()
        }
        None => view! {
            <form method="post" action="/account/revoke">
                <input type="hidden" name="token" value=row.id.to_string() />
                <button class="plainbtn bad">{words.revoke}</button>
            </form>
        }
        .into_any(),
    };
    view! {
        <li class="row">
            <span></span>
            <div>
                {row.name}
                <small>{scopes} " · " {until} " · " {used}</small>
            </div>
            <div class="when">{end}</div>
        </li>
    }
    .into_any()
}

#[component]
fn NewToken() -> impl IntoView {
    let words = &use_words().account;
    let answer = use_answer("/account", "tokens");
    let wrong = answer.wrong("scopes");
    let scopes = Scope::ALL
        .into_iter()
        .map(|scope| {
            let name = format!("scope.{}", scope.as_str());
            let checked = answer.typed(&name).is_some();
            view! {
                <label class="check">
                    <input type="checkbox" name=name value="true" checked=checked />
                    {scope.as_str()}
                </label>
            }
        })
        .collect_view();
    view! {
        <h2>{words.create_token}</h2>
        <form method="post" action="/account/tokens" class="sheet panel">
            <TextField
                name="name"
                label=words.token_name
                answer=answer.clone()
                required=true
            />
            <div class="field" role="group" aria-label=words.token_scopes>
                <div class="label">{words.token_scopes}</div>
                {scopes}
                {wrong.map(|text| view! { <p class="wrong">{text}</p> })}
            </div>
            <TextField
                name="lifetime_days"
                label=words.token_days
                answer=answer.clone()
                value="90"
                hint=words.token_days_hint
                kind="number"
            />
            <TextField
                name="present_password"
                id="field-token-password"
                label=words.token_password
                answer
                kind="password"
                hint=words.token_password_hint
                autocomplete="current-password"
            />
            <button class="btn">{words.create_token}</button>
        </form>
    }
    .into_any()
}

#[component]
fn Password() -> impl IntoView {
    let words = &use_words().account;
    let answer = use_answer("/account", "password");
    // Whoever must choose a password goes on to what they came for.
    let next = answer.typed("next").or(use_visit().next);
    let is_pending = use_visit()
        .principal
        .is_some_and(|principal| principal.must_choose_password());
    view! {
        <AnswerNotice answer=answer.clone() />
        <form method="post" action="/account/password" class="sheet panel">
            {next.map(|next| view! { <input type="hidden" name="next" value=next /> })}
            <TextField
                name="present_password"
                label=words.current_password
                answer=answer.clone()
                kind="password"
                autocomplete="current-password"
                required=true
            />
            <TextField
                name="password"
                label=words.new_password
                answer
                kind="password"
                hint=words.new_password_hint
                autocomplete="new-password"
                required=true
            />
            {(!is_pending).then(|| view! { <EndTokens /> })}
            <button class="btn">{words.change_password}</button>
        </form>
    }
    .into_any()
}
