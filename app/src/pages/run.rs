use leptos::prelude::*;
use model::id::RunKey;
use model::identity::Permission;
use model::view::RunDetail;
use model::visible::pretty;

use super::{PageTitle, loaded, param, verb_is_known};
use crate::api::Seen;
use crate::api::runs::load_run;
use crate::components::{
    AnswerNotice, Fact, Facts, Moment, PlanLink, RunMark, Span, Tally, TaskLedger, VerbForm,
    visible,
};
use crate::live::use_live;
use crate::text::use_words;
use crate::visit::{use_answer, use_visit};

/// One run: its facts, its tasks, what can be done.
#[component]
pub fn RunPage() -> impl IntoView {
    if !verb_is_known(&["cancel", "retry"]) {
        return view! { <super::NotFoundPage /> }.into_any();
    }
    let key = param::<RunKey>("key");
    loaded(
        key,
        |key| async move { load_run(key?).await },
        |first| {
            let title = first.it.row.run_id.clone();
            let key = first.it.row.key;
            let run = use_live(first, 3, still_open, move |_| load_run(key));
            view! {
                <PageTitle text=title />
                {move || run.with(|run| run_view(run.it.clone()))}
            }
        },
    )
}

fn still_open(seen: &Seen<RunDetail>) -> bool {
    seen.it.row.finished_at.is_none()
}

fn run_view(run: RunDetail) -> AnyView {
    let words = use_words();
    let page = format!("/runs/{}", run.row.key);
    let may = use_visit().may(Permission::Run);
    let native = run.row.plan.is_some();
    let open = run.row.finished_at.is_none();
    let failed = run.row.counts.failed + run.row.counts.skipped > 0;
    let took = run
        .row
        .finished_at
        .map(|at| (at - run.row.created_at).num_milliseconds());
    let inputs = run
        .inputs
        .as_object()
        .is_some_and(|inputs| !inputs.is_empty())
        .then(|| {
            let text = visible(&pretty(&run.inputs));
            view! {
                <h2>{words.common.inputs}</h2>
                <pre class="sunk">{text}</pre>
            }
        });
    let verbs = native.then(|| {
        view! {
            <div class="actions">
                <VerbForm action=format!("{page}/retry") label=words.runs.retry_failed may live=!open && failed />
                <VerbForm action=format!("{page}/cancel") label=words.runs.cancel may live=open refuse=true />
            </div>
        }
    });
    view! {
        <div class="dateline">
            <a href="/runs">{words.runs.title}</a>
        </div>
        <div class="head">
            <h1 tabindex="-1">{run.row.run_id}</h1>
            {verbs}
        </div>
        <AnswerNotice answer=use_answer(&page, "verb") />
        <Facts>
            <Fact name=words.common.status>
                <RunMark status=run.row.counts.status() />
            </Fact>
            {run.row.plan.map(|plan| view! {
                <Fact name=words.common.plan>
                    <PlanLink plan=Some(plan) />
                    {run.row.plan_version.map(|version| format!(" v{version}"))}
                </Fact>
            })}
            <Fact name=words.runs.started_by>{run.row.started_by}</Fact>
            {run.row.due_at.map(|at| view! { <Fact name=words.runs.due><Moment at /></Fact> })}
            <Fact name=words.common.started><Moment at=run.row.created_at /></Fact>
            {took.map(|milliseconds| view! { <Fact name=words.common.took><Span milliseconds /></Fact> })}
            <Fact name=words.common.tasks><Tally counts=run.row.counts /></Fact>
        </Facts>
        <h2>{words.common.tasks}</h2>
        <div class="sheet">
            <TaskLedger rows=run.tasks with_run=false caption=words.common.tasks />
        </div>
        {inputs}
    }
    .into_any()
}
