use leptos::prelude::*;
use model::identity::Permission;
use model::plan::{InputDefinition, Plan};
use model::view::{OccurrenceRow, PlanDetail};

use super::{PageTitle, loaded, param, verb_is_known};
use crate::api::Seen;
use crate::api::plans::load_plan;
use crate::components::{
    AnswerNotice, Empty, Fact, Facts, Glyph, Moment, RunLedger, Shape, Tone, VerbForm, input_field,
};
use crate::live::use_live;
use crate::text::use_words;
use crate::time::distance;
use crate::visit::{use_answer, use_visit};

/// One plan: when it runs, what it does, how it went, and a way to start it.
#[component]
pub fn PlanPage() -> impl IntoView {
    if !verb_is_known(&["run", "pause", "resume"]) {
        return view! { <super::NotFoundPage /> }.into_any();
    }
    loaded(
        param::<String>("name"),
        |name| async move { load_plan(name?).await },
        |first| {
            let name = first.it.row.name.clone();
            let title = name.clone();
            let run_now = run_now(&name, &first.it.plan.inputs);
            let plan = use_live(first, 5, |_| true, move |_| load_plan(name.clone()));
            // The form stays as it is while the rest of the page follows.
            view! {
                <PageTitle text=title />
                {move || plan.with(|plan| head(plan.clone()))}
                {run_now}
                {move || plan.with(|plan| rest(plan.it.clone()))}
            }
        },
    )
}

