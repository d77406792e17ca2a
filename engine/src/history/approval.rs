//! One request, with all that a person needs to decide it.

use model::approval::{ApprovalState, Eligibility};
use model::id::{AccountId, ApprovalId};
use model::identity::{Permission, Principal};
use model::plan::{Gate, Signer};
use model::task::GatePhase;
use model::view::{
    ApprovalDetail, ApprovalRow, ApprovalStanding, DecisionRow, EscalationRow, InvisibleCharacters,
    Reminding,
};
use model::visible::count;
use serde_json::Value;
use sqlx::PgConnection;

use super::approvals::{approval_row, no_approval};
use super::compared::Compared;
use super::decisions::{round, verdict};
use super::identical::identical;
use super::shown::{Room, Shown};
use super::signed::Beside;
use crate::approvals::{Signature, Standing, acknowledged, standing, successor};
use crate::tasks::consequences;
use crate::tasks::records::{json, word};
use crate::{Engine, Result, authorise};

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
    let beside = Beside::read(
        &mut connection,
        row,
        stored.result.as_ref(),
        shown.outputs.as_ref(),
    )
    .await?;
    drop(connection);
    let comparisons = Compared::of(engine, row, stored.result.as_ref()).await?;
    let invisible = stored.invisible(&shown, &beside);
    Ok(ApprovalDetail {
        digest: row.digest.clone(),
        condition: stored.rule.or_else(|| stored.gate.when.clone()),
        why: stored.why,
        from: stored.gate.from.iter().map(Signer::to_string).collect(),
        required: stored.gate.required,
        comment: stored.gate.comment,
        inputs: stored.gate.inputs,
        requester: stored.requester,
        signed: stored.result,
        needed: beside.needed,
        run_inputs: beside.run_inputs,
        escalations,
        since_approved: comparisons.since_approved,
        since_asked: comparisons.since_asked,
        outputs: shown.outputs,
        outputs_uri: shown.outputs_uri,
        log_excerpt: shown.log_excerpt,
        artifacts: shown.artifacts,
        patches: shown.patches,
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

    /// How many invisible characters stand in what is shown of it, and in all that is signed.
    /// What the answers bring along is not here.
    fn invisible(&self, shown: &Shown, beside: &Beside) -> InvisibleCharacters {
        let row = &self.row;
        let names = [
            Some(&row.task),
            row.summary.as_ref(),
            row.plan.as_ref(),
            row.run_id.as_ref(),
            self.requester.as_ref(),
            shown.log_excerpt.as_ref(),
        ];
        let names: u64 = names.into_iter().flatten().map(|text| count(text)).sum();
        InvisibleCharacters {
            found: names + shown.invisible.found + beside.invisible,
            ..shown.invisible
        }
    }

    /// The result that the request is about, and no other: a request before the start has
    /// none, and a reported one is about what was reported then.
    async fn shown(&self, engine: &Engine) -> Result<Shown> {
        let row = &self.row;
        match (row.phase, &self.result) {
            (Some(GatePhase::BeforeStart), _) => Ok(Shown::default()),
            (None, Some(reported)) => Ok(Shown::reported(reported)),
            (None, None) | (Some(GatePhase::AfterResult), _) => {
                let room = if row.is_about_version() {
                    Room::WHOLE
                } else {
                    Room::OF_A_RESULT
                };
                Shown::read(engine, row.task_id, row.attempt, room).await
            }
        }
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
