//! In which order the inbox stands: by time, by plan, or what is alike together.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use model::id::ApprovalId;
use model::view::ApprovalRow;

use crate::text::use_words;

/// How waiting requests are put together; it stands in the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Soonest to expire, then the riskiest.
    #[default]
    Deadline,
    Plan,
    /// What has the same task and the same digest.
    Result,
}

/// Rows under a heading, where the order has headings.
type Group = (Option<String>, Vec<ApprovalRow>);

impl Order {
    /// Reads `group`; anything else is by time.
    #[must_use]
    pub fn read(query: &ParamsMap) -> Self {
        match query.get_str("group") {
            Some("plan") => Self::Plan,
            Some("result") => Self::Result,
            Some(_) | None => Self::Deadline,
        }
    }

    const fn query(self) -> &'static str {
        match self {
            Self::Deadline => "",
            Self::Plan => "?group=plan",
            Self::Result => "?group=result",
        }
    }

    /// What takes the order through a form; nothing where none stands in the address.
    #[must_use]
    pub fn hidden(self) -> Option<AnyView> {
        let group = match self {
            Self::Deadline => return None,
            Self::Plan => "plan",
            Self::Result => "result",
        };
        Some(view! { <input type="hidden" name="group" value=group /> }.into_any())
    }

    /// The address of the list, in this order.
    #[must_use]
    pub fn list(self) -> String {
        format!("/approvals{}", self.query())
    }

    /// The address of an item, in this order.
    #[must_use]
    pub fn address(self, id: ApprovalId) -> String {
        format!("/approvals/{id}{}", self.query())
    }

    /// The rows one after another, as they are shown.
    #[must_use]
    pub fn arranged(self, rows: &[ApprovalRow]) -> Vec<ApprovalRow> {
        self.groups(rows)
            .into_iter()
            .flat_map(|(_, rows)| rows)
            .collect()
    }

    /// The rows by heading; groups stand where their first row would.
    #[must_use]
    pub fn groups(self, rows: &[ApprovalRow]) -> Vec<Group> {
        let words = use_words();
        match self {
            Self::Deadline => vec![(None, rows.to_vec())],
            Self::Plan => gathered(
                rows,
                |row| row.plan.clone(),
                |row, _| {
                    let name = row.plan.clone();
                    name.unwrap_or_else(|| words.common.reported.to_owned())
                },
            ),
            Self::Result => gathered(
                rows,
                |row| (row.plan.clone(), row.task.clone(), row.digest.clone()),
                |row, count| match count {
                    1 => row.task.clone(),
                    _ => format!("{count} × {} · {}", row.task, words.approvals.same_result),
                },
            ),
        }
    }

    /// The links to the other orders.
    #[must_use]
    pub fn choice(self) -> AnyView {
        let words = &use_words().approvals;
        let link = |order: Self, word: &'static str| {
            let current = (order == self).then_some("true");
            view! { <a href=order.list() aria-current=current>{word}</a> }
        };
        view! {
            <p class="choice">
                {link(Self::Deadline, words.by_deadline)}
                {link(Self::Plan, words.by_plan)}
                {link(Self::Result, words.by_result)}
            </p>
        }
        .into_any()
    }
}

fn gathered<Key: PartialEq>(
    rows: &[ApprovalRow],
    key: impl Fn(&ApprovalRow) -> Key,
    title: impl Fn(&ApprovalRow, usize) -> String,
) -> Vec<Group> {
    let mut groups: Vec<(Key, Vec<ApprovalRow>)> = Vec::new();
    for row in rows {
        let key = key(row);
        match groups.iter_mut().find(|(present, _)| *present == key) {
            Some((_, group)) => group.push(row.clone()),
            None => groups.push((key, vec![row.clone()])),
        }
    }
    groups
        .into_iter()
        .map(|(_, rows)| {
            let title = rows.first().map(|row| title(row, rows.len()));
            (title, rows)
        })
        .collect()
}
