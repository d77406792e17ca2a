//! A task as a verb needs it before it moves it: read under its run's lock.

use anyhow::Context;
use model::id::{AttemptNumber, PlanVersionId, RunKey, TaskId};
use model::task::TaskState;
use sqlx::PgConnection;

use super::StoredDefinition;
use crate::{Error, Result};

/// What verbs read of a task.
#[derive(Clone, Debug)]
pub(crate) struct StoredTask {
    pub id: TaskId,
    pub name: String,
    pub run: Option<RunKey>,
    pub plan_version: Option<PlanVersionId>,
    pub native: bool,
    pub state: TaskState,
    pub attempt: AttemptNumber,
    pub definition: Option<StoredDefinition>,
    pub automatic_retries: i32,
    pub crash_recoveries: i32,
    /// How often somebody asked for changes of its result.
    pub change_round: i32,
}

/// The columns of a [`StoredTask`].
pub(crate) struct StoredRow {
    pub id: i64,
    pub name: String,
    pub run: Option<i64>,
    pub plan_version: Option<i64>,
    pub native: bool,
    pub state: String,
    pub attempt: i32,
    pub definition: Option<StoredDefinition>,
    pub automatic_retries: i32,
    pub crash_recoveries: i32,
    pub change_round: i32,
}

/// The [`StoredRow`] in a row that holds more besides, of whatever query.
macro_rules! stored_row {
    ($row:expr) => {
        $crate::tasks::StoredRow {
            id: $row.id,
            name: $row.name,
            run: $row.run,
            plan_version: $row.plan_version,
            native: $row.native,
            state: $row.state,
            attempt: $row.attempt,
            definition: $row.definition,
            automatic_retries: $row.automatic_retries,
            crash_recoveries: $row.crash_recoveries,
            change_round: $row.change_round,
        }
    };
}
pub(crate) use stored_row;

impl TryFrom<StoredRow> for StoredTask {
    type Error = Error;

    fn try_from(row: StoredRow) -> Result<Self> {
        Ok(Self {
            id: TaskId(row.id),
            name: row.name,
            run: row.run.map(RunKey),
            plan_version: row.plan_version.map(PlanVersionId),
            native: row.native,
            state: state_of(row.id, &row.state)?,
            attempt: AttemptNumber(row.attempt),
            definition: row.definition,
            automatic_retries: row.automatic_retries,
            crash_recoveries: row.crash_recoveries,
            change_round: row.change_round,
        })
    }
}

/// Locks the runs of these tasks, then the tasks, both in the order of their ids.
///
/// Every verb that moves tasks of a run takes the locks in this order, so that
/// two of them wait for each other instead of deadlocking, and dependants are
/// counted off by one at a time. Unknown ids are left out.
///
/// The count of the locked runs does not depend on the row, so PostgreSQL finds it,
/// and with it takes their locks, before the first task's; a task that changed in
/// the meantime is read again as it is then.
pub(crate) async fn lock_tasks(
    connection: &mut PgConnection,
    tasks: &[TaskId],
) -> Result<Vec<StoredTask>> {
    let ids: Vec<i64> = tasks.iter().map(|task| task.0).collect();
    let rows = sqlx::query_as!(
        StoredRow,
        r#"
        WITH locked AS MATERIALIZED (
            SELECT id FROM runs WHERE id IN (SELECT run FROM tasks WHERE id = ANY($1)) ORDER BY id FOR UPDATE
        )
        SELECT t.id, t.name, t.run, r.plan_version_id AS "plan_version?", t.origin = 'native' AS "native!",
               t.state, t.attempt, t.definition AS "definition: StoredDefinition", t.automatic_retries, t.crash_recoveries,
               t.change_round
        FROM tasks t LEFT JOIN runs r ON r.id = t.run
        WHERE t.id = ANY($1) AND (SELECT count(*) FROM locked) >= 0
        ORDER BY t.id
        FOR UPDATE OF t
        "#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(StoredTask::try_from).collect()
}

/// The same for one task, which must exist.
pub(crate) async fn lock_task(connection: &mut PgConnection, task: TaskId) -> Result<StoredTask> {
    lock_tasks(connection, &[task])
        .await?
        .pop()
        .ok_or_else(|| Error::NotFound(format!("there is no task {task}")))
}

/// Reads a stored state, naming the row where it is none.
pub(crate) fn state_of(task: i64, text: &str) -> Result<TaskState> {
    Ok(text
        .parse()
        .with_context(|| format!("tasks.state of row {task}"))?)
}
