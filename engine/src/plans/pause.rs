//! Pausing: while a plan is paused, its triggers record skips instead of runs.

use model::identity::{Permission, Principal};
use serde_json::json;
use sqlx::PgConnection;

use super::held;
use crate::{Engine, Error, Result, audit};

/// Pauses a plan. What runs goes on, and a person can still start it.
///
/// # Errors
/// [`Error::Conflict`] where it is paused already.
pub async fn pause(engine: &Engine, principal: &Principal, name: &str) -> Result<()> {
    crate::authorise(principal, Permission::Run)?;
    let mut transaction = engine.pool.begin().await?;
    let changed = sqlx::query!(
        "UPDATE plans SET paused_at = watchbill_now(), paused_by = $2
         WHERE name = $1 AND paused_at IS NULL",
        name,
        principal.name,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if changed == 0 {
        return Err(unchanged(&mut transaction, name).await?);
    }
    record(&mut transaction, principal, name, "plan.pause").await?;
    transaction.commit().await?;
    Ok(())
}

/// Lets a paused plan's triggers start runs again, from their next moment on. Where its
/// version lost a gate or a condition, whoever resumes it accepts that, as whoever edits it does.
///
/// # Errors
/// [`Error::Conflict`] where it is not paused.
pub async fn resume(engine: &Engine, principal: &Principal, name: &str) -> Result<()> {
    crate::authorise(principal, Permission::Run)?;
    let mut transaction = engine.pool.begin().await?;
    // An older server may have resumed it without a word about what it lost.
    let is_held = held::is_held(&mut transaction, name).await?;
    if is_held {
        crate::authorise(principal, Permission::EditPlan)?;
        if principal.is_token() {
            return Err(Error::Forbidden(format!(
                "plan {name} lost a gate or a condition: a person who has logged in accepts that, and no token"
            )));
        }
    }
    let changed = sqlx::query!(
        "UPDATE plans SET paused_at = NULL, paused_by = NULL WHERE name = $1 AND paused_at IS NOT NULL",
        name,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    let accepted = is_held && held::accept(&mut transaction, principal, name).await?;
    if changed == 0 && !accepted {
        return Err(unchanged(&mut transaction, name).await?);
    }
    record(&mut transaction, principal, name, "plan.resume").await?;
    if accepted {
        record(&mut transaction, principal, name, "plan.accept_lost_gate").await?;
    }
    transaction.commit().await?;
    engine.wake.notify_waiters();
    Ok(())
}

/// Why nothing changed.
async fn unchanged(connection: &mut PgConnection, name: &str) -> Result<Error> {
    let row = sqlx::query!(
        "SELECT paused_at, paused_by FROM plans WHERE name = $1",
        name
    )
    .fetch_optional(connection)
    .await?;
    Ok(match row {
        None => Error::NotFound(format!("there is no plan '{name}'")),
        Some(row) => Error::Conflict(match row.paused_at {
            Some(at) => format!(
                "plan {name} has been paused since {} by {}",
                at.format("%Y-%m-%d %H:%M UTC"),
                row.paused_by.as_deref().unwrap_or("someone"),
            ),
            None => format!("plan {name} is not paused"),
        }),
    })
}

async fn record(
    connection: &mut PgConnection,
    principal: &Principal,
    name: &str,
    action: &str,
) -> Result<()> {
    let subject = format!("plan/{name}");
    audit::record(connection, principal, action, &subject, json!({})).await
}
