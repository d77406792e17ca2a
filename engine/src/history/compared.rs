//! How what is to be signed differs from what was signed, or asked about, before.

use chrono::{DateTime, Utc};
use model::id::ApprovalId;
use model::view::{ApprovalRow, Comparison};
use serde_json::Value;
use sqlx::PgConnection;

use crate::Result;

/// The two times that a request is compared with.
#[derive(Default)]
pub(super) struct Compared {
    /// The newest approved one of the same task of the same plan.
    pub since_approved: Option<Comparison>,
    /// The one about the same task that this one took the place of.
    pub since_asked: Option<Comparison>,
}

struct Earlier {
    id: i64,
    run_id: Option<String>,
    at: Option<DateTime<Utc>>,
    by: Option<String>,
    result: Value,
}

impl Compared {
    pub async fn of(
        connection: &mut PgConnection,
        row: &ApprovalRow,
        result: Option<&Value>,
    ) -> Result<Self> {
        let Some(result) = result else {
            return Ok(Self::default());
        };
        let approved = sqlx::query_as!(
            Earlier,
            r#"SELECT a.id, a.run_id, a.decided_at AS at, a.result AS "result!",
                   (SELECT d.decided_by FROM decisions d WHERE d.approval_id = a.id ORDER BY d.id DESC LIMIT 1) AS by
               FROM approvals a
               WHERE a.state = 'approved' AND a.id < $1 AND a.task_name = $2
                 AND a.plan_name IS NOT DISTINCT FROM $3 AND a.phase IS NOT DISTINCT FROM $4 AND a.result IS NOT NULL
               ORDER BY a.id DESC LIMIT 1"#,
            row.id.0,
            row.task,
            row.plan,
            row.phase.map(model::task::GatePhase::as_str),
        )
        .fetch_optional(&mut *connection)
        .await?;
        let asked = sqlx::query_as!(
            Earlier,
            r#"SELECT a.id, a.run_id, a.decided_at AS at, a.result AS "result!",
                   (SELECT d.decided_by FROM decisions d WHERE d.approval_id = a.id ORDER BY d.id DESC LIMIT 1) AS by
               FROM approvals a
               WHERE a.task_id = $2 AND a.id < $1 AND a.phase IS NOT DISTINCT FROM $3 AND a.result IS NOT NULL
               ORDER BY a.id DESC LIMIT 1"#,
            row.id.0,
            row.task_id.0,
            row.phase.map(model::task::GatePhase::as_str),
        )
        .fetch_optional(connection)
        .await?;
        Ok(Self {
            since_approved: approved.map(|earlier| earlier.compared(result)),
            since_asked: asked.map(|earlier| earlier.compared(result)),
        })
    }
}

impl Earlier {
    fn compared(self, result: &Value) -> Comparison {
        Comparison {
            changes: Comparison::changes(&self.result, result),
            with: ApprovalId(self.id),
            run_id: self.run_id,
            at: self.at,
            by: self.by,
        }
    }
}
