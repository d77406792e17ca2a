//! What is signed and is no result: the task that would start, inputs, and the results and files
//! that it starts from.

use leptos::prelude::*;
use model::task::GatePhase;
use model::view::{ApprovalDetail, NeededResult};
use model::visible::{outline, pieces, pretty, shown};
use serde_json::{Map, Value};

use crate::components::{Marker, Place};
use crate::text::use_words;

/// What would start, whole. None for a request about a result.
pub fn start(detail: &ApprovalDetail) -> Option<AnyView> {
    if detail.row.phase != Some(GatePhase::BeforeStart) {
        return None;
    }
    let words = use_words();
    let view = match &detail.signed {
        None => view! { <p class="soft">{words.approvals.not_recorded}</p> }.into_any(),
        Some(signed) => {
            let definition = &signed["definition"];
            let filled = definition.to_string().contains("{{");
            let version = signed["plan_version"].as_i64();
            let version = version
                .map(|number| format!(" ({} {number})", words.common.version.to_lowercase()));
            view! {
                <h3>{words.approvals.definition} {version}</h3>
                {lines(words.approvals.definition, Place::Definition, &task_first(definition))}
                {filled.then(|| view! { <p class="soft">{words.approvals.placeholders}</p> })}
                {inputs(&signed["inputs"]).map(|table| view! { <h3>{words.common.inputs}</h3> {table} })}
                {needed(&detail.needed)}
                {used(&signed["uses"])}
            }
            .into_any()
        }
    };
    let view = view! {
        <h2>{words.approvals.would_start}</h2>
        {view}
    };
    Some(view.into_any())
}

/// What else is signed of a result, and the inputs of its run.
pub fn beside(detail: &ApprovalDetail) -> Option<AnyView> {
    let words = use_words();
    match (detail.row.phase, &detail.signed) {
        (Some(GatePhase::BeforeStart), _) => None,
        (None, signed) => {
            let table = inputs(&signed.as_ref()?["inputs"])?;
            let view = view! {
                <h2>{words.common.inputs}</h2>
                {table}
            };
            Some(view.into_any())
        }
        (Some(GatePhase::AfterResult), Some(signed)) if detail.row.is_about_version() => {
            let title = words.approvals.signed_facts;
            let view = view! {
                <h2>{title}</h2>
                {lines(title, Place::Signed, &outline(signed))}
            };
            Some(view.into_any())
        }
        (Some(GatePhase::AfterResult), _) => {
            let table = inputs(detail.run_inputs.as_ref()?)?;
            let view = view! {
                <h2>{words.common.inputs}</h2>
                {table}
                <p class="soft">{words.approvals.run_inputs_hint}</p>
            };
            Some(view.into_any())
        }
    }
}

/// The definition of a task with what it does at its head.
fn task_first(definition: &Value) -> String {
    let mut rest = definition.clone();
    let Some(fields) = rest.as_object_mut() else {
        return outline(definition);
    };
    let mut text = String::new();
    for name in ["work", "environment"] {
        if let Some(part) = fields.remove(name) {
            text.push_str(&outline(&Value::Object(Map::from_iter([(
                name.to_owned(),
                part,
            )]))));
        }
    }
    text + &outline(&rest)
}

/// A text of several lines, each of which is told from one that goes on.
fn lines(label: &'static str, place: Place, text: &str) -> AnyView {
    let mut marker = Marker::at(place);
    let rows = text
        .strip_suffix('\n')
        .unwrap_or(text)
        .split('\n')
        .map(|line| view! { <span>{marker.pieces(pieces(line))}</span> })
        .collect_view();
    view! {
        <pre class="sunk outline" tabindex="0" role="region" aria-label=label>
            <code>{rows}</code>
        </pre>
    }
    .into_any()
}

/// Names and values; none where nothing was given.
fn inputs(values: &Value) -> Option<AnyView> {
    let words = use_words();
    let mut marker = Marker::at(Place::Inputs);
    let body = match values {
        Value::Null => return None,
        Value::Object(fields) if fields.is_empty() => return None,
        Value::Object(fields) => {
            let rows: Vec<_> = fields
                .iter()
                .map(|(name, value)| row(&mut marker, name, &of_value(value)))
                .collect();
            table(words.common.inputs, rows)
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            lines(words.common.inputs, Place::Inputs, &outline(values))
        }
    };
    Some(body)
}

/// A text as it is, unless it would not be seen for one.
fn of_value(value: &Value) -> String {
    match value {
        Value::String(text) if !text.trim().is_empty() => text.clone(),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => pretty(value),
    }
}

fn needed(results: &[NeededResult]) -> Option<AnyView> {
    let words = &use_words().approvals;
    if results.is_empty() {
        return None;
    }
    let mut marker = Marker::at(Place::Needs);
    let rows = results.iter().map(|result| {
        let outputs = result.outputs.as_ref().map(pretty);
        let parts: Vec<String> = outputs
            .into_iter()
            .chain(result.outputs_uri.clone())
            .collect();
        let told = match &result.digest {
            None => words.no_result.to_owned(),
            Some(digest) => {
                let told = if parts.is_empty() {
                    words.nothing_kept.to_owned()
                } else {
                    parts.join("\n")
                };
                format!("{told}\nsha256:{digest}")
            }
        };
        row(&mut marker, &result.task, &told)
    });
    let rows = rows.collect();
    let view = view! {
        <h3>{words.starts_from}</h3>
        {table(words.starts_from, rows)}
    };
    Some(view.into_any())
}

/// By task and path the hashes of the files.
fn used(uses: &Value) -> Option<AnyView> {
    let words = &use_words().approvals;
    let tasks = uses.as_object()?;
    let mut marker = Marker::at(Place::Uses);
    let mut rows = Vec::new();
    for (task, files) in tasks {
        let files = files.as_object().filter(|files| !files.is_empty());
        if files.is_none() {
            rows.push(row(&mut marker, task, words.no_files));
        }
        for (path, hash) in files.into_iter().flatten() {
            let hash = format!("sha256:{}", hash.as_str().unwrap_or_default());
            rows.push(row(&mut marker, &format!("{task}/{path}"), &hash));
        }
    }
    let view = view! {
        <h3>{words.used_files}</h3>
        {table(words.used_files, rows)}
    };
    Some(view.into_any())
}

fn row(marker: &mut Marker, name: &str, value: &str) -> AnyView {
    view! {
        <tr>
            <th scope="row"><code>{marker.text(name)}</code></th>
            <td class="mono">{marker.text(value)}</td>
        </tr>
    }
    .into_any()
}

fn table(label: &'static str, rows: Vec<AnyView>) -> AnyView {
    view! {
        <table class="ledger given" aria-label=shown(label).into_owned()>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
