//! One request, with all that a person needs to decide it.

use model::approval::{ApprovalState, Eligibility};
use model::id::{AccountId, ApprovalId, AttemptNumber, TaskId};
use model::identity::{Permission, Principal};
use model::plan::{Gate, Signer};
use model::task::GatePhase;
use model::view::{
    ApprovalDetail, ApprovalRow, ApprovalStanding, ArtifactRow, DecisionRow, DiffExtent,
    EscalationRow, InvisibleCharacters, Reminding,
};
use model::visible::{FileText, count, count_in_json};
use serde_json::Value;
use sqlx::PgConnection;

use super::approvals::{approval_row, no_approval};
use super::artifact::beginning;
use super::compared::Compared;
use super::decisions::{round, verdict};
use super::identical::identical;
use super::task::artifacts;
use crate::approvals::{
    Patches, Signature, Standing, acknowledged, invisible_in_attempt, is_patch, standing, successor,
};
use crate::tasks::consequences;
use crate::tasks::records::{json, word};
use crate::{Engine, Result, authorise};

/// How much of a diff a page shows.
const DIFF_BYTES: usize = 256 * 1024;

/// Where a request stands, and by which policy it is answered.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) where there is no such request.
pub async fn approval_policy(
    engine: &Engine,
    principal: &Principal,
    id: ApprovalId,
) -> Result<(ApprovalState, Gate)> {
    authorise(principal, Permission::Read)?;
    let row = sqlx::query!("SELECT state, policy FROM approvals WHERE id = $1", id.0)
        .fetch_optional(&engine.readers)
        .await?
        .ok_or_else(|| no_approval(id))?;
    Ok((
        word(&row.state, "approvals.state", id)?,
        json(row.policy, "approvals.policy", id)?,
    ))
}

/// What changes of a request while people look at it.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) where there is no such request.
pub async fn approval_standing(
    engine: &Engine,
    principal: &Principal,
    id: ApprovalId,
) -> Result<ApprovalStanding> {
    authorise(principal, Permission::Read)?;
    let stored = Stored::read(engine, id).await?;
    stored.standing(engine, principal).await
}

/// All that a person needs to decide one request.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) where there is no such request.
pub async fn approval(
    engine: &Engine,
    principal: &Principal,
    id: ApprovalId,
) -> Result<ApprovalDetail> {
    authorise(principal, Permission::Read)?;
    let stored = Stored::read(engine, id).await?;
    let standing = stored.standing(engine, principal).await?;
    let shown = stored.shown(engine).await?;
    // From here to its end one connection is held, and no other asked for: many readers at
    // once would each wait for one that another holds.
    let mut connection = engine.readers.acquire().await?;
    let row = &standing.row;
    let consequences = consequences(engine, &mut connection, row.task_id, row.run).await?;
    let escalations = escalations(&mut connection, id).await?;
    drop(connection);
    let comparisons = Compared::of(engine, row, stored.result.as_ref()).await?;
    let invisible = stored.invisible(&shown);
    Ok(ApprovalDetail {
        digest: row.digest.clone(),
        condition: stored.rule.or_else(|| stored.gate.when.clone()),
        why: stored.why,
        from: stored.gate.from.iter().map(Signer::to_string).collect(),
        required: stored.gate.required,
        comment: stored.gate.comment,
        inputs: stored.gate.inputs,
        requester: stored.requester,
        escalations,
        since_approved: comparisons.since_approved,
        since_asked: comparisons.since_asked,
        outputs: shown.outputs,
        outputs_uri: shown.outputs_uri,
        log_excerpt: shown.log_excerpt,
        artifacts: shown.artifacts,
        diff: shown.diff,
        diffs: shown.diffs,
        diff_cut: shown.diff_cut,
        extent: shown.extent,
        invisible,
        waiting: consequences.waiting,
        skipped: consequences.skipped,
        may_decide: standing.eligibility.may_sign(),
        eligibility: standing.eligibility,
        decisions: standing.decisions,
        filled: standing.filled,
        may_sign: standing.may_sign,
        may_request_changes: standing.may_request_changes,
        identical: standing.identical,
        reminding: standing.reminding,
        successor: standing.successor,
        row: standing.row,
    })
}

/// A request as it is stored.
struct Stored {
    row: ApprovalRow,
    gate: Gate,
    requester: Option<String>,
    requesters: Vec<AccountId>,
    rule: Option<String>,
    why: Option<String>,
    filled: Option<Value>,
    reminds: bool,
    /// What the digest was made of.
    result: Option<Value>,
}

