//! What follows from an answer.

use leptos::prelude::*;
use model::approval::Verdict;
use model::task::GatePhase;
use model::view::{ApprovalDetail, ApprovalStanding};

use super::arming::key_of;
use crate::components::visible;
use crate::text::use_words;

/// What the request is about, and which tasks wait for its answer.
#[derive(Clone)]
pub struct Consequences {
    about: About,
    waiting: Vec<String>,
    skipped: Vec<String>,
    may_request_changes: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Result,
    Start,
    Reported,
    Version,
}

impl Consequences {
    /// Those of the request that the sheet shows.
    pub fn of(detail: &ApprovalDetail) -> Self {
        let about = if detail.row.is_about_version() {
            About::Version
        } else {
            match detail.row.phase {
                Some(GatePhase::AfterResult) => About::Result,
                Some(GatePhase::BeforeStart) => About::Start,
                None => About::Reported,
            }
        };
        Self {
            about,
            waiting: detail.waiting.clone(),
            skipped: detail.skipped.clone(),
            may_request_changes: detail.may_request_changes,
        }
    }

    /// The two ways side by side, and the third.
    pub fn fork(self) -> AnyView {
        let words = &use_words().consequences;
        let (none, others_stay) = match self.about {
            About::Version => (None, Some(words.version_stays)),
            About::Result | About::Start | About::Reported => {
                let none = self.waiting.is_empty() && self.skipped.is_empty();
                (
                    none.then_some(words.nothing_waits_for_it),
                    none.then_some(words.nothing_else_changes),
                )
            }
        };
        let anyway: Vec<String> = self
            .waiting
            .iter()
            .filter(|name| !self.skipped.contains(name))
            .cloned()
            .collect();
        let list = |names: &[String], say: fn(&str) -> String| {
            names
                .iter()
                .map(|name| view! { <li>{visible(&say(name))}</li> })
                .collect_view()
        };
        view! {
            <div class="fork">
                <div>
                    <h2 class="yes">{words.if_approve}</h2>
                    <ul>
                        <li>{self.approved()}</li>
                        {list(&self.waiting, words.starts_next)}
                        {none.map(|text| view! { <li>{text}</li> })}
                    </ul>
                </div>
                <div>
                    <h2 class="no">{words.if_reject}</h2>
                    <ul>
                        <li>{self.rejected()}</li>
                        {list(&self.skipped, words.is_skipped)}
                        {list(&anyway, words.starts_anyway)}
                        {others_stay.map(|text| view! { <li>{text}</li> })}
                    </ul>
                </div>
            </div>
            {self.may_request_changes.then(|| view! {
                <p class="soft third">
                    <b>{use_words().approvals.request_changes}</b>
                    {use_words().common.colon}
                    {words.if_changes}
                </p>
            })}
        }
        .into_any()
    }

    /// What an armed key will do, in one sentence.
    pub fn sentence(&self, verdict: Verdict, standing: &ApprovalStanding, also: bool) -> String {
        let words = &use_words().consequences;
        let row = &standing.row;
        let left = row.required.saturating_sub(row.signatures);
        let mut follows = match verdict {
            Verdict::Approve if left > 1 => vec![(words.after_yours)(i64::from(left - 1))],
            Verdict::Approve => first_of(self.approved(), &self.waiting, words.starts_next),
            Verdict::Reject => first_of(self.rejected(), &self.skipped, words.is_skipped),
            Verdict::RequestChanges => vec![words.if_changes.to_owned()],
        };
        if also {
            let others = i64::try_from(standing.identical.len()).unwrap_or(i64::MAX);
            follows.push((words.same_for)(others));
        }
        let key = key_of(verdict).to_uppercase();
        let answer = use_words().approvals.answer(verdict).to_lowercase();
        (words.press_again)(&key, &answer, &follows.join(", "))
    }

    fn approved(&self) -> &'static str {
        let words = &use_words().consequences;
        match self.about {
            About::Result => words.result_accepted,
            About::Start => words.task_starts,
            About::Reported => words.reported_accepted,
            About::Version => words.version_effective,
        }
    }

    fn rejected(&self) -> &'static str {
        let words = &use_words().consequences;
        match self.about {
            About::Result | About::Start | About::Reported => words.marked_failed,
            About::Version => words.version_refused,
        }
    }
}

/// Names one task and counts the others: the sheet names them all.
fn first_of(itself: &str, tasks: &[String], say: fn(&str) -> String) -> Vec<String> {
    let mut follows = vec![itself.to_owned()];
    if let Some((name, others)) = tasks.split_first() {
        let others = i64::try_from(others.len()).unwrap_or(i64::MAX);
        let more = (others > 0).then(|| (use_words().consequences.more_tasks)(others));
        follows.push(say(name));
        follows.extend(more);
    }
    follows
}