fn head(seen: Seen<PlanDetail>) -> AnyView {
    let words = use_words();
    let PlanDetail {
        row,
        triggers,
        next,
        proposed,
        ..
    } = seen.it;
    let page = format!("/plans/{}", row.name);
    let may = use_visit().may(Permission::Run);
    let paused = row.paused_at.map(|at| {
        let by = row.paused_by.clone().unwrap_or_default();
        view! { <p class="notice">{(words.plans.paused_by)(&by)} ", " <Moment at /></p> }
    });
    let lost_gate = row
        .lost_gate
        .as_deref()
        .map(|problem| view! { <p class="notice bad">{(words.plans.lost_gate)(problem)}</p> });
    let proposed = proposed.map(|it| {
        let links = it
            .approvals
            .iter()
            .map(|id| view! { " " <a href=format!("/approvals/{id}")>{words.plans.proposed_open}</a> })
            .collect_view();
        view! { <p class="notice">{(words.plans.proposed)(it.version, &it.by)} {links}</p> }
    });
    let pause = if row.paused_at.is_some() || lost_gate.is_some() {
        view! { <VerbForm action=format!("{page}/resume") label=words.plans.resume may live=true /> }
    } else {
        view! { <VerbForm action=format!("{page}/pause") label=words.plans.pause may live=true /> }
    };
    let schedule = triggers
        .into_iter()
        .map(|trigger| {
            view! {
                <div>
                    <code>{trigger.key}</code>
                    {trigger.problem.map(|problem| view! {
                        <span class="bad">" " {words.plans.stands_still} {words.common.colon} {problem}</span>
                    })}
                </div>
            }
        })
        .collect_view();
    let none = row.triggers.is_empty().then_some(words.plans.no_schedule);
    let zone = row.timezone.clone();
    let times = (!next.is_empty()).then(|| {
        let now = seen.now;
        let rows = next
            .into_iter()
            .take(5)
            .map(|(at, local)| {
                view! {
                    <tr>
                        <td class="lead">{local}</td>
                        <td>{crate::time::hover(at)}</td>
                        <td data-label=words.plans.yours><Moment at /></td>
                        <td class="soft">{distance(at, now, words)}</td>
                    </tr>
                }
            })
            .collect_view();
        view! {
            <h2>{words.plans.next_times}</h2>
            <div class="sheet scroll" tabindex="0" role="region" aria-label=words.plans.next_times>
                <table class="ledger cards">
                    <thead>
                        <tr>
                            <th scope="col">{(words.plans.in_zone)(&zone)}</th>
                            <th scope="col">{words.plans.utc}</th>
                            <th scope="col">{words.plans.yours}</th>
                            <th scope="col"><span class="unseen">{words.plans.next_due}</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
    });
    view! {
        <div class="dateline">
            <a href="/plans">{words.plans.title}</a>
            <span>"· " {words.common.version} " " {row.version}</span>
        </div>
        <div class="head">
            <h1 tabindex="-1">{row.name}</h1>
            <div class="actions">{pause}</div>
        </div>
        <p class="lede">{row.description}</p>
        <AnswerNotice answer=use_answer(&page, "verb") />
        {paused}
        {lost_gate}
        {proposed}
        <Facts>
            <Fact name=words.plans.schedule>{schedule} {none}</Fact>
        </Facts>
        {times}
    }
    .into_any()
}

fn run_now(name: &str, inputs: &[InputDefinition]) -> AnyView {
    let words = use_words();
    let page = format!("/plans/{name}");
    let answer = use_answer(&page, "run");
    let may = use_visit().may(Permission::Run);
    let fields = inputs
        .iter()
        .map(|input| input_field(input, &answer))
        .collect_view();
    let hint = if may {
        words.plans.run_now_hint
    } else {
        words.task.role_needed
    };
    view! {
        <h2>{words.plans.run_now}</h2>
        <form method="post" action=format!("{page}/run") class="sheet panel">
            <AnswerNotice answer=answer.clone() />
            {fields}
            <div class="actions">
                <button class="btn sign" disabled=!may>{words.plans.run_now}</button>
            </div>
            <p class="hint soft">{hint}</p>
        </form>
    }
    .into_any()
}

fn rest(detail: PlanDetail) -> AnyView {
    let words = use_words();
    let runs = if detail.runs.is_empty() {
        view! { <Empty text=words.plans.never_ran /> }.into_any()
    } else {
        view! { <RunLedger rows=detail.runs with_plan=false /> }.into_any()
    };
    view! {
        <h2>{words.common.tasks}</h2>
        {tasks(&detail.plan)}
        <h2>{words.plans.recent_runs}</h2>
        <div class="sheet">{runs}</div>
        {skips(detail.skips)}
        <h2>{words.plans.source}</h2>
        <details>
            <summary>{words.common.show}</summary>
            <p><a href=format!("/plans/{}/what-if", detail.row.name)>{words.what_if.title}</a></p>
            <pre class="sunk source" tabindex="0" role="region" aria-label=words.plans.source>{detail.source}</pre>
        </details>
    }
    .into_any()
}

fn tasks(plan: &Plan) -> AnyView {
    let words = use_words();
    let rows = plan
        .tasks
        .iter()
        .map(|task| {
            let needs = (!task.needs.is_empty())
                .then(|| format!("{} {}", words.task.needs, task.needs.join(", ")));
            let uses = (!task.uses.is_empty())
                .then(|| format!("{} {}", words.task.uses, task.uses.join(", ")));
            let gated = task.approval.as_ref().map(|_| view! {
                <span class="chip wait">
                    <Glyph shape=Shape::Diamond tone=Tone::Wait />
                    {words.plans.gate}
                </span>
            });
            view! {
                <li class="row">
                    <Glyph shape=Shape::Dot tone=Tone::Soft />
                    <div>
                        <b>{task.name.clone()}</b>
                        {(!task.description.is_empty()).then(|| view! { <small>{task.description.clone()}</small> })}
                        {needs.map(|needs| view! { <small>{needs}</small> })}
                        {uses.map(|uses| view! { <small>{uses}</small> })}
                        {task.when.clone().map(|when| view! { <small><code>{when}</code></small> })}
                    </div>
                    <div class="when">{gated}</div>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="plain sheet">{rows}</ul> }.into_any()
}

fn skips(skips: Vec<OccurrenceRow>) -> Option<AnyView> {
    let words = use_words();
    if skips.is_empty() {
        return None;
    }
    let rows = skips
        .into_iter()
        .map(|skip| {
            view! {
                <li class="row">
                    <Glyph shape=Shape::Dash tone=Tone::Soft />
                    <div>
                        <code>{skip.trigger}</code>
                        <small>{skip.skip_reason.as_deref().map(words.plans.skip_reason)}</small>
                    </div>
                    <div class="when"><Moment at=skip.due_at /></div>
                </li>
            }
        })
        .collect_view();
    let view = view! {
        <h2>{words.plans.skips}</h2>
        <ul class="plain sheet">{rows}</ul>
    };
    Some(view.into_any())
}
