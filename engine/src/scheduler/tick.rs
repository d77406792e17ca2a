//! One pass over all triggers that are due.

use std::time::Duration;

use model::id::TriggerId;

use super::fire::fire;
use crate::{Engine, Error, Result};

/// How many triggers one pass fires.
const BATCH: i64 = 1_000;

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    pub runs: u64,
    pub skips: u64,
    /// How long until something is due, where that is within the next second.
    pub next_in: Option<Duration>,
}

/// Turns every due moment into a run or a recorded skip.
///
/// A trigger that fails does not hold the others up: it carries its problem and
/// is tried again with the next pass.
pub async fn tick(engine: &Engine) -> Result<Ticked> {
    let near = sqlx::query!(
        r#"SELECT id, extract(epoch FROM next_due_at - watchbill_now())::float8 AS "seconds!" FROM triggers
           WHERE enabled AND next_due_at <= watchbill_now() + interval '1 second'
           ORDER BY next_due_at LIMIT $1"#,
        BATCH
    )
    .fetch_all(&engine.pool)
    .await?;
    let mut ticked = Ticked::default();
    for row in near {
        if row.seconds > 0.0 {
            ticked.next_in = Duration::try_from_secs_f64(row.seconds).ok();
            break;
        }
        let id = TriggerId(row.id);
        match fire(engine, id).await {
            Ok(fired) => {
                ticked.runs += fired.runs;
                ticked.skips += fired.skips;
            }
            Err(Error::Unavailable(error)) => return Err(Error::Unavailable(error)),
            Err(error) => note_problem(engine, id, &error).await?,
        }
    }
    Ok(ticked)
}

/// Records why a trigger could not fire, and logs it when that changed.
async fn note_problem(engine: &Engine, id: TriggerId, error: &Error) -> Result<()> {
    let sentence = match error {
        Error::Internal(_) => "an internal error; the server's log has the details".to_owned(),
        other => other.to_string(),
    };
    let changed = sqlx::query!(
        "UPDATE triggers SET problem = $2 WHERE id = $1 AND problem IS DISTINCT FROM $2",
        id.0,
        sentence
    )
    .execute(&engine.pool)
    .await?
    .rows_affected();
    if changed > 0 {
        tracing::error!(trigger.id = id.0, %error, "a trigger could not fire and will be tried again");
    }
    Ok(())
}
