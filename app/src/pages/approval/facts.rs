//! What a person must know of a request before they answer.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use model::approval::ApprovalState;
use model::plan::RiskLevel;
use model::view::{ApprovalDetail, ApprovalStanding, DiffExtent};

use crate::components::{Fact, Facts, Moment, Place, PlanLink, RunLink, visible, visible_at};
use crate::text::use_words;
use crate::time::distance;

/// The facts, in the order in which one asks for them. How many have signed is as new as the
/// answers; all else stays as it was read.
pub fn sheet_facts(
    detail: &ApprovalDetail,
    standing: RwSignal<ApprovalStanding>,
    now: DateTime<Utc>,
) -> AnyView {
    let words = use_words();
    let row = detail.row.clone();
    let pending = row.state == ApprovalState::Pending;
    let deadline = row.expires_at.map(|at| {
        view! {
            <Fact name=words.approvals.deadline>
                <Moment at />
                {pending.then(|| format!(" · {}", distance(at, now, words)))}
            </Fact>
        }
    });
    let extent = detail.extent.map(|DiffExtent { files, added, removed }| {
        view! {
            <Fact name=words.approvals.what_changes>
                {(words.approvals.files)(files.into())}" · "<span class="good">"+"{added}</span>" "<span class="bad">"−"{removed}</span>
            </Fact>
        }
    });
    let plan = row.plan.clone().map(|plan| {
        view! { <Fact name=words.common.plan><PlanLink plan=Some(plan) /></Fact> }
    });
    let run = row.run_id.clone().map(|run_id| {
        view! {
            <Fact name=words.common.run>
                <RunLink run=row.run run_id=Some(run_id) />
            </Fact>
        }
    });
    let round = (row.round > 0).then(|| {
        view! { <Fact name=words.approvals.round>{row.round + 1}</Fact> }
    });
    let requester = detail.requester.clone().map(|name| {
        let by = if detail.row.is_about_version() {
            words.approvals.version_by
        } else {
            words.approvals.requested_by
        };
        view! { <Fact name=by>{visible(&name)}</Fact> }
    });
    let (task, task_name, asked_at) = (row.task_id, row.task.clone(), row.requested_at);
    let digest = detail.digest.clone();
    let short = digest.chars().take(12).collect::<String>();
    let (why, risk) = (why(detail), risk(detail));
    let escalated = escalated(detail);
    let from = detail.from.join(", ");
    view! {
        <Facts>
            {plan}
            <Fact name=words.common.task>
                <a href=format!("/tasks/{task}")>{visible_at(Place::Task, &task_name)}</a>
            </Fact>
            {run}
            {round}
            <Fact name=words.approvals.requested><Moment at=asked_at /></Fact>
            {deadline}
            {requester}
            <Fact name=words.approvals.why_stopped>{why}</Fact>
            {risk}
            {move || standing.with(signatures)}
            <Fact name=words.approvals.signers>{from}</Fact>
            {escalated}
            {extent}
            <Fact name=words.approvals.digest>
                <code title=digest>{short}"…"</code>
            </Fact>
        </Facts>
    }
    .into_any()
}

fn why(detail: &ApprovalDetail) -> AnyView {
    let words = &use_words().approvals;
    let rule = match (&detail.condition, detail.row.phase, detail.row.risk) {
        (Some(condition), ..) => view! { <code>{visible(condition)}</code> }.into_any(),
        (None, _, Some(_)) => words.no_rule.into_any(),
        (None, Some(_), None) => words.always_stops.into_any(),
        (None, None, None) => words.reported_gate.into_any(),
    };
    // The engine's own sentences are English.
    let sentence = detail
        .why
        .clone()
        .map(|why| view! { <span class="soft" lang="en">" · " {visible(&why)}</span> });
    view! { {rule} {sentence} }.into_any()
}

fn risk(detail: &ApprovalDetail) -> Option<AnyView> {
    let words = &use_words().approvals;
    let word = match detail.row.risk? {
        RiskLevel::Auto => words.risk_auto,
        RiskLevel::One => words.risk_one,
        RiskLevel::Two => words.risk_two,
    };
    Some(view! { <Fact name=words.risk>{word}</Fact> }.into_any())
}

/// How many have signed, and who still can: a request that too few can sign says so.
fn signatures(standing: &ApprovalStanding) -> Option<AnyView> {
    let words = &use_words().approvals;
    let row = standing.row.clone();
    let pending = row.state == ApprovalState::Pending;
    if row.required < 2 && !(pending && standing.may_sign.is_empty()) {
        return None;
    }
    let left = usize::try_from(row.required.saturating_sub(row.signatures)).unwrap_or(0);
    let able = standing.may_sign.join(", ");
    let who = pending.then(|| {
        let (class, text) = if standing.may_sign.len() < left {
            ("bad", words.nobody_can_sign.to_owned())
        } else {
            (
                "soft",
                format!("{}{}{able}", words.can_still_sign, use_words().common.colon),
            )
        };
        view! { <span class=class>" · " {text}</span> }
    });
    let view = view! {
        <Fact name=words.signatures>{(words.signed_of)(row.signatures, row.required)} {who}</Fact>
    };
    Some(view.into_any())
}

fn escalated(detail: &ApprovalDetail) -> Option<AnyView> {
    let words = &use_words().approvals;
    let last = detail.escalations.last()?;
    let to: Vec<String> = detail
        .escalations
        .iter()
        .flat_map(|step| step.to.clone())
        .collect();
    let at = last.at;
    let view = view! {
        <div>
            <dt class="unseen">{words.signers}</dt>
            <dd>{(words.escalated_to)(&to.join(", "))} ", " <Moment at /></dd>
        </div>
    };
    Some(view.into_any())
}
