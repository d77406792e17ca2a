use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use model::page::Position;
use model::view::{DecisionFigures, DecisionFilter, DecisionLogRow};

use super::{PageTitle, loaded};
use crate::address::{cursor, encoded, position};
use crate::api::decisions::{DecisionLog, list_decisions};
use crate::components::{
    Empty, Glyph, LoadMore, Moment, PlanLink, TextField, verdict_look, visible,
};
use crate::text::use_words;
use crate::time::span;

/// Every answer that anybody gave, and how long people took.
#[component]
pub fn DecisionsPage() -> impl IntoView {
    let words = &use_words().decisions;
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|query| (filter(query), before(query))));
    view! {
        <PageTitle text=words.title />
        <div class="head">
            <h1 tabindex="-1">{words.title}</h1>
            <a
                class="btn"
                rel="external"
                download=""
                href=move || asked.with(|(filter, _)| address("/api/v1/decisions.csv", filter, None))
            >
                {use_words().history.csv}
            </a>
        </div>
        <p class="lede">{words.lede}</p>
        {move || asked.with(|(filter, _)| filters(filter))}
        {loaded(
            move || asked.get(),
            |(filter, before)| list_decisions(filter, before),
            move |log| list_view(asked.get_untracked().0, log),
        )}
    }
}

fn filter(query: &ParamsMap) -> DecisionFilter {
    let one = |name: &str| {
        let text = query.get(name)?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    DecisionFilter {
        person: one("person"),
        plan: one("plan"),
    }
}

fn before(query: &ParamsMap) -> Option<Position> {
    query.get("cursor").as_deref().and_then(position)
}

fn address(path: &str, filter: &DecisionFilter, next: Option<Position>) -> String {
    let pairs = [
        ("person", filter.person.clone()),
        ("plan", filter.plan.clone()),
        ("cursor", next.map(cursor)),
    ];
    let query: Vec<String> = pairs
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encoded(&value?))))
        .collect();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", query.join("&"))
    }
}

fn filters(filter: &DecisionFilter) -> AnyView {
    let words = use_words();
    view! {
        <form class="filters sheet panel" method="get" action="/decisions">
            <TextField
                name="person"
                label=words.decisions.person
                value=filter.person.clone().unwrap_or_default()
            />
            <TextField
                name="plan"
                label=words.common.plan
                value=filter.plan.clone().unwrap_or_default()
            />
            <div class="actions">
                <button class="btn">{words.history.apply}</button>
                <a class="btn" href="/decisions">{words.history.clear}</a>
            </div>
        </form>
    }
    .into_any()
}

fn list_view(filter: DecisionFilter, log: DecisionLog) -> AnyView {
    let words = &use_words().decisions;
    if log.page.items.is_empty() {
        return view! {
            <div class="sheet">
                <Empty text=words.empty />
            </div>
        }
        .into_any();
    }
    let figures = (!log.figures.is_empty()).then(|| {
        let rows = log
            .figures
            .into_iter()
            .map(|row| figure(row, filter.plan.clone()))
            .collect_view();
        view! {
            <h2>{words.figures}</h2>
            <div class="sheet scroll" tabindex="0" role="region" aria-label=words.figures>
                <table class="ledger">
                    <thead>
                        <tr>
                            <th scope="col">{words.person}</th>
                            <th scope="col">{words.answers}</th>
                            <th scope="col">{words.refusals}</th>
                            <th scope="col">{words.median}</th>
                            <th scope="col">{words.ninetieth}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
    });
    let rows = RwSignal::new(log.page.items);
    let next = filter.clone();
    view! {
        {figures}
        <h2>{words.answers}</h2>
        <div class="sheet">
            <ul class="plain">
                {move || rows.get().into_iter().map(line).collect_view()}
            </ul>
            <LoadMore
                next=log.page.next
                href=move |position| address("/decisions", &next, Some(position))
                load=move |position: Position| {
                    let asked = list_decisions(filter.clone(), Some(position));
                    async move { asked.await.map(|log| log.page) }
                }
                append=move |items| rows.update(|rows| rows.extend(items))
            />
        </div>
    }
    .into_any()
}

/// One person's figures; their link keeps the plan that is asked for.
fn figure(figure: DecisionFigures, plan: Option<String>) -> AnyView {
    let words = use_words();
    let address = address(
        "/decisions",
        &DecisionFilter {
            person: Some(figure.person.clone()),
            plan,
        },
        None,
    );
    let seconds = |seconds: i64| span(seconds.saturating_mul(1_000), words);
    view! {
        <tr>
            <th scope="row"><a href=address>{figure.person}</a></th>
            <td>{figure.answers}</td>
            <td>{figure.refusals}</td>
            <td>{seconds(figure.median_seconds)}</td>
            <td>{seconds(figure.ninetieth_seconds)}</td>
        </tr>
    }
    .into_any()
}

fn line(row: DecisionLogRow) -> AnyView {
    let words = use_words();
    let (shape, tone, text) = verdict_look(row.verdict, &row.by);
    let waited = span(row.waited_seconds.saturating_mul(1_000), words);
    view! {
        <li class="row">
            <Glyph shape tone />
            <div>
                <a href=format!("/approvals/{}", row.approval_id)>{visible(&row.task)}</a>
                {row.plan.map(|plan| view! { " · " <PlanLink plan=Some(plan) /> })}
                {row.run_id.map(|run| visible(&format!(" · {run}")))}
                <small>
                    {text}
                    {row.on_behalf_of.map(|name| format!(" {}", (words.approvals.on_behalf_of)(&name)))}
                    {row.note.map(|note| visible(&format!("{}“{note}”", words.common.colon)))}
                    {row.sole_decider.then(|| format!(" ({})", words.approvals.sole_decider))}
                    {row.changes_round.map(|round| format!(" ({})", (words.approvals.changes_asker)(round)))}
                    {row.blind.then(|| format!(" ({})", words.approvals.blind))}
                </small>
            </div>
            <div class="when"><Moment at=row.at /> <small>{words.decisions.after} " " {waited}</small></div>
        </li>
    }
    .into_any()
}
