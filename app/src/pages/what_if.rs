//! A draft of a plan's gates against what already happened.

use leptos::prelude::*;
use model::identity::Permission;
use model::view::{WhatIf, WhatIfRow};

use super::{PageTitle, loaded, param};
use crate::api::plans::{ask_what_if, load_plan};
use crate::components::{
    AnswerNotice, Empty, Glyph, Moment, Shape, TaskLink, TextArea, TextField, Tone,
};
use crate::error::PageError;
use crate::text::use_words;
use crate::visit::{FormAnswer, use_answer, use_visit};

/// How far back the question goes where nobody says.
const DAYS: u32 = 30;

/// The present text to try changes on, and what they would have done.
#[component]
pub fn WhatIfPage() -> impl IntoView {
    loaded(param::<String>("name"), load, |(name, answer, found)| {
        let words = &use_words().what_if;
        let page = format!("/plans/{name}");
        let may = use_visit().may(Permission::EditPlan);
        let hint =
            (!may).then(|| view! { <p class="hint soft">{use_words().task.role_needed}</p> });
        view! {
            <PageTitle text=format!("{} · {name}", words.title) />
            <div class="dateline">
                <a href=page.clone()>{name}</a>
            </div>
            <h1 tabindex="-1">{words.title}</h1>
            <p class="lede">{words.lede}</p>
            <AnswerNotice answer=answer.clone() />
            {found.map(found_view)}
            <form class="sheet panel" method="post" action=format!("{page}/what-if")>
                <TextField
                    name="days"
                    label=words.days
                    kind="number"
                    answer=answer.clone()
                    value=DAYS.to_string()
                />
                <TextArea name="source" label=words.source answer rows=24 longest=1_000_000 />
                <button class="btn sign" disabled=!may>{words.ask}</button>
                {hint}
            </form>
        }
    })
}

type Loaded = (String, FormAnswer, Option<WhatIf>);

async fn load(name: Result<String, PageError>) -> Result<Loaded, PageError> {
    let name = name?;
    let mut answer = use_answer(&format!("/plans/{name}/what-if"), "what-if");
    let plan = load_plan(name.clone()).await?;
    let Some(source) = answer.typed("source") else {
        answer.typed = vec![("source".to_owned(), plan.it.source)];
        return Ok((name, answer, None));
    };
    let days = answer
        .typed("days")
        .and_then(|days| days.trim().parse().ok());
    let found = match days {
        Some(days) if answer.wrong.is_empty() => ask_what_if(name.clone(), source, days).await?,
        Some(_) | None => None,
    };
    Ok((name, answer, found))
}

fn found_view(found: WhatIf) -> AnyView {
    let words = &use_words().what_if;
    let cut = found.cut.then(|| view! { <p class="soft">{words.cut}</p> });
    view! {
        <p class="notice" role="status">
            <b>{(words.would_stop)(found.would_stop, found.considered)}</b>
            " "
            {(words.did_stop)(found.did_stop)}
        </p>
        {cut}
        {list(words.these, found.stopped, (Shape::Diamond, Tone::Wait))}
        {list(words.no_longer, found.passed, (Shape::Check, Tone::Soft))}
    }
    .into_any()
}

fn list(title: &'static str, rows: Vec<WhatIfRow>, mark: (Shape, Tone)) -> AnyView {
    if rows.is_empty() {
        return view! {
            <h2>{title}</h2>
            <div class="sheet"><Empty text=use_words().what_if.none /></div>
        }
        .into_any();
    }
    let rows = rows.into_iter().map(|row| line(row, mark)).collect_view();
    view! {
        <h2>{title}</h2>
        <ul class="plain sheet">{rows}</ul>
    }
    .into_any()
}

fn line(row: WhatIfRow, (shape, tone): (Shape, Tone)) -> AnyView {
    let words = use_words();
    let signatures = (row.required > 0).then(|| {
        format!(
            " · {}{}{}",
            words.approvals.signatures, words.common.colon, row.required
        )
    });
    let rule = match (row.rule, row.why) {
        (Some(rule), _) => Some(view! { <small><code>{rule}</code></small> }.into_any()),
        (None, Some(why)) => Some(view! { <small lang="en">{why}</small> }.into_any()),
        (None, None) => None,
    };
    view! {
        <li class="row">
            <Glyph shape tone />
            <div>
                <TaskLink id=row.task_id name=row.task />
                {row.run_id.map(|run| format!(" · {run}"))}
                {signatures}
                {rule}
            </div>
            <div class="when"><Moment at=row.at /></div>
        </li>
    }
    .into_any()
}
