//! What a person should act upon, for `watchbill doctor` and the dashboard.

use chrono::TimeDelta;
use model::plan::RequesterRule;
use secrecy::ExposeSecret as _;

use super::signers::plans_without_signers;
use super::tokens::tokens_without_end;
use crate::approvals::waiting_in_vain;
use crate::settings::WithoutDigest;
use crate::{Engine, Result, lifecycle};

/// A clock this far off makes records lie.
const SKEW: TimeDelta = TimeDelta::seconds(2);

/// How many requests that wait are looked at, for a page's sake.
const MOST_REQUESTS: i64 = 1_000;
/// How many of one kind are told one by one.
const MOST_LISTED: usize = 20;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Notice,
    /// Something does not happen, or is not protected, that people may count on.
    Warning,
}

/// One thing that a person should act upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable, for tests and scripts.
    pub code: &'static str,
    pub severity: Severity,
    /// What it is, and what to do.
    pub message: String,
}

impl Finding {
    pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Warning,
            message: message.into(),
        }
    }

    pub(super) fn notice(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Notice,
            message: message.into(),
        }
    }
}

/// Looks at the house. Quick enough for a page.
///
/// # Errors
/// When the database does not answer.
pub async fn findings(engine: &Engine) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for notice in &engine.settings.notices {
        found.push(Finding::notice("start", notice));
    }
    plans_that_stand_still(engine, &mut found).await?;
    plans_of_an_older_check(engine, &mut found).await?;
    work_without_worker(engine, &mut found).await?;
    starts_that_are_refused(engine, &mut found).await?;
    quorums(engine, &mut found).await?;
    plans_without_signers(engine, &mut found).await?;
    messages(engine, &mut found).await?;
    clock(engine, &mut found).await?;
    identities(engine, &mut found).await?;
    reporters(engine, &mut found).await?;
    tokens_without_end(engine, &mut found).await?;
    Ok(found)
}

async fn plans_that_stand_still(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    let triggers = sqlx::query!(
        "SELECT p.name, g.key, g.problem, g.next_due_at
         FROM triggers g JOIN plans p ON p.id = g.plan_id
         WHERE g.enabled AND p.paused_at IS NULL
           AND (g.problem IS NOT NULL OR g.next_due_at IS NULL
                OR g.next_due_at < watchbill_now() - interval '5 minutes')
         ORDER BY p.name, g.key LIMIT 20"
    )
    .fetch_all(&engine.pool)
    .await?;
    for row in triggers {
        let (name, key) = (row.name, row.key);
        found.push(match (row.problem, row.next_due_at) {
            (Some(problem), _) => Finding::warning(
                "plan.problem",
                format!("Plan {name} stands still: {problem}"),
            ),
            (None, None) => Finding::warning(
                "plan.nothing_due",
                format!("Plan {name} is enabled, but nothing is due ({key})."),
            ),
            (None, Some(due)) => Finding::warning(
                "plan.overdue",
                format!(
                    "Plan {name} was due at {} and has not started: no scheduler is running.",
                    due.format("%Y-%m-%d %H:%M UTC")
                ),
            ),
        });
    }
    Ok(())
}

async fn starts_that_are_refused(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    for (task, name) in lifecycle::refused(engine).await? {
        found.push(Finding::warning(
            "task.refused",
            format!(
                "Task {task} ({name}) is in the queue although what it needs does not let it start, so no worker takes it. \
                 This is a fault of Watchbill: report it, and cancel the task or retry its run."
            ),
        ));
    }
    Ok(())
}

/// Present versions that today's check refuses, those first that start nothing any more.
async fn plans_of_an_older_check(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    let rows = sqlx::query!(
        r#"SELECT p.name, v.version, c.problem AS "problem!", c.lost, c.accepted_by
           FROM plan_checks c JOIN plan_versions v ON v.id = c.plan_version_id
           JOIN plans p ON p.id = v.plan_id AND p.current_version = v.version
           WHERE c.problem IS NOT NULL
           ORDER BY c.lost AND c.accepted_at IS NULL DESC, p.name LIMIT 20"#
    )
    .fetch_all(&engine.pool)
    .await?;
    for row in rows {
        let (name, version, problem) = (row.name, row.version, row.problem);
        found.push(match (row.lost, row.accepted_by) {
            (true, None) => Finding::warning(
                "plan.lost_gate",
                format!(
                    "Plan {name} is paused: version {version} lost a gate or a condition when it was stored \
                     ({problem}). Save it again with the text in quotes; whoever resumes it accepts it as it is."
                ),
            ),
            (true, Some(who)) => Finding::notice(
                "plan.lost_gate_accepted",
                format!(
                    "Plan {name} version {version} lost a gate or a condition ({problem}), and {who} resumed it \
                     as it is; save it again."
                ),
            ),
            (false, _) => Finding::notice(
                "plan.refused_today",
                format!("Plan {name} version {version} would be refused today: {problem}; save it again."),
            ),
        });
    }
    Ok(())
}

