//! Figures of the moment, for metrics.

use chrono::{DateTime, Utc};

use crate::{Engine, Result};

/// What stands in a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueGauge {
    pub queue: String,
    /// Tasks that could be claimed.
    pub depth: i64,
    /// How long the oldest of them has waited.
    pub oldest_seconds: f64,
    /// Live leases.
    pub running: i64,
}

/// How a plan fares.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanGauge {
    pub plan: String,
    /// When its last run without a failed task ended, among the recent ones.
    pub last_success: Option<DateTime<Utc>>,
    /// It is not paused, and one of its triggers has nothing due.
    pub nothing_due: bool,
    pub next_due: Option<DateTime<Utc>>,
}

/// All figures of one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauges {
    pub queues: Vec<QueueGauge>,
    pub plans: Vec<PlanGauge>,
    pub awaiting_approval: i64,
    pub scheduled: i64,
    /// The age of the oldest lease, since its claim.
    pub oldest_lease_seconds: f64,
    /// Leases past their end that nobody took back yet.
    pub lapsed_leases: i64,
    pub workers: i64,
    pub outbox_backlog: i64,
    pub outbox_oldest_seconds: f64,
}

/// Reads them, by indexes alone.
///
/// # Errors
/// When the database does not answer.
pub async fn gauges(engine: &Engine) -> Result<Gauges> {
    let queues = sqlx::query_as!(
        QueueGauge,
        r#"SELECT q.name AS queue, count(t.id) AS "depth!",
                  coalesce(extract(epoch FROM watchbill_now() - min(t.ready_at)), 0)::float8 AS "oldest_seconds!",
                  (SELECT count(*) FROM leases l WHERE l.queue = q.name) AS "running!"
           FROM queues q
           LEFT JOIN tasks t ON t.queue = q.name AND t.state = 'queued' AND t.origin = 'native'
           GROUP BY q.name ORDER BY q.name"#
    )
    .fetch_all(&engine.pool)
    .await?;
    let plans = sqlx::query_as!(
        PlanGauge,
        r#"SELECT p.name AS plan,
                  (SELECT r.finished_at FROM
                       (SELECT id, finished_at FROM runs WHERE plan_id = p.id
                        ORDER BY created_at DESC, id DESC LIMIT 20) r
                   WHERE r.finished_at IS NOT NULL
                     AND NOT EXISTS (SELECT FROM tasks t WHERE t.run = r.id AND t.state = 'failed')
                     AND EXISTS (SELECT FROM tasks t WHERE t.run = r.id AND t.state = 'succeeded')
                   ORDER BY r.finished_at DESC LIMIT 1) AS last_success,
                  p.paused_at IS NULL AND EXISTS
                      (SELECT FROM triggers g WHERE g.plan_id = p.id AND g.enabled
                       AND g.next_due_at IS NULL) AS "nothing_due!",
                  (SELECT min(g.next_due_at) FROM triggers g WHERE g.plan_id = p.id AND g.enabled) AS next_due
           FROM plans p ORDER BY p.name"#
    )
    .fetch_all(&engine.pool)
    .await?;
    let row = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM approvals WHERE state = 'pending') AS "awaiting_approval!",
            (SELECT count(*) FROM tasks WHERE state = 'scheduled' AND origin = 'native') AS "scheduled!",
            (SELECT coalesce(extract(epoch FROM watchbill_now() - min(claimed_at)), 0) FROM leases)::float8 AS "oldest_lease_seconds!",
            (SELECT count(*) FROM leases WHERE expires_at <= watchbill_now()) AS "lapsed_leases!",
            (SELECT count(*) FROM workers WHERE last_seen_at > watchbill_now() - interval '2 minutes') AS "workers!",
            (SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND abandoned_at IS NULL AND NOT for_digest) AS "outbox_backlog!",
            (SELECT coalesce(extract(epoch FROM watchbill_now() - min(created_at)), 0) FROM outbox
             WHERE delivered_at IS NULL AND abandoned_at IS NULL AND NOT for_digest)::float8 AS "outbox_oldest_seconds!""#
    )
    .fetch_one(&engine.pool)
    .await?;
    Ok(Gauges {
        queues,
        plans,
        awaiting_approval: row.awaiting_approval,
        scheduled: row.scheduled,
        oldest_lease_seconds: row.oldest_lease_seconds,
        lapsed_leases: row.lapsed_leases,
        workers: row.workers,
        outbox_backlog: row.outbox_backlog,
        outbox_oldest_seconds: row.outbox_oldest_seconds,
    })
}
