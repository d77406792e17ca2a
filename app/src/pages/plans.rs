use chrono::{DateTime, Utc};
use leptos::prelude::*;
use model::view::PlanRow;

use super::{PageTitle, loaded};
use crate::api::plans::list_plans;
use crate::components::{Empty, Glyph, Moment, PlanLink, RunLink, RunMark, Shape, Tone};
use crate::text::use_words;
use crate::time::distance;

/// Every plan: when it runs next and how it went last.
#[component]
pub fn PlansPage() -> impl IntoView {
    let words = &use_words().plans;
    view! {
        <PageTitle text=words.title />
        <h1 tabindex="-1">{words.title}</h1>
        <p class="lede">{words.lede}</p>
        {loaded(|| (), |()| list_plans(), |seen| {
            let now = seen.now;
            if seen.it.is_empty() {
                return view! { <div class="sheet"><Empty text=use_words().plans.empty /></div> }.into_any();
            }
            let rows = seen.it.into_iter().map(|row| view! { <PlanLine row now /> }).collect_view();
            view! { <ul class="plain sheet">{rows}</ul> }.into_any()
        })}
    }
}

#[component]
fn PlanLine(row: PlanRow, now: DateTime<Utc>) -> impl IntoView {
    let words = use_words();
    let paused = row.paused_at.is_some();
    let (shape, tone) = if paused {
        (Shape::Pause, Tone::Soft)
    } else {
        (Shape::Clock, Tone::Soft)
    };
    let schedule = if row.triggers.is_empty() {
        words.plans.no_schedule.to_owned()
    } else {
        format!("{} ({})", row.triggers.join(", "), row.timezone)
    };
    let next = row.next_due_at.filter(|_| !paused).map(|at| {
        view! {
            {words.plans.next_due} {words.common.colon} <Moment at /> " · " {distance(at, now, words)}
        }
    });
    let last = match row.last_run {
        Some(run) => view! {
            <span class="tally">
                <RunMark status=run.counts.status() />
                <RunLink run=Some(run.key) run_id=Some(run.run_id) />
            </span>
        }
        .into_any(),
        None => words.plans.never_ran.into_any(),
    };
    view! {
        <li class="row">
            <Glyph shape tone />
            <div>
                <h3>
                    <PlanLink plan=Some(row.name) />
                    {paused.then(|| view! { " " <span class="chip">{words.plans.paused}</span> })}
                </h3>
                <p class="under">{row.description}</p>
                <small>{schedule} " · " {(words.common.count_tasks)(row.task_count)}</small>
                <small>{last}</small>
            </div>
            <div class="when">{next}</div>
        </li>
    }
    .into_any()
}