impl Stored {
    async fn read(engine: &Engine, id: ApprovalId) -> Result<Self> {
        let row = approval_row(engine, id).await?;
        let request = sqlx::query!(
            r#"SELECT policy, requester, requesters, rule, why, inputs, result, remind_at IS NOT NULL AS "reminds!"
               FROM approvals WHERE id = $1"#,
            id.0
        )
        .fetch_one(&engine.readers)
        .await?;
        Ok(Self {
            row,
            gate: json(request.policy, "approvals.policy", id)?,
            requester: request.requester,
            requesters: request.requesters.into_iter().map(AccountId).collect(),
            rule: request.rule,
            why: request.why,
            filled: request.inputs,
            reminds: request.reminds,
            result: request.result,
        })
    }

    async fn standing(&self, engine: &Engine, principal: &Principal) -> Result<ApprovalStanding> {
        let row = self.row.clone();
        let pending = row.state == ApprovalState::Pending;
        let mut connection = engine.readers.acquire().await?;
        let (eligibility, may_sign) = if pending {
            self.who_may_sign(&mut connection, principal).await?
        } else {
            (Eligibility::Decided, Vec::new())
        };
        let reminding = if self.reminds && eligibility.may_sign() {
            let seen = acknowledged(&mut connection, row.id).await?;
            match principal.account() {
                Some(account) if seen.contains(&account) => Reminding::Acknowledged,
                Some(_) | None => Reminding::UntilAnswered,
            }
        } else {
            Reminding::No
        };
        Ok(ApprovalStanding {
            eligibility,
            reminding,
            may_sign,
            decisions: decisions(&mut connection, row.id).await?,
            identical: identical(&mut connection, row.id).await?,
            successor: if pending {
                None
            } else {
                successor(&mut connection, row.id).await?
            },
            filled: self.filled.clone(),
            may_request_changes: pending
                && row.phase != Some(GatePhase::BeforeStart)
                && row.round < self.gate.rounds,
            row,
        })
    }

    /// Whether `lifecycle::decide` would take this person's answer now, and whose else.
    async fn who_may_sign(
        &self,
        connection: &mut PgConnection,
        principal: &Principal,
    ) -> Result<(Eligibility, Vec<String>)> {
        let late = sqlx::query_scalar!(
            r#"SELECT coalesce($1 <= watchbill_now(), false) AS "late!""#,
            self.row.expires_at
        )
        .fetch_one(&mut *connection)
        .await?;
        let Standing { own, may_sign } = standing(
            connection,
            principal,
            self.row.id,
            &self.gate,
            &self.requesters,
        )
        .await?;
        let eligibility = match own {
            _ if late => Eligibility::Late,
            Ok(Signature {
                sole_decider: true, ..
            }) => Eligibility::SoleDecider,
            Ok(Signature {
                on_behalf_of: Some((_, login)),
                ..
            }) => Eligibility::MaySignFor { login },
            Ok(Signature { .. }) => Eligibility::MaySign,
            Err(why) => why,
        };
        Ok((eligibility, may_sign))
    }

    /// How many invisible characters stand in what is shown of it, and in its result. What
    /// the answers bring along is not here.
    fn invisible(&self, shown: &Shown) -> InvisibleCharacters {
        let row = &self.row;
        let names = [
            Some(&row.task),
            row.summary.as_ref(),
            row.plan.as_ref(),
            row.run_id.as_ref(),
            self.requester.as_ref(),
            shown.log_excerpt.as_ref(),
        ];
        let beside: u64 = names.into_iter().flatten().map(|text| count(text)).sum();
        InvisibleCharacters {
            found: beside + shown.invisible.found,
            ..shown.invisible
        }
    }

