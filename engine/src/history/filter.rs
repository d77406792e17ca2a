//! A filter as index scans: which index answers it, and where each scan stops.

use chrono::{DateTime, Utc};
use model::page::Position;
use model::task::TaskState;
use model::view::TaskFilter;

use crate::{Error, FieldProblem, Result};

/// More names than this in one filter would be as many index scans for each state.
const MOST_NAMES: usize = 20;

/// What [`listed`] binds.
pub(super) struct Keys {
    pub scan: Scan,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub before_at: Option<DateTime<Utc>>,
    pub before_id: Option<i64>,
    /// Nothing that was created after an export began.
    pub highest_id: Option<i64>,
    pub limit: i64,
}

/// Which index scans answer a filter.
pub(super) enum Scan {
    /// One, over all tasks.
    All,
    /// One for each state.
    States(Vec<String>),
    /// One for each name in each state.
    Names {
        names: Vec<String>,
        states: Vec<String>,
    },
    /// One over the tasks of the runs with this readable id, filtered as it goes.
    Run {
        run_id: String,
        names: Vec<String>,
        states: Vec<String>,
    },
}

impl Keys {
    pub fn new(filter: &TaskFilter, before: Option<Position>, limit: i64) -> Result<Self> {
        check(filter)?;
        let mut states: Vec<String> = filter
            .statuses
            .iter()
            .flat_map(|status| status.states())
            .map(|state| state.to_string())
            .collect();
        states.sort();
        states.dedup();
        let mut names = filter.tasks.clone();
        names.sort();
        names.dedup();
        let scan = match (&filter.run_id, names.is_empty(), states.is_empty()) {
            (Some(run_id), _, _) => Scan::Run {
                run_id: run_id.clone(),
                names,
                states,
            },
            (None, true, true) => Scan::All,
            (None, true, false) => Scan::States(states),
            (None, false, false) => Scan::Names { names, states },
            (None, false, true) => Scan::Names {
                names,
                states: TaskState::ALL.iter().map(ToString::to_string).collect(),
            },
        };
        let mut keys = Self {
            scan,
            since: filter.since,
            until: filter.until,
            before_at: None,
            before_id: None,
            highest_id: None,
            limit,
        };
        keys.continue_from(before);
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
/// cached plans too, where it does not know the limit. Several scans find ids, whose rows are
/// then fetched; one scan reads its rows as it goes.
macro_rules! listed {
    ($record:ty, $columns:tt, $cap:tt, $keys:expr, $pool:expr) => {
        match &$keys.scan {
            Scan::All => {
                listed!(
                    @query $record, $columns, $cap, $keys, $pool,
                    "(SELECT s.* FROM ", "", "(SELECT i.* FROM ", "tasks i WHERE true", ") t", "t"
                )
            }
            Scan::States(states) => {
                listed!(
                    @merged $record, $columns, $cap, $keys, $pool,
                    "tasks i WHERE i.state = wanted.state",
                    "unnest($7::text[]) AS wanted (state) CROSS JOIN LATERAL ",
                    states
                )
            }
            Scan::Names { names, states } => {
                listed!(
                    @merged $record, $columns, $cap, $keys, $pool,
                    "tasks i WHERE i.name = named.name AND i.state = wanted.state",
                    "unnest($7::text[]) AS named (name) CROSS JOIN unnest($8::text[]) AS wanted (state) CROSS JOIN LATERAL ",
                    names,
                    states
                )
            }
            Scan::Run { run_id, names, states } => {
                listed!(
                    @merged $record, $columns, $cap, $keys, $pool,
                    "tasks i WHERE i.run = q.id AND (cardinality($8::text[]) = 0 OR i.name = ANY ($8)) \
                        AND (cardinality($9::text[]) = 0 OR i.state = ANY ($9))",
                    "(SELECT id FROM runs WHERE run_id = $7) AS q CROSS JOIN LATERAL ",
                    run_id,
                    names,
                    states
                )
            }
        }
    };
    (@merged $record:ty, $columns:tt, $cap:tt, $keys:expr, $pool:expr, $scan:tt, $of:tt $(, $argument:expr)*) => {
        listed!(
            @query $record, $columns, $cap, $keys, $pool,
            "(SELECT s.id, s.sort_at FROM ", $of, "(SELECT i.id, i.sort_at FROM ", $scan,
            ") k CROSS JOIN LATERAL (SELECT * FROM tasks i WHERE i.id = k.id OFFSET 0) t", "k"
            $(, $argument)*
        )
    };
    (@query $record:ty, $columns:tt, $cap:tt, $keys:expr, $pool:expr,
        $merged:tt, $of:tt, $each:tt, $scan:tt, $rows:tt, $key:tt $(, $argument:expr)*) => {
        sqlx::query_as!(
            $record,
            "SELECT " + $columns + " FROM " + $merged + $of + $each + $scan + r#"
                   AND i.sort_at >= coalesce($1, '-infinity'::timestamptz)
                   AND i.sort_at < coalesce($2, 'infinity'::timestamptz)
                   AND (i.sort_at, i.id) < (coalesce($3, 'infinity'::timestamptz), coalesce($4, 9223372036854775807))
                   AND i.id <= coalesce($5, 9223372036854775807)
                   ORDER BY i.sort_at DESC, i.id DESC LIMIT "#
                + $cap + ") s ORDER BY s.sort_at DESC, s.id DESC LIMIT $6" + $rows
                + " LEFT JOIN runs r ON r.id = t.run LEFT JOIN plans p ON p.id = r.plan_id ORDER BY "
                + $key + ".sort_at DESC, " + $key + ".id DESC",
            $keys.since,
            $keys.until,
            $keys.before_at,
            $keys.before_id,
            $keys.highest_id,
            $keys.limit,
            $($argument),*
        )
        .fetch_all($pool)
        .await?
    };
}
pub(super) use listed;
