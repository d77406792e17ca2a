//! Storing a plan: a new immutable version, and its triggers kept in step.

use anyhow::Context;
use model::id::{AccountId, PlanId, PlanVersionId};
use model::identity::Principal;
use model::plan::Plan;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::document::{self, MAX_BYTES};
use crate::schedule::Timetable;
use crate::{Error, FieldProblem, Result};

/// Where a plan's text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanOrigin {
    /// A file of the plans folder.
    File,
    /// A person, through the API or a page.
    Api,
}

/// The fate of new versions of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewVersions {
    #[default]
    Effective,
    /// They wait for a signature.
    Proposed,
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

/// Reads a plan's text without storing it.
///
/// # Errors
/// A text that is too long, is no plan, or is another plan's.
pub async fn draft(name: &str, text: &str) -> Result<Plan> {
    if text.len() > MAX_BYTES {
        return Err(Error::TooLarge(format!(
            "the plan is {} bytes long; at most {MAX_BYTES} are read",
            text.len()
        )));
    }
    let text = text.to_owned();
    let plan = super::aside(move || document::parse(&text))
        .await?
        .map_err(|problems| {
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

/// A plan whose row is held against other edits.
pub(crate) struct Held {
    pub id: PlanId,
    /// 0 while no version has taken effect.
    pub current_version: i32,
    /// The origin of the version that runs.
    pub source: String,
}

/// Makes the plan's row where there is none, and locks it against other edits.
pub(crate) async fn hold(
    connection: &mut PgConnection,
    name: &str,
    origin: PlanOrigin,
) -> Result<Held> {
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
    Ok(Held {
        id: PlanId(row.id),
        current_version: row.current_version,
        source: row.source,
    })
}

/// A stored version with its text.
pub(crate) struct Version {
    pub id: PlanVersionId,
    pub number: i32,
    pub hash: Vec<u8>,
    pub text: String,
    pub plan: Plan,
}

/// The version that runs; `None` while none does.
pub(crate) async fn running(connection: &mut PgConnection, held: &Held) -> Result<Option<Version>> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM plan_versions WHERE plan_id = $1 AND version = $2",
        held.id.0,
        held.current_version,
    )
    .fetch_optional(&mut *connection)
    .await?;
    match id {
        Some(id) => read_version(connection, PlanVersionId(id)).await.map(Some),
        None => Ok(None),
    }
}

/// The versions that ran before the one that runs now, newest first, each content once.
///
/// One that cannot be read any more is left out; nobody can store such a one.
pub(crate) async fn earlier(connection: &mut PgConnection, held: &Held) -> Result<Vec<Plan>> {
    let definitions = sqlx::query_scalar!(
        "SELECT definition FROM (
             SELECT DISTINCT ON (v.content_hash) v.version, v.definition
             FROM plan_versions v LEFT JOIN proposals o ON o.plan_version_id = v.id
             WHERE v.plan_id = $1 AND v.version <> $2 AND (o.state IS NULL OR o.state = 'effective')
             ORDER BY v.content_hash, v.version DESC) each
         ORDER BY version DESC",
        held.id.0,
        held.current_version,
    )
    .fetch_all(connection)
    .await?;
    Ok(definitions
        .into_iter()
        .filter_map(|definition| {
            serde_json::from_value(definition)
                .inspect_err(|error| tracing::warn!("an earlier version cannot be read: {error}"))
                .ok()
        })
        .collect())
}

/// Reads one version.
pub(crate) async fn read_version(
    connection: &mut PgConnection,
    id: PlanVersionId,
) -> Result<Version> {
    let row = sqlx::query!(
        "SELECT version, content_hash, source_text, definition FROM plan_versions WHERE id = $1",
        id.0,
    )
    .fetch_one(connection)
    .await?;
    Ok(Version {
        id,
        number: row.version,
        hash: row.content_hash,
        text: row.source_text,
        plan: serde_json::from_value(row.definition)
            .with_context(|| format!("plan_versions.definition of row {id} is not a plan"))?,
    })
}

/// SHA-256 of the text as it was written.
pub(crate) fn content_hash(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

/// Stores a version under the next number, whether it is to take effect or not.
pub(crate) async fn insert_version(
    connection: &mut PgConnection,
    held: &Held,
    plan: &Plan,
    text: &str,
    by: &str,
    author: Option<AccountId>,
) -> Result<Version> {
    let definition = serde_json::to_value(plan).context("a plan could not be written as JSON")?;
    let hash = content_hash(text);
    let row = sqlx::query!(
        r#"INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by, author_account_id)
           SELECT $1, coalesce((SELECT max(version) FROM plan_versions WHERE plan_id = $1), 0) + 1, $2, $3, $4, $5, $6
           RETURNING id, version"#,
        held.id.0,
        hash,
        text,
        definition,
        by,
        author.map(|account| account.0),
    )
    .fetch_one(connection)
    .await?;
    Ok(Version {
        id: PlanVersionId(row.id),
        number: row.version,
        hash,
        text: text.to_owned(),
        plan: plan.clone(),
    })
}

/// Makes the version the one that runs.
pub(crate) async fn take_effect(
    connection: &mut PgConnection,
    principal: &Principal,
    held: &Held,
    former: Option<&Version>,
    version: &Version,
    origin: PlanOrigin,
) -> Result<()> {
    sqlx::query!(
        "UPDATE plans SET current_version = $2, source = $3 WHERE id = $1 AND current_version = $4",
        held.id.0,
        version.number,
        origin.as_str(),
        held.current_version,
    )
    .execute(&mut *connection)
    .await?;
    let zone_changed = former.is_some_and(|former| former.plan.timezone != version.plan.timezone);
    keep_triggers(connection, held.id, &version.plan, zone_changed).await?;
    super::held::end_hold(connection, principal, held.id).await
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