    /// The result that the request is about, and no other: a request before the start has
    /// none, and a reported one is about what was reported then.
    async fn shown(&self, engine: &Engine) -> Result<Shown> {
        let row = &self.row;
        match (row.phase, &self.result) {
            (Some(GatePhase::BeforeStart), _) => Ok(Shown::default()),
            (None, Some(reported)) => {
                let text = |name: &str| reported[name].as_str().map(str::to_owned);
                Ok(Shown {
                    outputs_uri: text("outputs_uri"),
                    log_excerpt: text("log_excerpt"),
                    invisible: InvisibleCharacters {
                        // The excerpt is counted among what is shown.
                        found: reported
                            .as_object()
                            .into_iter()
                            .flatten()
                            .filter(|(name, _)| *name != "log_excerpt")
                            .map(|(_, value)| count_in_json(value))
                            .sum(),
                        unsearched: false,
                    },
                    ..Shown::default()
                })
            }
            (None, None) | (Some(GatePhase::AfterResult), _) => {
                Shown::read(engine, row.task_id, row.attempt).await
            }
        }
    }
}

#[derive(Default)]
struct Shown {
    outputs: Option<Value>,
    outputs_uri: Option<String>,
    log_excerpt: Option<String>,
    artifacts: Vec<ArtifactRow>,
    diff: Option<FileText>,
    diff_cut: bool,
    diffs: u32,
    extent: Option<DiffExtent>,
    invisible: InvisibleCharacters,
}

impl Shown {
    /// The attempt's own result where there is one.
    async fn read(engine: &Engine, task: TaskId, attempt: AttemptNumber) -> Result<Self> {
        let row = sqlx::query!(
            r#"SELECT CASE WHEN a.number IS NULL OR t.attempt = a.number THEN t.outputs ELSE a.report -> 'outputs' END
                    AS outputs,
                CASE WHEN a.number IS NULL OR t.attempt = a.number THEN t.outputs_uri ELSE a.outputs_uri END AS outputs_uri,
                CASE WHEN a.number IS NULL OR t.attempt = a.number THEN t.log_excerpt END AS log_excerpt
               FROM tasks t LEFT JOIN attempts a ON a.task_id = t.id AND a.number = $2 WHERE t.id = $1"#,
            task.0,
            attempt.0
        )
        .fetch_optional(&engine.readers)
        .await?;
        let mut shown = row.map_or_else(Self::default, |row| Self {
            outputs: row.outputs,
            outputs_uri: row.outputs_uri,
            log_excerpt: row.log_excerpt,
            ..Self::default()
        });
        shown.artifacts = artifacts(engine, task, Some(attempt)).await?;
        let mut connection = engine.readers.acquire().await?;
        shown.invisible = invisible_in_attempt(
            &mut connection,
            task,
            attempt,
            shown.outputs.as_ref(),
            shown.outputs_uri.as_deref(),
        )
        .await?;
        drop(connection);
        if let Some(file) = shown.artifacts.iter().find(|file| is_patch(&file.path)) {
            shown.diff = Some(beginning(engine, file.id, DIFF_BYTES).await?);
            shown.diff_cut = usize::try_from(file.bytes).is_ok_and(|bytes| bytes > DIFF_BYTES);
            let mut connection = engine.readers.acquire().await?;
            let patches = Patches::read(&mut connection, task, attempt).await?;
            shown.diffs = u32::try_from(patches.files).unwrap_or(u32::MAX);
            shown.extent = patches.touched.map(|touched| DiffExtent {
                files: u32::try_from(touched.paths.len()).unwrap_or(u32::MAX),
                added: touched.added,
                removed: touched.removed,
            });
        }
        Ok(shown)
    }
}

/// Who was asked besides, and why.
async fn escalations(connection: &mut PgConnection, id: ApprovalId) -> Result<Vec<EscalationRow>> {
    let rows = sqlx::query!(
        "SELECT step, reason, recipients, at FROM escalations WHERE approval_id = $1 ORDER BY step",
        id.0
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| EscalationRow {
            step: row.step,
            reason: row.reason,
            to: row.recipients,
            at: row.at,
        })
        .collect())
}

async fn decisions(connection: &mut PgConnection, id: ApprovalId) -> Result<Vec<DecisionRow>> {
    let rows = sqlx::query!(
        "SELECT id, verdict, decided_by, note, at, sole_decider, blind, on_behalf_of_name, channel,
                changes_round
         FROM decisions WHERE approval_id = $1 ORDER BY id",
        id.0
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let verdict = verdict(&row.verdict, row.id)?;
            Ok(DecisionRow {
                verdict,
                by: row.decided_by,
                note: row.note,
                at: row.at,
                sole_decider: row.sole_decider,
                changes_round: round(row.changes_round),
                blind: row.blind,
                on_behalf_of: row.on_behalf_of_name,
                channel: row.channel,
            })
        })
        .collect()
}
