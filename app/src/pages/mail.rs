use leptos::prelude::*;
use model::view::{MailDetail, MailRow};

use super::{PageTitle, loaded, param};
use crate::api::mail::{MailList, list_mail, load_mail};
use crate::components::{Empty, Fact, Facts, Glyph, Moment, Notice, Shape, Tone};
use crate::text::use_words;

/// The last messages and what became of them.
#[component]
pub fn MailPage() -> impl IntoView {
    let words = &use_words().mail;
    view! {
        <PageTitle text=words.title />
        <h1 tabindex="-1">{words.title}</h1>
        <p class="lede">{words.lede}</p>
        {loaded(|| (), |()| list_mail(), mail_list)}
    }
}

fn mail_list(list: MailList) -> AnyView {
    let words = &use_words().mail;
    let folder = list
        .folder
        .map(|folder| view! { <Notice>{(words.in_folder)(&folder)}</Notice> });
    let rows = if list.rows.is_empty() {
        view! { <div class="sheet"><Empty text=words.empty /></div> }.into_any()
    } else {
        let rows = list
            .rows
            .into_iter()
            .map(|row| view! { <MailLine row /> })
            .collect_view();
        view! { <ul class="plain sheet">{rows}</ul> }.into_any()
    };
    view! {
        {folder}
        {rows}
    }
    .into_any()
}

#[component]
fn MailLine(row: MailRow) -> impl IntoView {
    let words = &use_words().mail;
    let (shape, tone) = if row.delivered_at.is_some() {
        (Shape::Check, Tone::Good)
    } else if row.needless {
        (Shape::Dash, Tone::Soft)
    } else if row.abandoned_at.is_some() {
        (Shape::Cross, Tone::Bad)
    } else {
        (Shape::Clock, Tone::Wait)
    };
    let kind = (words.kind)(&row.kind);
    let title = row.subject.clone().unwrap_or_else(|| kind.clone());
    let error = row.last_error.clone();
    view! {
        <li class="row">
            <Glyph shape tone />
            <div>
                <h3>
                    <a href=format!("/mail/{}", row.id)>{title}</a>
                </h3>
                <small>{kind} " · " {row.login.clone()} " · " {fate(&row)}</small>
                {error.map(|error| view! { <small>{error}</small> })}
            </div>
            <div class="when">
                <Moment at=row.created_at />
            </div>
        </li>
    }
    .into_any()
}

/// What became of a message, in words.
fn fate(row: &MailRow) -> AnyView {
    let words = &use_words().mail;
    match (row.delivered_at, row.abandoned_at) {
        (None, Some(_)) if row.needless => words.needless.into_any(),
        (None, Some(_)) => words.given_up.into_any(),
        (Some(_), _) | (None, None) if row.for_digest => words.in_digest.into_any(),
        (Some(at), _) => view! { {words.delivered} " " <Moment at /> }.into_any(),
        (None, None) => view! { {words.waits} " " <Moment at=row.next_try_at /> }.into_any(),
    }
}

/// One message as it was sent.
#[component]
pub fn MessagePage() -> impl IntoView {
    let id = param::<i64>("id");
    loaded(id, |id| async move { load_mail(id?).await }, message)
}

fn message(detail: MailDetail) -> AnyView {
    let words = &use_words().mail;
    let row = detail.row;
    let title = row
        .subject
        .clone()
        .unwrap_or_else(|| (words.kind)(&row.kind));
    let to = match &row.email {
        Some(email) => format!("{} <{email}>", row.login),
        None => row.login.clone(),
    };
    let error = row
        .last_error
        .clone()
        .map(|error| view! { <Fact name=words.last_error>{error}</Fact> });
    let text = match detail.text {
        Some(text) => view! { <pre class="log" tabindex="0">{text}</pre> }.into_any(),
        None => view! { <p>{words.not_sent}</p> }.into_any(),
    };
    view! {
        <PageTitle text=title.clone() />
        <div class="dateline">
            <a href="/mail">{words.all}</a>
        </div>
        <h1 tabindex="-1">{title}</h1>
        <p class="lede">{fate(&row)}</p>
        <Facts>
            <Fact name=words.to>{to}</Fact>
            <Fact name=words.tries>{row.tries}</Fact>
            {error}
        </Facts>
        {text}
    }
    .into_any()
}
