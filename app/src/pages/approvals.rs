use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::approval::ApprovalState;
use model::id::ApprovalId;
use model::view::{ApprovalDetail, ApprovalRow};
use model::visible::shown;

use super::approval::ApprovalSheet;
#[cfg(feature = "hydrate")]
use super::inbox_keys as keys;
use super::inbox_order::Order;
use super::{PageTitle, loaded, param, verb_is_known};
use crate::api::Seen;
use crate::api::approvals::{Inbox, list_approvals, load_approval};
use crate::components::{Empty, Failure, Glyph, Moment, approval_look, approval_title, visible};
use crate::error::PageError;
use crate::live::use_live;
use crate::text::use_words;
use crate::time::distance;

/// The inbox and, where it is wide enough, the soonest item beside it.
#[component]
pub fn ApprovalsPage() -> impl IntoView {
    view! {
        <PageTitle text=use_words().approvals.title />
        {loaded(|| (), |()| load_soonest(), |(inbox, soonest)| {
            view! { <InboxView inbox item=soonest.map(Ok) own_page=false /> }
        })}
    }
}

/// One item, with the inbox beside it.
#[component]
pub fn ApprovalPage() -> impl IntoView {
    if !verb_is_known(&["decide", "acknowledge"]) {
        return view! { <super::NotFoundPage /> }.into_any();
    }
    let id = param::<ApprovalId>("id");
    loaded(id, load_item, |(inbox, item)| {
        let title = match &item {
            Ok(item) => shown(&approval_title(&item.it.row)).into_owned(),
            Err(_) => use_words().approvals.title.to_owned(),
        };
        view! {
            <PageTitle text=title />
            <InboxView inbox item=Some(item) own_page=true />
        }
    })
}

type Item = Seen<ApprovalDetail>;

async fn load_soonest() -> Result<(Seen<Inbox>, Option<Item>), PageError> {
    let inbox = list_approvals().await?;
    let soonest = match inbox.it.pending.first() {
        Some(row) => Some(load_approval(row.id).await?),
        None => None,
    };
    Ok((inbox, soonest))
}

async fn load_item(
    id: Result<ApprovalId, PageError>,
) -> Result<(Seen<Inbox>, Result<Item, PageError>), PageError> {
    let inbox = list_approvals().await?;
    let item = match id {
        Ok(id) => load_approval(id).await,
        Err(error) => {
            #[cfg(feature = "ssr")]
            error.announce();
            Err(error)
        }
    };
    Ok((inbox, item))
}

#[component]
fn InboxView(
    inbox: Seen<Inbox>,
    item: Option<Result<Item, PageError>>,
    own_page: bool,
) -> impl IntoView {
    let words = use_words();
    let shown = item
        .as_ref()
        .and_then(|item| item.as_ref().ok())
        .map(|item| item.it.row.id);
    let query = use_query_map();
    let order = query.with_untracked(Order::read);
    let (previous, next) = neighbours(&order.arranged(&inbox.it.pending), shown);
    #[cfg(feature = "hydrate")]
    keys::listen();
    let inbox = use_live(inbox, 5, |_| true, |_| list_approvals());
    let waiting = move || inbox.with(|inbox| i64::try_from(inbox.it.pending.len()).unwrap_or(0));
    let list = move || {
        let order = query.with(Order::read);
        inbox.with(|inbox| list_view(inbox.clone(), shown, order))
    };
    let article = match item {
        Some(Ok(item)) => view! { <ApprovalSheet item next order /> }.into_any(),
        Some(Err(error)) => view! {
            <article class="sheet paper">
                <Failure error />
            </article>
        }
        .into_any(),
        None => view! {
            <article class="sheet paper">
                <h1 tabindex="-1">{words.approvals.none_waiting}</h1>
                <p class="lede">{words.approvals.none_waiting_hint}</p>
            </article>
        }
        .into_any(),
    };
    let class = match (own_page, shown) {
        (true, _) => "inbox item",
        (false, Some(_)) => "inbox index",
        (false, None) => "inbox",
    };
    let step = move |to: Option<ApprovalId>, word: &'static str| {
        to.filter(|_| own_page).map(|to| {
            view! {
                " · "
                <a href=order.address(to)>{word}</a>
            }
        })
    };
    view! {
        <div class="dateline">
            {if own_page {
                view! { <a href=order.list()>{words.approvals.title}</a> }.into_any()
            } else {
                words.approvals.title.into_any()
            }}
            <span>"· " {move || (words.approvals.waiting_count)(waiting())}</span>
            {step(previous, words.approvals.previous_item)}
            {step(next, words.approvals.next_item)}
            <a class="aside" href="/decisions">{words.approvals.log_title}</a>
        </div>
        <div class=class>
            <nav class="sheet" aria-label=words.approvals.title>
                {list}
            </nav>
            {article}
        </div>
        <details class="keys">
            <summary>{words.approvals.keys_title}</summary>
            <p>{words.approvals.keys}</p>
        </details>
    }
    .into_any()
}

