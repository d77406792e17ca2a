//! A filter as index scans: which index answers it, and where each scan stops.

use chrono::{DateTime, Utc};
use model::page::Position;
use model::task::TaskState;
use model::view::TaskFilter;

use crate::{Error, FieldProblem, Result};

/// More names than this in one filter would be as many index scans for each state.
const MOST_NAMES: usize = 20;

/// What [`listed`] binds. Exactly one of its four scans has anything to do.
pub(super) struct Keys {
    /// No status, no name, no run: the scan over all tasks.
    pub plain: bool,
    /// Statuses without names: one scan for each state.
    pub states: Vec<String>,
    /// Names: one scan for each name and state.
    pub names: Vec<String>,
    pub states_of_names: Vec<String>,
    /// A run: one scan over its tasks, filtered as it goes.
    pub run_id: Option<String>,
    pub states_in_run: Vec<String>,
    pub names_in_run: Vec<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub before_at: Option<DateTime<Utc>>,
    pub before_id: Option<i64>,
    /// Nothing that was created after an export began.
    pub highest_id: Option<i64>,
    pub limit: i64,
}

impl Keys {
    pub fn new(filter: &TaskFilter, before: Option<Position>, limit: i64) -> Result<Self> {
        check(filter)?;
        let mut states: Vec<String> = filter
            .statuses
            .iter()
            .flat_map(|status| status.states())
            .map(|state| state.as_str().to_owned())
            .collect();
        states.sort();
        states.dedup();
        let mut names = filter.tasks.clone();
        names.sort();
        names.dedup();

        let mut keys = Self {
            plain: false,
            states: Vec::new(),
            names: Vec::new(),
            states_of_names: Vec::new(),
            run_id: None,
            states_in_run: Vec::new(),
            names_in_run: Vec::new(),
            since: filter.since,
            until: filter.until,
            before_at: before.map(|position| position.sort_at),
            before_id: before.map(|position| position.id),
            highest_id: None,
            limit,
        };
        if filter.run_id.is_some() {
            keys.run_id.clone_from(&filter.run_id);
            keys.states_in_run = states;
            keys.names_in_run = names;
        } else if !names.is_empty() {
            keys.names = names;
            keys.states_of_names = if states.is_empty() {
                TaskState::ALL
                    .iter()
                    .map(|state| state.as_str().to_owned())
                    .collect()
            } else {
                states
            };
        } else if states.is_empty() {
            keys.plain = true;
        } else {
            keys.states = states;
        }
        Ok(keys)
    }

    /// The same filter from another place on.
    pub fn continue_from(&mut self, position: Option<Position>) {
        self.before_at = position.map(|position| position.sort_at);
        self.before_id = position.map(|position| position.id);
    }
}

fn check(filter: &TaskFilter) -> Result<()> {
    let mut problems = Vec::new();
    let mut wrong = |field: &str, message: String| {
        problems.push(FieldProblem {
            field: field.to_owned(),
            message,
        });
    };
    if filter.tasks.len() > MOST_NAMES {
        wrong("task", format!("give at most {MOST_NAMES} names"));
    }
    if filter.tasks.iter().any(|name| unreadable(name)) {
        wrong("task", "a name is 1 to 64 printable characters".to_owned());
    }
    if filter.run_id.as_deref().is_some_and(unreadable) {
        wrong(
            "run_id",
            "a run id is 1 to 64 printable characters".to_owned(),
        );
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(problems))
    }
}

fn unreadable(text: &str) -> bool {
    text.is_empty() || text.chars().count() > 64 || text.contains(char::is_control)
}

