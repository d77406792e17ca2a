use leptos::prelude::*;
use model::view::{DeliveryRow, DeliveryState};

use super::{PageTitle, loaded, verb_is_known};
use crate::api::deliveries::list_deliveries;
use crate::components::{AnswerNotice, Empty, Glyph, Moment, Shape, Tone};
use crate::text::use_words;
use crate::visit::use_answer;

/// Messages to receivers outside: what became of each, and another try for what was given up.
#[component]
pub fn DeliveriesPage() -> impl IntoView {
    if !verb_is_known(&["retry"]) {
        return view! { <super::NotFoundPage /> }.into_any();
    }
    let words = &use_words().deliveries;
    view! {
        <PageTitle text=words.title />
        <h1 tabindex="-1">{words.title}</h1>
        <p class="lede">{words.lede}</p>
        <AnswerNotice answer=use_answer("/deliveries", "verb") />
        {loaded(|| (), |()| list_deliveries(), list_view)}
    }
    .into_any()
}

fn list_view(rows: Vec<DeliveryRow>) -> AnyView {
    let words = &use_words().deliveries;
    if rows.is_empty() {
        return view! {
            <div class="sheet">
                <Empty text=words.empty hint=words.empty_hint />
            </div>
        }
        .into_any();
    }
    let rows = rows
        .into_iter()
        .map(|row| view! { <DeliveryLine row /> })
        .collect_view();
    view! { <ul class="plain sheet">{rows}</ul> }.into_any()
}

#[component]
fn DeliveryLine(row: DeliveryRow) -> impl IntoView {
    let words = &use_words().deliveries;
    let (shape, tone, state) = match row.state {
        DeliveryState::Waiting => (Shape::Clock, Tone::Soft, words.waiting),
        DeliveryState::Delivered => (Shape::Check, Tone::Good, words.delivered),
        DeliveryState::Abandoned => (Shape::Cross, Tone::Bad, words.abandoned),
    };
    let when = row.next_try_at.or(row.delivered_at).or(row.abandoned_at);
    let next = row.next_try_at.map(|_| words.next_try);
    let again = (row.state == DeliveryState::Abandoned).then(|| {
        let name = format!("{}: {} {}", words.try_again, what(&row.what), row.cause);
        view! {
            <form method="post" action="/deliveries/retry">
                <input type="hidden" name="delivery" value=row.id.to_string() />
                <button class="plainbtn" aria-label=name>{words.try_again}</button>
            </form>
        }
    });
    let channel = channel(&row.channel);
    let what = what(&row.what);
    let cause = match cause_page(&row.cause) {
        Some(href) => view! { <a href=href>{row.cause}</a> }.into_any(),
        None => row.cause.into_any(),
    };
    view! {
        <li class="row">
            <Glyph shape tone />
            <div>
                {channel} ": " {what}
                <small>{cause} " · " {(words.tries)(i64::from(row.tries))}</small>
                {row.last_error.map(|text| view! { <small class="bad">{text}</small> })}
            </div>
            <div class="when">
                <span class=tone.class()>{state}</span>
                " "
                {next}
                " "
                {when.map(|at| view! { <Moment at /> })}
                {again}
            </div>
        </li>
    }
    .into_any()
}

/// The channel in the reader's words; an unknown one as it stands.
fn channel(channel: &str) -> String {
    let words = &use_words().deliveries;
    match channel {
        "slack" => words.slack.to_owned(),
        "email_webhook" => words.email_webhook.to_owned(),
        "webhook" => words.webhook.to_owned(),
        other => other.to_owned(),
    }
}

/// What the message tells, in the reader's words; an unknown kind as it stands.
fn what(kind: &str) -> String {
    let words = &use_words().deliveries;
    match kind {
        "task.awaiting_approval" => words.awaiting_approval.to_owned(),
        "approval.reminder" => words.approval_reminder.to_owned(),
        "approval.escalated" => words.approval_escalated.to_owned(),
        "approval.decided" => words.approval_decided.to_owned(),
        "task.failed" => words.task_failed.to_owned(),
        "run.finished" => words.run_finished.to_owned(),
        other => other.to_owned(),
    }
}

/// The page of what caused the message: `approval/7/requested` leads to `/approvals/7`.
fn cause_page(cause: &str) -> Option<String> {
    let mut parts = cause.split('/');
    let page = match parts.next()? {
        "approval" => "approvals",
        "task" => "tasks",
        "run" => "runs",
        _ => return None,
    };
    let id: i64 = parts.next()?.parse().ok()?;
    Some(format!("/{page}/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_leads_to_its_page_and_nothing_else_leads_anywhere() {
        let leads = |cause| cause_page(cause);
        assert_eq!(
            leads("approval/7/requested").as_deref(),
            Some("/approvals/7")
        );
        assert_eq!(leads("task/12/failed/3").as_deref(), Some("/tasks/12"));
        assert_eq!(leads("run/3/finished/1").as_deref(), Some("/runs/3"));
        for cause in ["", "run", "run/x", "run/../admin", "other/1"] {
            assert_eq!(leads(cause), None, "{cause}");
        }
    }
}
