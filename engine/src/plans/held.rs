//! Versions that lost a gate or a condition when an older check read them.
//!
//! Nothing is started from one until it is mended, or a person accepts it as it is.

use model::id::{PlanId, PlanVersionId, RunKey};
use model::identity::Principal;
use serde_json::json;
use sqlx::PgConnection;

use super::document;
use crate::{Error, Result, audit};

/// Goes up with each change of the check that refuses what it let pass before.
pub(crate) const REVISION: i16 = 2;

/// Who pauses what lost a gate. No person has a space in their login.
pub(crate) const CHECK: &str = "upgrade check";

/// What today's check has against a text.
pub(crate) struct Verdict {
    pub problem: String,
    /// A gate or a condition is in the text and not in what was stored.
    pub lost: bool,
}

/// `None` for a text that would be stored today. A plan's name cannot have changed meanwhile.
pub(crate) fn judge(text: &str) -> Option<Verdict> {
    let problems = document::parse(text).err()?;
    let lost = document::lost_gate(text);
    let is_lost = lost.is_some();
    let problem = lost.or_else(|| problems.into_iter().next());
    Some(Verdict {
        problem: problem.map(|one| one.to_string()).unwrap_or_default(),
        lost: is_lost,
    })
}

/// Refuses to start anything from a version that lost a gate or a condition.
///
/// # Errors
/// [`Error::Conflict`] that says what to do.
pub(crate) async fn refuse_held(
    connection: &mut PgConnection,
    version: PlanVersionId,
) -> Result<()> {
    let held = sqlx::query!(
        r#"SELECT p.name, v.version, c.problem AS "problem!", v.version = p.current_version AS "current!"
           FROM plan_checks c JOIN plan_versions v ON v.id = c.plan_version_id JOIN plans p ON p.id = v.plan_id
           WHERE c.plan_version_id = $1 AND c.lost AND c.accepted_at IS NULL"#,
        version.0
    )
    .fetch_optional(connection)
    .await?;
    let Some(held) = held else {
        return Ok(());
    };
    let way = if held.current {
        "save it again with the text in quotes, or resume the plan to accept it as it is"
    } else {
        "start the plan's present version instead"
    };
    Err(Error::Conflict(format!(
        "version {} of plan {} lost a gate or a condition when it was stored, so nothing is started from it ({}); {way}",
        held.version, held.name, held.problem
    )))
}

/// The same for the version of a run, which may be older than those that a start reads again.
///
/// # Errors
/// Those of [`refuse_held`].
pub(crate) async fn refuse_held_of_run(connection: &mut PgConnection, run: RunKey) -> Result<()> {
    let unread = sqlx::query!(
        r#"SELECT v.id, v.source_text, EXISTS (
               SELECT FROM plan_checks c WHERE c.plan_version_id = v.id AND c.revision >= $2) AS "read!"
           FROM runs r JOIN plan_versions v ON v.id = r.plan_version_id WHERE r.id = $1"#,
        run.0,
        REVISION
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = unread else {
        return Ok(());
    };
    let id = PlanVersionId(row.id);
    if !row.read
        && let Some(verdict) = judge(&row.source_text).filter(|verdict| verdict.lost)
    {
        write_verdict(connection, id, &verdict).await?;
    }
    refuse_held(connection, id).await
}

/// Accepts that the plan's present version goes on without what it lost; says whether there
/// was anything to accept.
pub(super) async fn accept(
    connection: &mut PgConnection,
    principal: &Principal,
    plan: &str,
) -> Result<bool> {
    let accepted = sqlx::query!(
        "UPDATE plan_checks c SET accepted_at = watchbill_now(), accepted_by = $2
         FROM plans p JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.current_version
         WHERE p.name = $1 AND c.plan_version_id = v.id AND c.lost AND c.accepted_at IS NULL",
        plan,
        principal.name,
    )
    .execute(connection)
    .await?
    .rows_affected();
    Ok(accepted > 0)
}

/// Whether the plan's present version lost a gate or a condition that nobody accepted.
pub(crate) async fn is_held(connection: &mut PgConnection, plan: &str) -> Result<bool> {
    let held = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM plan_checks c JOIN plan_versions v ON v.id = c.plan_version_id
               JOIN plans p ON p.id = v.plan_id AND v.version = p.current_version
               WHERE p.name = $1 AND c.lost AND c.accepted_at IS NULL) AS "held!""#,
        plan
    )
    .fetch_one(connection)
    .await?;
    Ok(held)
}

/// Ends the pause of a version that lost a gate, once another one has taken its place. What a
/// person paused stays so.
///
/// # Errors
/// When the database cannot be used.
pub(crate) async fn end_hold(
    connection: &mut PgConnection,
    principal: &Principal,
    plan: PlanId,
) -> Result<()> {
    let resumed = sqlx::query_scalar!(
        "UPDATE plans p SET paused_at = NULL, paused_by = NULL
         WHERE p.id = $1 AND p.paused_by = $2 AND NOT EXISTS (
             SELECT FROM plan_checks c JOIN plan_versions v ON v.id = c.plan_version_id
             WHERE v.plan_id = p.id AND v.version = p.current_version AND c.lost AND c.accepted_at IS NULL)
         RETURNING p.name",
        plan.0,
        CHECK,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(name) = resumed else {
        return Ok(());
    };
    let details = json!({ "reason": "another version took the place of the one that lost a gate" });
    let subject = format!("plan/{name}");
    audit::record(connection, principal, "plan.resume", &subject, details).await
}

/// Writes the verdict, unless this check has done so before or a person has accepted the version.
pub(crate) async fn write_verdict(
    connection: &mut PgConnection,
    version: PlanVersionId,
    verdict: &Verdict,
) -> Result<bool> {
    let news = sqlx::query_scalar!(
        r#"INSERT INTO plan_checks AS c (plan_version_id, revision, problem, lost) VALUES ($1, $2, $3, $4)
           ON CONFLICT ON CONSTRAINT plan_checks_pkey DO UPDATE
           SET revision = excluded.revision, problem = excluded.problem, lost = excluded.lost
           WHERE c.revision < excluded.revision
           RETURNING accepted_at IS NULL AS "open!""#,
        version.0,
        REVISION,
        verdict.problem,
        verdict.lost,
    )
    .fetch_optional(connection)
    .await?;
    Ok(news.unwrap_or(false))
}
