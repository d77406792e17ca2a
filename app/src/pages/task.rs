use leptos::prelude::*;
use model::id::TaskId;
use model::identity::Permission;
use model::plan::{PlanTask, Work};
use model::task::{Origin, TaskEvent, TaskState, permitted};
use model::view::{AttemptRow, HistoryRow, LogSlice, TaskDetail};
use model::visible::pretty;

use super::{PageTitle, loaded, param, verb_is_known};
use crate::api::Seen;
use crate::api::tasks::{load_task, read_log};
use crate::components::{
    AnswerNotice, Empty, Fact, Facts, Log, Moment, OutcomeMark, OutputLink, PlanLink, RunLink,
    Span, StatusMark, TaskLink, VerbForm, artifact_list, bytes, state_word, visible,
};
use crate::error::PageError;
use crate::live::use_live;
use crate::text::use_words;
use crate::time::{Style, span};
use crate::visit::{use_answer, use_visit};

/// One task: its facts, its output as it comes, its attempts and all that happened to it.
#[component]
pub fn TaskPage() -> impl IntoView {
    if !verb_is_known(&["cancel", "rerun", "hold", "unhold"]) {
        return view! { <super::NotFoundPage /> }.into_any();
    }
    loaded(param::<TaskId>("id"), load, |(first, log)| {
        let title = first.it.row.task.clone();
        let id = first.it.row.id;
        let task = use_live(first, 2, still_open, move |_| load_task(id));
        let attempt = Memo::new(move |_| task.with(|task| task.it.row.attempt));
        let logged = StoredValue::new((attempt.get_untracked(), log));
        let log = move || {
            let attempt = attempt.get();
            let (read, slice) = logged.get_value();
            // A later attempt begins a log of its own; the page asks for it from its start.
            let slice = if read == attempt {
                slice
            } else {
                Some(nothing_yet())
            };
            slice.map(
                |first| view! { <h2>{use_words().task.log}</h2> <Log task=id attempt first /> },
            )
        };
        view! {
            <PageTitle text=title />
            {move || task.with(|task| head(task.it.clone()))}
            {log}
            {move || task.with(|task| rest(task.it.clone()))}
        }
    })
}

type Loaded = (Seen<TaskDetail>, Option<LogSlice>);

async fn load(id: Result<TaskId, PageError>) -> Result<Loaded, PageError> {
    let task = load_task(id?).await?;
    let row = &task.it.row;
    let log = if row.origin == Origin::Native && row.attempt.0 > 0 {
        Some(read_log(row.id, row.attempt, LogSlice::BEGINNING).await?)
    } else {
        None
    };
    Ok((task, log))
}

const fn nothing_yet() -> LogSlice {
    LogSlice {
        text: String::new(),
        next_seq: LogSlice::BEGINNING,
        complete: false,
        omitted_bytes: 0,
    }
}

fn still_open(seen: &Seen<TaskDetail>) -> bool {
    !seen.it.row.state.is_finished()
}

fn head(task: TaskDetail) -> AnyView {
    let words = use_words();
    let verbs = verbs(&task);
    let row = task.row;
    let page = format!("/tasks/{}", row.id);
    let took = row.duration_ms.map(|milliseconds| {
        view! {
            <Fact name=words.common.took><Span milliseconds /></Fact>
        }
    });
    let outcome = task
        .attempts
        .iter()
        .rev()
        .find_map(|attempt| attempt.exit_code)
        .map(|code| {
            view! {
                <Fact name=words.task.exit_code>{code}</Fact>
            }
        });
    let scheduled = task
        .scheduled_for
        .filter(|_| row.state == TaskState::Scheduled);
    let link = row.outputs_uri.clone().map(|uri| {
        view! {
            <Fact name=words.common.output_link><OutputLink uri /></Fact>
        }
    });
    let approval = task.approval.map(|id| {
        let class = if row.state == TaskState::AwaitingApproval {
            "btn sign"
        } else {
            "btn"
        };
        view! { <a class=class href=format!("/approvals/{id}")>{words.task.see_approval}</a> }
    });
    let needs = relatives(words.task.needs, &task.needs);
    let dependants = relatives(words.task.dependants, &task.dependants);
    let (state, created) = (row.state, task.created_at);
    let (run, attempt) = (row.run, row.attempt);
    view! {
        <div class="dateline">
            <a href="/history">{words.history.title}</a>
            {row.run_id.clone().map(|run_id| view! {
                <span>"· " <RunLink run run_id=Some(run_id) /></span>
            })}
        </div>
        <div class="head">
            <h1 tabindex="-1">{row.task.clone()}</h1>
            <div class="actions">{approval} {verbs}</div>
        </div>
        <AnswerNotice answer=use_answer(&page, "verb") />
        <Facts>
            <Fact name=words.common.status><StatusMark state /></Fact>
            {row.plan.clone().map(|plan| view! {
                <Fact name=words.common.plan><PlanLink plan=Some(plan) /></Fact>
            })}
            {(row.origin == Origin::Reported).then(|| view! {
                <Fact name=words.common.by>{words.common.reported}</Fact>
            })}
            {(row.attempt.0 > 0).then(|| view! {
                <Fact name=words.common.attempt>{attempt.0}</Fact>
            })}
            {row.started_at.map(|at| view! {
                <Fact name=words.common.started><Moment at style=Style::Precise /></Fact>
            })}
            {row.started_at.is_none().then(|| view! {
                <Fact name=words.task.created><Moment at=created /></Fact>
            })}
            {took}
            {outcome}
            {scheduled.map(|at| view! {
                <Fact name=words.task.scheduled_for><Moment at style=Style::Precise /></Fact>
            })}
            {row.reason.clone().map(|reason| view! {
                <Fact name=words.common.reason>{visible(&reason)}</Fact>
            })}
            {link}
            {needs}
            {dependants}
        </Facts>
    }
    .into_any()
}

