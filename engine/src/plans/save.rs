//! Storing a plan: a new immutable version, and its triggers kept in step.

use anyhow::Context;
use model::id::{PlanId, PlanVersionId};
use model::identity::{Permission, Principal};
use model::plan::Plan;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::document::{self, MAX_BYTES};
use crate::schedule::Timetable;
use crate::{Engine, Error, FieldProblem, Result, audit};

/// Where a plan's text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanOrigin {
    /// A file of the plans folder.
    File,
    /// A person, through the API or a page.
    Api,
}

impl PlanOrigin {
    /// The text that the database stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Api => "api",
        }
    }
}

/// Stores the text as the plan's next version and returns it; the text that is
/// current already makes none.
///
/// # Errors
/// [`Error::Invalid`] with line and column of each problem;
/// [`Error::Conflict`] where the plan is not at `expected_version` (0 for a new
/// one), or where a file would overwrite what was stored through the API.
pub async fn save(
    engine: &Engine,
    principal: &Principal,
    name: &str,
    text: &str,
    expected_version: Option<i32>,
    origin: PlanOrigin,
) -> Result<(PlanVersionId, i32)> {
    crate::authorise(principal, Permission::EditPlan)?;
    let plan = draft(name, text)?;
    let hash = Sha256::digest(text.as_bytes()).to_vec();
    let mut transaction = engine.pool.begin().await?;
    let stored = lock_plan(&mut transaction, name, origin).await?;
    let before = stored.current_version;
    if expected_version.is_some_and(|expected| expected != before) {
        return Err(Error::Conflict(match before {
            0 => format!("plan {name} is not stored yet"),
            _ => format!(
                "plan {name} is at version {before} now; load it again and repeat your change"
            ),
        }));
    }
    let current = current_version(&mut transaction, &stored).await?;
    if let Some(current) = current.as_ref().filter(|current| current.hash == hash) {
        return Ok((current.id, before));
    }
    if origin == PlanOrigin::File && stored.source == PlanOrigin::Api.as_str() {
        return Err(Error::Conflict(format!(
            "plan {name} was stored through the API and differs from this file; store the file's text through the API as well, or remove the file"
        )));
    }
    let version = before + 1;
    let definition = serde_json::to_value(&plan).context("a plan could not be written as JSON")?;
    let id = sqlx::query_scalar!(
        "INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        stored.id.0,
        version,
        hash,
        text,
        definition,
        principal.name,
    )
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query!(
        "UPDATE plans SET current_version = $2, source = $3 WHERE id = $1 AND current_version = $4",
        stored.id.0,
        version,
        origin.as_str(),
        before,
    )
    .execute(&mut *transaction)
    .await?;
    super::held::end_hold(&mut transaction, principal, stored.id).await?;
    let zone_changed =
        current.is_some_and(|current| current.timezone.as_deref() != Some(plan.timezone.as_str()));
    keep_triggers(&mut transaction, stored.id, &plan, zone_changed).await?;
    audit::record(
        &mut transaction,
        principal,
        "plan.save",
        &format!("plan/{name}"),
        json!({ "version": version, "origin": origin.as_str() }),
    )
    .await?;
    transaction.commit().await?;
    engine.wake.notify_waiters();
    Ok((PlanVersionId(id), version))
}

/// Reads a plan's text without storing it.
///
/// # Errors
/// A text that is too long, is no plan, or is another plan's.
pub fn draft(name: &str, text: &str) -> Result<Plan> {
    if text.len() > MAX_BYTES {
        return Err(Error::TooLarge(format!(
            "the plan is {} bytes long; at most {MAX_BYTES} are read",
            text.len()
        )));
    }
    let plan = document::parse(text).map_err(|problems| {
        let field = |problem: document::PlanProblem| FieldProblem {
            message: format!(
                "line {}, column {}: {}",
                problem.line, problem.column, problem.message
            ),
            field: problem.path,
        };
        Error::Invalid(problems.into_iter().map(field).collect())
    })?;
    if plan.name == name {
        Ok(plan)
    } else {
        Err(Error::invalid(
            "plan",
            format!(
                "the text names the plan '{}'; write 'plan: {name}', or store it under that name",
                plan.name
            ),
        ))
    }
}

struct Locked {
    id: PlanId,
    /// 0 for a plan that is being made.
    current_version: i32,
    source: String,
}

/// Makes the plan's row where there is none, and locks it against other edits.
async fn lock_plan(
    connection: &mut PgConnection,
    name: &str,
    origin: PlanOrigin,
) -> Result<Locked> {
    // Setting a column that is no key leaves room for the key locks of new runs.
    let row = sqlx::query!(
        "INSERT INTO plans (name, current_version, source) VALUES ($1, 0, $2)
         ON CONFLICT ON CONSTRAINT plans_name_unique DO UPDATE SET source = plans.source
         RETURNING id, current_version, source",
        name,
        origin.as_str(),
    )
    .fetch_one(connection)
    .await?;
    Ok(Locked {
        id: PlanId(row.id),
        current_version: row.current_version,
        source: row.source,
    })
}

struct Current {
    id: PlanVersionId,
    hash: Vec<u8>,
    timezone: Option<String>,
}

async fn current_version(
    connection: &mut PgConnection,
    stored: &Locked,
) -> Result<Option<Current>> {
    let row = sqlx::query!(
        "SELECT id, content_hash, definition->>'timezone' AS timezone
         FROM plan_versions WHERE plan_id = $1 AND version = $2",
        stored.id.0,
        stored.current_version,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Current {
        id: PlanVersionId(row.id),
        hash: row.content_hash,
        timezone: row.timezone,
    }))
}

/// Makes, re-arms and disables triggers. One that is armed already and whose
/// moments did not change keeps what is due, so that no edit loses a moment.
async fn keep_triggers(
    connection: &mut PgConnection,
    plan_id: PlanId,
    plan: &Plan,
    zone_changed: bool,
) -> Result<()> {
    let now = sqlx::query_scalar!(r#"SELECT watchbill_now() AS "now!""#)
        .fetch_one(&mut *connection)
        .await?;
    let keys: Vec<&str> = plan
        .triggers
        .iter()
        .map(|trigger| trigger.key.as_str())
        .collect();
    let mut dues = Vec::with_capacity(keys.len());
    for trigger in &plan.triggers {
        let timetable = Timetable::new(&trigger.schedule, &plan.timezone)
            .map_err(|problem| Error::invalid("triggers", problem.sentence()))?;
        dues.push(timetable.next_after(now));
    }
    sqlx::query!(
        "INSERT INTO triggers AS t (plan_id, key, next_due_at)
         SELECT $1, key, due FROM unnest($2::text[], $3::timestamptz[]) AS g (key, due)
         ON CONFLICT ON CONSTRAINT triggers_key_unique DO UPDATE
         SET enabled = true, problem = NULL,
             next_due_at = CASE WHEN t.enabled AND NOT $4 AND t.next_due_at IS NOT NULL
                                THEN t.next_due_at ELSE excluded.next_due_at END",
        plan_id.0,
        &keys as &[&str],
        &dues as &[Option<chrono::DateTime<chrono::Utc>>],
        zone_changed,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE triggers SET enabled = false, next_due_at = NULL, problem = NULL
         WHERE plan_id = $1 AND enabled AND NOT key = ANY($2)",
        plan_id.0,
        &keys as &[&str],
    )
    .execute(connection)
    .await?;
    Ok(())
}
