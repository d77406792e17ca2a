//! Requests that wait for exactly the same as another one.

use model::approval::ApprovalState;
use model::id::ApprovalId;
use model::identity::{Permission, Principal};
use sqlx::PgConnection;

use crate::{Engine, Result, authorise};

/// Other requests that one signature may answer, too: about the same result of the same task,
/// under the same policy, in runs of the same version with the same inputs. What starts behind
/// them is then the same.
///
/// # Errors
/// Who may not read.
pub async fn identical_requests(
    engine: &Engine,
    principal: &Principal,
    approval: ApprovalId,
) -> Result<Vec<ApprovalId>> {
    authorise(principal, Permission::Read)?;
    let mut connection = engine.readers.acquire().await?;
    identical(&mut connection, approval).await
}

/// Those that wait; none where the request itself does not.
pub(super) async fn identical(
    connection: &mut PgConnection,
    approval: ApprovalId,
) -> Result<Vec<ApprovalId>> {
    let ids = sqlx::query_scalar!(
        "SELECT o.id FROM approvals a
         JOIN tasks t ON t.id = a.task_id LEFT JOIN runs r ON r.id = t.run
         JOIN approvals o ON o.digest = a.digest AND o.task_name = a.task_name AND o.id <> a.id
         JOIN tasks u ON u.id = o.task_id LEFT JOIN runs s ON s.id = u.run
         WHERE a.id = $1 AND a.state = $2 AND o.state = $2
           AND o.phase IS NOT DISTINCT FROM a.phase
           AND o.policy = a.policy
           AND o.inputs IS NOT DISTINCT FROM a.inputs
           AND o.plan_name IS NOT DISTINCT FROM a.plan_name
           AND u.origin = t.origin
           AND s.plan_version_id IS NOT DISTINCT FROM r.plan_version_id
           AND s.inputs IS NOT DISTINCT FROM r.inputs
         ORDER BY o.id LIMIT 100",
        approval.0,
        ApprovalState::Pending.as_str(),
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(ApprovalId).collect())
}
