//! What took the place of a request.

use model::id::ApprovalId;
use sqlx::PgConnection;

use crate::Result;

/// The newest request about the same task that was raised after this one.
pub(crate) async fn successor(
    connection: &mut PgConnection,
    approval: ApprovalId,
) -> Result<Option<ApprovalId>> {
    let id = sqlx::query_scalar!(
        "SELECT l.id FROM approvals a JOIN approvals l ON l.task_id = a.task_id AND l.id > a.id
         WHERE a.id = $1 ORDER BY l.id DESC LIMIT 1",
        approval.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(ApprovalId))
}