/// Requests whose policy asks for more signatures than can be given: they would wait for ever.
async fn quorums(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    let mut connection = engine.pool.acquire().await?;
    let mut in_vain = waiting_in_vain(&mut connection, MOST_REQUESTS).await?;
    let more = in_vain.len().saturating_sub(MOST_LISTED);
    in_vain.truncate(MOST_LISTED);
    for one in in_vain {
        let plan = one.plan.map(|plan| format!("plan {plan}, "));
        found.push(Finding::warning(
            "approval.out_of_reach",
            format!(
                "Approval {} needs {}{}, {} can still sign ({}task {}): give somebody the role or enable their \
                 account, add them to the group, or cancel the task.",
                one.approval,
                one.wanted,
                if one.signed > 0 { " more" } else { "" },
                one.left,
                plan.unwrap_or_default(),
                one.task
            ),
        ));
    }
    if more > 0 {
        found.push(Finding::warning(
            "approval.out_of_reach",
            format!("{more} more approvals need more signatures than can be given."),
        ));
    }
    Ok(())
}

async fn work_without_worker(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM tasks WHERE state = 'queued' AND origin = 'native'
                          AND ready_at < watchbill_now() - interval '1 minute') AS "waiting!",
                  EXISTS (SELECT FROM workers
                          WHERE last_seen_at > watchbill_now() - interval '2 minutes' AND slots > 0) AS "served!""#
    )
    .fetch_one(&engine.pool)
    .await?;
    if row.waiting && !row.served {
        found.push(Finding::warning(
            "worker.none",
            "Tasks are waiting and no worker is running.",
        ));
    }
    let unwanted = sqlx::query_scalar!(
        "SELECT t.name FROM tasks t
         WHERE t.state = 'queued' AND t.origin = 'native' AND t.labels <> '{}'
           AND t.ready_at < watchbill_now() - interval '1 minute'
           AND NOT EXISTS (SELECT FROM workers w WHERE t.labels <@ w.labels
                           AND w.last_seen_at > watchbill_now() - interval '2 minutes')
         LIMIT 1"
    )
    .fetch_optional(&engine.pool)
    .await?;
    if let (Some(name), true) = (unwanted, row.served) {
        found.push(Finding::warning(
            "worker.labels",
            format!("Task {name} waits for a worker with its labels, and none is running."),
        ));
    }
    Ok(())
}

async fn messages(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    let abandoned = sqlx::query!(
        "SELECT channel, last_error FROM outbox
         WHERE abandoned_at > watchbill_now() - interval '1 day' AND NOT needless
         ORDER BY abandoned_at DESC LIMIT 1"
    )
    .fetch_optional(&engine.pool)
    .await?;
    if let Some(row) = abandoned {
        let reason = row
            .last_error
            .unwrap_or_else(|| "no reason was given".to_owned());
        found.push(Finding::warning(
            "outbox.abandoned",
            format!(
                "A message to {} was given up in the last day: {reason}",
                row.channel
            ),
        ));
    }
    Ok(())
}

/// Leases follow the database's clock, so skew costs no work; but what people read would lie.
async fn clock(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    let before = engine.clock.now();
    let there = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#)
        .fetch_one(&engine.pool)
        .await?;
    let after = engine.clock.now();
    let here = before + (after - before) / 2;
    let skew = (there - here).abs();
    if skew >= SKEW {
        found.push(Finding::warning(
            "clock.skew",
            format!(
                "This machine's clock and the database's are {} seconds apart; run a time service on both.",
                skew.num_seconds()
            ),
        ));
    }
    Ok(())
}

async fn identities(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    let may_change = sqlx::query_scalar!(
        r#"SELECT has_table_privilege('audit', 'UPDATE') OR has_schema_privilege('public', 'CREATE') AS "may!""#
    )
    .fetch_one(&engine.pool)
    .await?;
    if may_change {
        found.push(Finding::notice(
            "database.one_role",
            "The application's database role also owns the tables, so nothing but a trigger keeps it \
             from changing the audit; give it a role of its own (database_owner_url, docs/OPERATIONS.md).",
        ));
    }
    if engine.settings.slots > 0 {
        let sandbox = crate::worker::sandbox_report(&engine.settings);
        if !sandbox.isolated {
            found.push(Finding::notice("steps.same_user", sandbox.sentence));
        }
        for (name, secret) in &engine.settings.secrets {
            if let Some(why) = crate::worker::weakness(secret.expose_secret()) {
                let sentence = format!("The secret {name} cannot be kept out of logs well: {why}.");
                found.push(Finding::notice("secrets.weak", sentence));
            }
        }
    }
    Ok(())
}

/// Says what holds for who reports and who signs by API.
async fn reporters(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    if engine.settings.approvals.native_without_digest == WithoutDigest::Blind {
        found.push(Finding::notice(
            "approvals.blind",
            "Whoever signs by API need not say what they looked at, of what Watchbill ran itself either: \
             approvals.native_without_digest is blind. Set it to refuse once no client needs it.",
        ));
    }
    let reported = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM runs WHERE plan_id IS NULL) AS "reported!""#
    )
    .fetch_one(&engine.pool)
    .await?;
    if !reported {
        return Ok(());
    }
    let one_key = crate::reported::one_key(engine).await?;
    let allowed = engine.settings.approvals.reported_requester == RequesterRule::Allowed;
    if one_key.open || allowed {
        found.push(Finding::notice("reported.one_key", one_key.sentence));
    }
    Ok(())
}