/// The items before and after the one that is shown.
fn neighbours(
    rows: &[ApprovalRow],
    shown: Option<ApprovalId>,
) -> (Option<ApprovalId>, Option<ApprovalId>) {
    let here = rows.iter().position(|row| Some(row.id) == shown);
    let at = |index: Option<usize>| index.and_then(|index| rows.get(index)).map(|row| row.id);
    match here {
        None => (None, at(Some(0))),
        Some(here) => (at(here.checked_sub(1)), at(Some(here + 1))),
    }
}

fn list_view(inbox: Seen<Inbox>, shown: Option<ApprovalId>, order: Order) -> AnyView {
    let words = use_words();
    let now = inbox.now;
    let several = inbox.it.pending.len() > 1;
    let pending = if inbox.it.pending.is_empty() {
        view! { <Empty text=words.approvals.none_waiting /> }.into_any()
    } else {
        order
            .groups(&inbox.it.pending)
            .into_iter()
            .map(|(title, group)| {
                let title = title.map(|title| view! { <h3>{title}</h3> });
                view! { {title} {rows(group, now, shown, order)} }
            })
            .collect_view()
            .into_any()
    };
    let decided = (!inbox.it.decided.is_empty()).then(|| {
        view! {
            <h2>{words.approvals.decided}</h2>
            {rows(inbox.it.decided, now, shown, order)}
        }
    });
    view! {
        <h2>{words.approvals.waiting}</h2>
        {several.then(|| order.choice())}
        {pending}
        {decided}
    }
    .into_any()
}

fn rows(
    rows: Vec<ApprovalRow>,
    now: DateTime<Utc>,
    shown: Option<ApprovalId>,
    order: Order,
) -> AnyView {
    rows.into_iter()
        .map(|row| {
            let current = (shown == Some(row.id)).then_some("true");
            let href = order.address(row.id);
            view! { <InboxRow row now current href /> }
        })
        .collect_view()
        .into_any()
}

#[component]
fn InboxRow(
    row: ApprovalRow,
    now: DateTime<Utc>,
    current: Option<&'static str>,
    href: String,
) -> impl IntoView {
    let words = use_words();
    let title = approval_title(&row);
    let (shape, tone, word) = approval_look(row.state);
    let verb: Option<fn(&str) -> String> = match row.state {
        ApprovalState::Approved => Some(words.approvals.approved_by),
        ApprovalState::Rejected => Some(words.approvals.rejected_by),
        ApprovalState::ChangesRequested => Some(words.approvals.changes_asked_by),
        ApprovalState::Pending
        | ApprovalState::Cancelled
        | ApprovalState::Expired
        | ApprovalState::Superseded => None,
    };
    let told = verb
        .zip(row.approver.as_deref())
        .map_or_else(|| word.to_owned(), |(verb, name)| verb(name));
    let pending = row.state == ApprovalState::Pending;
    let deadline = row.expires_at.filter(|_| pending).map(|at| {
        view! { " · " {words.time.by} " " <Moment at /> " · " {distance(at, now, words)} }
    });
    let signed = (pending && row.required > 1).then(|| {
        let signed = (words.approvals.signed_of)(row.signatures, row.required);
        format!(
            " · {}{}{signed}",
            words.approvals.signatures, words.common.colon
        )
    });
    let decided = row.decided_at.map(|at| view! { ", " <Moment at /> });
    view! {
        <a class="row" href=href aria-current=current>
            <Glyph shape tone />
            <div>
                <span class:soft=!pending>{visible(&title)}</span>
                <small>
                    {row.plan.unwrap_or_else(|| words.common.reported.to_owned())}
                    {(!pending).then(|| format!(" · {told}"))}
                    {decided}
                    {deadline}
                    {signed}
                </small>
            </div>
        </a>
    }
    .into_any()
}
