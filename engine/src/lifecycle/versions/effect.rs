//! The moment at which a proposed version takes effect.

use std::collections::HashSet;

use anyhow::Context;
use model::id::{PlanId, PlanVersionId};
use model::identity::Principal;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::close::{Closing, close};
use super::raise::{Proposal, raise};
use super::save::compare;
use crate::plans::PlanOrigin;
use crate::plans::store::{self, Held};
use crate::{Engine, Result, audit};

/// One of the version's requests was approved. When none is left, it becomes the one that
/// runs; the plan's row is held.
///
/// The weakenings are derived again, against what runs now and by the present settings:
/// if they are more than was signed, people are asked anew.
pub(in crate::lifecycle) async fn signed(
    engine: &Engine,
    connection: &mut PgConnection,
    principal: &Principal,
    version: PlanVersionId,
) -> Result<()> {
    let proposal = sqlx::query!(
        r#"SELECT o.plan_id, o.base_version, o.origin, p.name, p.current_version, p.source, v.created_by,
                  EXISTS (SELECT FROM approvals a WHERE a.plan_version_id = v.id AND a.run IS NULL
                          AND a.state = 'pending') AS "waits!",
                  (SELECT a.result FROM approvals a WHERE a.plan_version_id = v.id AND a.run IS NULL
                   ORDER BY a.id DESC LIMIT 1) AS result
           FROM proposals o JOIN plans p ON p.id = o.plan_id JOIN plan_versions v ON v.id = o.plan_version_id
           WHERE o.plan_version_id = $1 AND o.state = 'proposed'"#,
        version.0
    )
    .fetch_one(&mut *connection)
    .await
    .with_context(|| format!("plan version {version} was signed and is not proposed"))?;
    if proposal.waits {
        return Ok(());
    }
    let held = Held {
        id: PlanId(proposal.plan_id),
        current_version: proposal.current_version,
        source: proposal.source,
    };
    let former = store::running(connection, &held).await?;
    let version = store::read_version(connection, version).await?;
    let earlier = store::earlier(connection, &held).await?;
    let weakenings = compare(engine, former.as_ref(), &earlier, &version.plan);
    let again = Proposal {
        plan: &proposal.name,
        former: former.as_ref(),
        version: &version,
        weakenings: &weakenings,
        by: &proposal.created_by,
    };
    let signed = proposal.result.unwrap_or_default();
    if proposal.base_version != held.current_version || !covers(&signed, &again.facts()) {
        sqlx::query!(
            "UPDATE proposals SET base_version = $2 WHERE plan_version_id = $1",
            version.id.0,
            held.current_version,
        )
        .execute(&mut *connection)
        .await?;
        raise(engine, connection, &again).await?;
        return Ok(());
    }
    let origin = if proposal.origin == PlanOrigin::File.as_str() {
        PlanOrigin::File
    } else {
        PlanOrigin::Api
    };
    store::take_effect(
        connection,
        principal,
        &held,
        former.as_ref(),
        &version,
        origin,
    )
    .await?;
    let reason = "the version was signed";
    close(
        connection,
        &principal.name,
        version.id,
        Closing::Effective,
        reason,
    )
    .await?;
    audit::record(
        connection,
        principal,
        "plan.effect",
        &format!("plan/{}", proposal.name),
        json!({"version": version.number, "instead_of": held.current_version, "facts": again.facts()}),
    )
    .await?;
    engine.wake.notify_waiters();
    Ok(())
}

/// Tells if what was signed is about the same text, and about each weakening that there is now.
fn covers(signed: &Value, now: &Value) -> bool {
    let known: HashSet<String> = listed(signed).map(Value::to_string).collect();
    signed["content"] == now["content"]
        && signed["instead_of"] == now["instead_of"]
        && listed(now).all(|weakening| known.contains(&weakening.to_string()))
}

fn listed(facts: &Value) -> impl Iterator<Item = &Value> {
    facts["weakenings"].as_array().into_iter().flatten()
}