fn verbs(task: &TaskDetail) -> AnyView {
    let words = &use_words().task;
    let row = &task.row;
    let may = use_visit().may(Permission::Run);
    let native = row.origin == Origin::Native;
    let form = |verb: &str, label, event, refuse| {
        let action = format!("/tasks/{}/{verb}", row.id);
        view! { <VerbForm action label may live=permitted(row.state, event) refuse /> }
    };
    let ours = native.then(|| {
        let hold = if row.state == TaskState::OnHold {
            form("unhold", words.unhold, TaskEvent::Unhold, false)
        } else {
            form("hold", words.hold, TaskEvent::Hold, false)
        };
        (form("rerun", words.rerun, TaskEvent::Rerun, false), hold)
    });
    (ours, form("cancel", words.cancel, TaskEvent::Cancel, true)).into_any()
}

fn relatives(name: &'static str, tasks: &[(String, TaskId, TaskState)]) -> Option<AnyView> {
    if tasks.is_empty() {
        return None;
    }
    let links = tasks
        .iter()
        .map(|(name, id, state)| {
            view! {
                <span>
                    <TaskLink id=*id name=name.clone() />
                    <span class="soft">" " {state_word(*state)} " "</span>
                </span>
            }
        })
        .collect_view();
    Some(view! { <Fact name>{links}</Fact> }.into_any())
}

fn rest(task: TaskDetail) -> AnyView {
    let words = use_words();
    let id = task.row.id;
    let reported = task
        .row
        .log_excerpt
        .filter(|_| task.row.origin == Origin::Reported);
    let excerpt = reported.map(|text| view! {
        <h2>{words.approvals.last_lines}</h2>
        <pre class="sunk log" tabindex="0" role="region" aria-label=words.approvals.last_lines>{visible(&text)}</pre>
    });
    let attempts = task
        .attempts
        .into_iter()
        .rev()
        .map(|row| view! { <Attempt row /> })
        .collect_view();
    let history = task
        .history
        .into_iter()
        .rev()
        .map(|row| view! { <Event row /> })
        .collect_view();
    view! {
        {excerpt}
        {artifact_list(id, &task.artifacts)}
        {json(words.common.outputs, task.outputs)}
        {json(words.common.inputs, task.row.inputs)}
        {task.definition.map(definition)}
        {(task.row.origin == Origin::Native).then(|| view! {
            <h2>{words.task.attempts}</h2>
            <div class="sheet">
                {(task.row.attempt.0 == 0).then(|| view! { <Empty text=words.task.no_attempt /> })}
                <ul class="plain">{attempts}</ul>
            </div>
        })}
        <h2>{words.task.history}</h2>
        <ol class="plain sheet steps">{history}</ol>
    }
    .into_any()
}

fn json(name: &'static str, value: Option<serde_json::Value>) -> Option<AnyView> {
    let value = value.filter(|value| {
        !value.is_null() && value.as_object().is_none_or(|object| !object.is_empty())
    })?;
    let text = visible(&pretty(&value));
    let view = view! {
        <h2>{name}</h2>
        <pre class="sunk" tabindex="0" role="region" aria-label=name>{text}</pre>
    };
    Some(view.into_any())
}

fn definition(task: PlanTask) -> AnyView {
    let words = use_words();
    let command = match task.work {
        Work::Run(argv) => argv.join(" "),
        Work::Shell { program, script } => format!("{program}: {script}"),
    };
    let milliseconds = i64::try_from(task.timeout_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    view! {
        <h2>{words.task.command}</h2>
        <pre class="sunk log">{command}</pre>
        <p class="soft">{words.task.timeout} " " {span(milliseconds, words)}</p>
    }
    .into_any()
}

#[component]
fn Attempt(row: AttemptRow) -> impl IntoView {
    let words = use_words();
    let took = row
        .finished_at
        .map(|at| (at - row.started_at).num_milliseconds());
    let outcome = match row.outcome {
        Some(outcome) => view! { <OutcomeMark outcome /> }.into_any(),
        None => view! { <StatusMark state=TaskState::Running /> }.into_any(),
    };
    view! {
        <li class="row">
            <span class="soft">{row.number.0}</span>
            <div>
                {outcome}
                {row.exit_code.map(|code| format!(", {} {code}", words.task.exit_code))}
                {row.signal.map(|signal| format!(", {} {signal}", words.task.signal))}
                <small>
                    {row.worker} " · " {(words.task.bytes)(&bytes(row.output_bytes))}
                    {row.digest.map(|digest| view! { " · " <code title=digest.clone()>{digest.chars().take(12).collect::<String>()} "…"</code> })}
                </small>
            </div>
            <div class="when">
                <Moment at=row.started_at style=Style::Precise />
                <small>{took.map(|milliseconds| view! { <Span milliseconds /> })}</small>
            </div>
        </li>
    }
    .into_any()
}

#[component]
fn Event(row: HistoryRow) -> impl IntoView {
    view! {
        <li>
            <Moment at=row.at style=Style::Precise />
            <div>
                <StatusMark state=row.to />
                <span class="soft">" · " {row.event.replace('_', " ")} " · " {row.actor}</span>
                {row.reason.map(|reason| view! { <span class="under">{visible(&reason)}</span> })}
            </div>
        </li>
    }
    .into_any()
}
