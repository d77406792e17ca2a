use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::page::{Page, Position};
use model::reported::Status;
use model::view::TaskRow;

use super::{PageTitle, loaded};
use crate::address::HistoryAddress;
use crate::api::tasks::list_tasks;
use crate::components::{Empty, LoadMore, StatusMark, TaskLedger, TextField};
use crate::text::use_words;
use crate::visit::FormAnswer;

/// Every task, under filters that stand in the address.
#[component]
pub fn HistoryPage() -> impl IntoView {
    let words = &use_words().history;
    let query = use_query_map();
    let address = Memo::new(move |_| query.with(HistoryAddress::read));
    let list = loaded(
        move || address.get(),
        |address| async move {
            if address.is_sound() {
                list_tasks(address.filter, address.before).await.map(Some)
            } else {
                Ok(None)
            }
        },
        move |page| {
            let address = address.get_untracked();
            page.map(|page| list_view(address, page))
        },
    );
    view! {
        <PageTitle text=words.title />
        <div class="head">
            <h1 tabindex="-1">{words.title}</h1>
            <a
                class="btn"
                rel="external"
                download=""
                href=move || address.with(HistoryAddress::csv)
            >
                {words.csv}
            </a>
        </div>
        {move || filters(&address.get())}
        {list}
    }
}

fn filters(address: &HistoryAddress) -> AnyView {
    let words = use_words();
    let mut answer = FormAnswer::default();
    if address.since_is_wrong {
        let wrong = words.history.since_wrong.to_owned();
        answer.wrong.push(("since".to_owned(), wrong));
    }
    let statuses = Status::ALL
        .into_iter()
        .map(|status| {
            let checked = address.filter.statuses.contains(&status);
            view! {
                <label class="check">
                    <input type="checkbox" name="status" value=status.as_str() checked=checked />
                    <StatusMark state=status.stored_as() />
                </label>
            }
        })
        .collect_view();
    // One field for each name in the address; they all count.
    let mut names = address.filter.tasks.clone();
    if names.is_empty() {
        names.push(String::new());
    }
    let tasks = names
        .into_iter()
        .enumerate()
        .map(|(index, value)| {
            let id = format!("field-task-{index}");
            view! {
                <TextField name="task" id label=words.common.task value hint=words.history.task_hint />
            }
        })
        .collect_view();
    let run_id = address.filter.run_id.clone().unwrap_or_default();
    view! {
        <form method="get" action="/history" class="sheet filters" role="search" aria-label=words.history.filters>
            <fieldset>
                <legend>{words.common.status}</legend>
                {statuses}
            </fieldset>
            {address.status_is_wrong.then(|| view! {
                <p class="bad" role="alert">{words.history.status_wrong}</p>
            })}
            {tasks}
            <TextField name="run_id" label=words.history.run_label value=run_id />
            <TextField
                name="since"
                label=words.history.since_label
                value=address.since.clone()
                hint=words.history.since_hint
                answer
            />
            <div class="actions">
                <button class="btn sign">{words.history.apply}</button>
                {address.is_filtered().then(|| view! {
                    <a class="btn" href="/history">{words.history.clear}</a>
                })}
            </div>
        </form>
    }
    .into_any()
}

fn list_view(address: HistoryAddress, first: Page<TaskRow>) -> AnyView {
    let words = use_words();
    if first.items.is_empty() {
        let text = if address.is_filtered() {
            words.history.empty_filtered
        } else {
            words.history.empty
        };
        return view! {
            <div class="sheet">
                <Empty text />
            </div>
        }
        .into_any();
    }
    let rows = RwSignal::new(first.items);
    let filter = address.filter.clone();
    let more = move |position: Position| list_tasks(filter.clone(), Some(position));
    view! {
        <div class="sheet">
            {move || view! { <TaskLedger rows=rows.get() caption=words.history.title /> }}
            <LoadMore
                next=first.next
                href=move |position| address.further(position)
                load=more
                append=move |items| rows.update(|rows| rows.extend(items))
            />
        </div>
    }
    .into_any()
}