/// The one list of tasks, newest first: what to read of each, how far each scan may go, and [`Keys`].
///
/// Each scan stops at a literal cap, so that the planner keeps to ordered index scans in
/// cached plans too, where it does not know the limit; the rows are then fetched by id.
macro_rules! listed {
    ($record:ty, $columns:tt, $cap:tt, $keys:expr) => {
        sqlx::query_as!(
            $record,
            "SELECT " + $columns + r#"
            FROM (
                SELECT u.id, u.sort_at FROM (
                    (SELECT i.id, i.sort_at FROM tasks i
                     WHERE $1::boolean
                       AND i.sort_at >= coalesce($8, '-infinity'::timestamptz)
                       AND i.sort_at < coalesce($9, 'infinity'::timestamptz)
                       AND (i.sort_at, i.id) < (coalesce($10, 'infinity'::timestamptz), coalesce($11, 9223372036854775807))
                       AND i.id <= coalesce($12, 9223372036854775807)
                     ORDER BY i.sort_at DESC, i.id DESC LIMIT "# + $cap + r#")
                    UNION ALL
                    SELECT s.id, s.sort_at FROM unnest($2::text[]) AS wanted (state) CROSS JOIN LATERAL (
                        SELECT i.id, i.sort_at FROM tasks i
                        WHERE i.state = wanted.state
                          AND i.sort_at >= coalesce($8, '-infinity'::timestamptz)
                          AND i.sort_at < coalesce($9, 'infinity'::timestamptz)
                          AND (i.sort_at, i.id) < (coalesce($10, 'infinity'::timestamptz), coalesce($11, 9223372036854775807))
                          AND i.id <= coalesce($12, 9223372036854775807)
                        ORDER BY i.sort_at DESC, i.id DESC LIMIT "# + $cap + r#") s
                    UNION ALL
                    SELECT n.id, n.sort_at FROM unnest($3::text[]) AS wanted (name)
                    CROSS JOIN unnest($4::text[]) AS standing (state) CROSS JOIN LATERAL (
                        SELECT i.id, i.sort_at FROM tasks i
                        WHERE i.name = wanted.name AND i.state = standing.state
                          AND i.sort_at >= coalesce($8, '-infinity'::timestamptz)
                          AND i.sort_at < coalesce($9, 'infinity'::timestamptz)
                          AND (i.sort_at, i.id) < (coalesce($10, 'infinity'::timestamptz), coalesce($11, 9223372036854775807))
                          AND i.id <= coalesce($12, 9223372036854775807)
                        ORDER BY i.sort_at DESC, i.id DESC LIMIT "# + $cap + r#") n
                    UNION ALL
                    SELECT m.id, m.sort_at FROM runs q CROSS JOIN LATERAL (
                        SELECT i.id, i.sort_at FROM tasks i
                        WHERE i.run = q.id
                          AND (cardinality($6::text[]) = 0 OR i.state = ANY ($6))
                          AND (cardinality($7::text[]) = 0 OR i.name = ANY ($7))
                          AND i.sort_at >= coalesce($8, '-infinity'::timestamptz)
                          AND i.sort_at < coalesce($9, 'infinity'::timestamptz)
                          AND (i.sort_at, i.id) < (coalesce($10, 'infinity'::timestamptz), coalesce($11, 9223372036854775807))
                          AND i.id <= coalesce($12, 9223372036854775807)
                        ORDER BY i.sort_at DESC, i.id DESC LIMIT "# + $cap + r#") m
                    WHERE q.run_id = $5
                ) u
                ORDER BY u.sort_at DESC, u.id DESC LIMIT $13
            ) k
            CROSS JOIN LATERAL (SELECT * FROM tasks i WHERE i.id = k.id OFFSET 0) t
            LEFT JOIN runs r ON r.id = t.run LEFT JOIN plans p ON p.id = r.plan_id
            ORDER BY k.sort_at DESC, k.id DESC"#,
            $keys.plain,
            &$keys.states,
            &$keys.names,
            &$keys.states_of_names,
            $keys.run_id.as_deref(),
            &$keys.states_in_run,
            &$keys.names_in_run,
            $keys.since,
            $keys.until,
            $keys.before_at,
            $keys.before_id,
            $keys.highest_id,
            $keys.limit,
        )
    };
}
pub(super) use listed;
