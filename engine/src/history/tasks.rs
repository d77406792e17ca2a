use model::identity::{Permission, Principal};
use model::page::{Page, Position};
use model::view::{TaskFilter, TaskRow};

use super::LARGEST_PAGE;
use super::filter::{Keys, Scan, listed};
use crate::tasks::records::TaskRecord;
use crate::{Engine, Result, authorise};

/// One page of the history, newest first.
///
/// # Errors
/// Who may not read, and a filter with an impossible name.
pub async fn tasks(
    engine: &Engine,
    principal: &Principal,
    filter: &TaskFilter,
    before: Option<Position>,
    limit: u32,
) -> Result<Page<TaskRow>> {
    authorise(principal, Permission::Read)?;
    let limit = limit.clamp(1, LARGEST_PAGE);
    let keys = Keys::new(filter, before, i64::from(limit) + 1)?;
    let records = listed!(
        TaskRecord,
        r#"t.id AS "id!", t.name AS "task!", r.run_id AS "run_id?", t.run, p.name AS "plan?", t.state AS "state!",
           t.origin AS "origin!", t.attempt AS "attempt!", t.started_at, t.finished_at, t.duration_ms, t.inputs,
           t.outputs_uri, t.log_excerpt, t.reason, t.approval_state, t.approver, t.approval_note,
           t.webhook_notified_at, t.sort_at AS "sort_at!""#,
        "201",
        keys,
        &engine.readers
    );
    let rows = records
        .into_iter()
        .map(TaskRow::try_from)
        .collect::<Result<Vec<_>>>()?;
    Ok(Page::from_overfull(rows, limit, TaskRow::position))
}
