//! Gates of stored plans that nobody, or too few, could sign as things stand.
//!
//! Such a plan is stored all the same: the people may be made later. A request of it would
//! wait for them.

use model::plan::{Gate, Signer};
use sqlx::PgConnection;

use super::circle::People;
use crate::Result;

/// What a gate of a plan lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lacking {
    pub plan: String,
    pub task: String,
    /// Those of its signers that are nobody yet.
    pub nobody: Vec<Signer>,
    /// How many could sign.
    pub able: usize,
    /// How many must at least, where it stops a result at all.
    pub required: usize,
    /// How many must at most.
    pub most: usize,
}

/// The gates of plans as they are now that name nobody, or ask for more than there are.
pub(crate) async fn lacking(connection: &mut PgConnection) -> Result<Vec<Lacking>> {
    let rows = sqlx::query!(
        r#"SELECT p.name, t.task ->> 'name' AS "task!", t.task -> 'approval' AS "gate!"
           FROM plans p JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.current_version
           CROSS JOIN LATERAL jsonb_array_elements(v.definition -> 'tasks') AS t (task)
           WHERE jsonb_typeof(t.task -> 'approval') = 'object'
           ORDER BY p.name, t.task ->> 'name'"#
    )
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let people = People::read(connection).await?;
    let mut lacking = Vec::new();
    for row in rows {
        let (plan, task) = (row.name, row.task);
        // A plan that cannot be read stands still, which is told elsewhere.
        let Ok(gate) = serde_json::from_value::<Gate>(row.gate) else {
            continue;
        };
        let later = gate.escalate.iter().flat_map(|step| &step.to);
        let mut nobody: Vec<Signer> = Vec::new();
        for signer in gate.from.iter().chain(later) {
            let is_nobody = people.count_named(std::slice::from_ref(signer)) == 0;
            if is_nobody && !nobody.contains(signer) {
                nobody.push(signer.clone());
            }
        }
        let able = people.count_named(&gate.from);
        let whole = |count: u32| usize::try_from(count.max(1)).unwrap_or(usize::MAX);
        let most = whole(gate.most_required());
        let required = if gate.risk.is_empty() { most } else { 1 };
        if able < most || !nobody.is_empty() {
            lacking.push(Lacking {
                plan,
                task,
                nobody,
                able,
                required,
                most,
            });
        }
    }
    Ok(lacking)
}
