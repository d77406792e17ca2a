use chrono::{DateTime, Utc};
use leptos::prelude::*;
use model::view::{ApprovalRow, Dashboard, NextOccurrence, RunRow};

use super::{PageTitle, loaded};
use crate::api::night::load_night;
use crate::components::{
    ApprovalLink, Empty, Glyph, Moment, NightPicture, PlanLink, RunLink, RunMark, Shape, Tally,
    TaskLine, Tone, approval_title,
};
use crate::live::use_live;
use crate::text::use_words;
use crate::time::{Style, distance};

/// The night as a morning paper.
#[component]
pub fn NightPage() -> impl IntoView {
    view! {
        <PageTitle text=use_words().night.title />
        {loaded(|| (), |()| load_night(), |first| {
            let night = use_live(first, 5, |_| true, |_| load_night());
            move || night.with(|night| night_view(night.clone()))
        })}
    }
}

fn night_view(night: Dashboard) -> AnyView {
    let words = use_words();
    let now = night.now;
    let waiting = count(&night.needs_you);
    let tasks = night.counts.tasks;
    let headline = (words.night.headline)(tasks.total, tasks.failed, waiting);
    let running = (!night.running.is_empty()).then(|| {
        let rows = night
            .running
            .into_iter()
            .map(|row| view! { <TaskLine row /> })
            .collect_view();
        view! {
            <h2>{words.night.running_now}</h2>
            <ul class="plain sheet">{rows}</ul>
        }
    });
    let failures = (!night.failed.is_empty()).then(|| {
        let rows = night
            .failed
            .into_iter()
            .map(|row| view! { <TaskLine row /> })
            .collect_view();
        view! {
            <h2>{words.night.failures}</h2>
            <ul class="plain sheet">{rows}</ul>
        }
    });
    let picture = if night.lanes.iter().all(|lane| lane.bars.is_empty()) {
        view! { <Empty text=words.night.no_picture /> }.into_any()
    } else {
        view! {
            <div class="night" tabindex="0" role="group" aria-label=words.night.the_night>
                <NightPicture since=night.since now lanes=night.lanes />
            </div>
        }
        .into_any()
    };
    view! {
        <div class="dateline">
            <Moment at=now style=Style::Day />
            <span>"· " {words.time.since} " " <Moment at=night.since style=Style::Clock /></span>
        </div>
        <h1 tabindex="-1">{headline}</h1>
        <Lede counts=night.counts />
        {notices(night.notices)}
        <h2>{words.night.needs_you}</h2>
        {needs_you(night.needs_you, now)}
        {running}
        <div class="cols">
            <section>
                <h2>{words.night.the_night}</h2>
                <div class="sheet">{picture}</div>
            </section>
            <section>
                <h2>{words.night.next}</h2>
                {next(night.next, now)}
            </section>
        </div>
        <Figures counts=night.counts />
        {failures}
        {last_runs(night.recent_runs)}
    }
    .into_any()
}

fn count<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

#[component]
fn Lede(counts: model::view::NightCounts) -> impl IntoView {
    let words = &use_words().night;
    let tasks = counts.tasks;
    let parts = [
        (tasks.succeeded, (words.succeeded)(tasks.succeeded)),
        (tasks.failed, (words.failed)(tasks.failed)),
        (counts.retried, (words.retried)(counts.retried)),
        (tasks.running, (words.are_running)(tasks.running)),
        (
            tasks.awaiting_approval,
            (words.need_approval)(tasks.awaiting_approval),
        ),
    ];
    let parts = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(_, text)| view! { ", " <b>{text}</b> })
        .collect_view();
    (tasks.total > 0).then(|| view! { <p class="lede">{(words.ran)(tasks.total)} {parts} "."</p> })
}

fn notices(notices: Vec<String>) -> Option<AnyView> {
    let words = &use_words().night;
    if notices.is_empty() {
        return None;
    }
    // The engine's own sentences are English.
    let lines = notices
        .into_iter()
        .map(|text| view! { <p lang="en">{text}</p> })
        .collect_view();
    let view = view! {
        <section class="notice" aria-label=words.notices>
            {lines}
        </section>
    };
    Some(view.into_any())
}

fn needs_you(rows: Vec<ApprovalRow>, now: DateTime<Utc>) -> AnyView {
    let words = use_words();
    if rows.is_empty() {
        return view! {
            <div class="sheet">
                <Empty text=words.night.nothing_waits />
            </div>
        }
        .into_any();
    }
    let rows = rows
        .into_iter()
        .map(|row| view! { <NeedsYou row now /> })
        .collect_view();
    view! { <ul class="plain sheet">{rows}</ul> }.into_any()
}

#[component]
fn NeedsYou(row: ApprovalRow, now: DateTime<Utc>) -> impl IntoView {
    let words = use_words();
    let title = approval_title(&row);
    let deadline = row.expires_at.map(|at| {
        view! {
            {words.time.by}
            " "
            <Moment at />
            " · "
            {distance(at, now, words)}
        }
    });
    view! {
        <li class="row">
            <Glyph shape=Shape::Diamond tone=Tone::Wait />
            <div>
                <ApprovalLink id=row.id title />
                <small>
                    <span class="wait">{words.state.awaiting_approval}</span>
                    {row.plan.map(|plan| format!(" · {plan}"))}
                    " · "
                    {row.task}
                </small>
            </div>
            <div class="when">{deadline}</div>
        </li>
    }
    .into_any()
}

fn next(rows: Vec<NextOccurrence>, now: DateTime<Utc>) -> AnyView {
    let words = use_words();
    if rows.is_empty() {
        return view! {
            <div class="sheet">
                <Empty text=words.night.nothing_next />
            </div>
        }
        .into_any();
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <li class="row">
                    <Glyph shape=Shape::Clock tone=Tone::Soft />
                    <div>
                        <PlanLink plan=Some(row.plan) />
                        <small>
                            {row.trigger} " · " {(words.common.count_tasks)(row.task_count)}
                        </small>
                    </div>
                    <div class="when">
                        <Moment at=row.due_at />
                        <small>{distance(row.due_at, now, words)}</small>
                    </div>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="plain sheet">{rows}</ul> }.into_any()
}

#[component]
fn Figures(counts: model::view::NightCounts) -> impl IntoView {
    let words = &use_words().night;
    let figures = [
        (counts.tasks.total, words.figure_tasks),
        (counts.tasks.succeeded, words.figure_succeeded),
        (counts.tasks.failed, words.figure_failed),
        (counts.retried, words.figure_retried),
    ];
    let figures = figures
        .into_iter()
        .map(|(number, name)| {
            view! {
                <div>
                    <dt>{name}</dt>
                    <dd>{number}</dd>
                </div>
            }
        })
        .collect_view();
    view! { <dl class="figures sheet">{figures}</dl> }.into_any()
}

fn last_runs(runs: Vec<RunRow>) -> Option<AnyView> {
    let words = use_words();
    if runs.is_empty() {
        return None;
    }
    let rows = runs
        .into_iter()
        .map(|run| {
            view! {
                <li class="row">
                    <span></span>
                    <div>
                        <RunLink run=Some(run.key) run_id=Some(run.run_id) />
                        <small>
                            <RunMark status=run.counts.status() />
                        </small>
                    </div>
                    <div class="when">
                        <Moment at=run.created_at />
                        <small>
                            <Tally counts=run.counts />
                        </small>
                    </div>
                </li>
            }
        })
        .collect_view();
    let view = view! {
        <h2>{words.night.last_runs}</h2>
        <ul class="plain sheet">{rows}</ul>
    };
    Some(view.into_any())
}
