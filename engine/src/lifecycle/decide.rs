//! One person's answer: recorded with all that follows from it, or not at all.

use anyhow::Context;
use model::approval::{ApprovalState, Verdict};
use model::id::{AccountId, ApprovalId, AttemptNumber, TaskId};
use model::identity::{Permission, Principal};
use model::plan::Gate;
use model::task::GatePhase;
use serde_json::json;
use sqlx::PgConnection;

use super::answer::{Channel, Decide, Decided, check_about_version, check_comment, checked_note};
use super::outcome::Outcome;
use super::quorums::tell_if_out_of_reach;
use super::signed;
use super::unseen::{Unseen, is_blind};
use super::versions;
use crate::approvals::tally::{self, Standing, Tally};
use crate::approvals::{Signature, may_sign, phase_of, successor};
use crate::identity::accounts::hold_administration;
use crate::notify::outbox;
use crate::tasks::digest::hex;
use crate::tasks::lock_task;
use crate::{Engine, Error, Result, audit, plans};

/// A request as it stood when the answer came.
pub(super) struct Request {
    pub task: TaskId,
    pub attempt: AttemptNumber,
    pub phase: Option<GatePhase>,
    pub pending: bool,
    pub digest: Vec<u8>,
    pub gate: Gate,
    /// Who asked for the run, and for its retries.
    pub requesters: Vec<AccountId>,
}

/// Answers a request. One guarded UPDATE decides: of several answers one wins.
///
/// Where the gate asks for more than one signature, the request stays pending until
/// enough people have approved.
///
/// # Errors
/// [`Error::DigestNeeded`] where the answer must say what it is about;
/// [`Error::Forbidden`] to who may not sign; [`Error::Conflict`] naming the
/// state where it was answered before or the result changed since;
/// [`Error::Gone`] where it has expired; [`Error::Replaced`] where it was asked again since; [`Error::Invalid`] where the policy
/// wants a comment or inputs that are missing.
pub async fn decide(engine: &Engine, principal: &Principal, answer: &Decide) -> Result<Decided> {
    crate::authorise(principal, Permission::Decide)?;
    let note = checked_note(answer)?;
    let mut transaction = engine.pool.begin().await?;
    let connection = &mut *transaction;
    let task = read(connection, answer.approval).await?.task;
    let proposal = versions::hold_proposal(connection, task).await?;
    if proposal.is_some() {
        check_about_version(&engine.settings, principal, answer, task)?;
    }
    // The run's lock first, as every verb takes it; a pruned task has nothing to decide.
    let stored = lock_task(connection, task).await?;
    // What was read before the lock may have changed: the policy grows when it escalates.
    let request = read(connection, answer.approval).await?;
    if answer.verdict == Verdict::Approve
        && request.pending
        && let Some(void) = signed::compare(engine, connection, &stored, answer.approval).await?
    {
        // Nobody has it asked again who could not have signed.
        demand_signature(connection, principal, answer, &request).await?;
        let sentence = void.sentence();
        let again = void.ask_again(engine, connection, &stored).await?;
        transaction.commit().await?;
        return Err(Error::Conflict(format!(
            "{sentence}; it is asked again as approval {again}"
        )));
    }
    claim_decision(connection, answer, &request).await?;
    let signature = demand_signature(connection, principal, answer, &request).await?;
    let unseen = Unseen {
        approval: answer.approval,
        task,
        native: stored.native,
        verdict: answer.verdict,
        gate: &request.gate,
    };
    let blind = is_blind(&engine.settings, &unseen, answer.digest.is_some())?;
    check_comment(&request.gate, answer.verdict, note)?;
    let tally = tally(connection, answer.approval).await?;
    if answer.verdict == Verdict::Approve {
        take_inputs(connection, answer, &request).await?;
    }
    let standing = tally::standing(&request.gate, tally, answer.verdict, signature.signers);
    let recorded = Recorded {
        signature: &signature,
        blind,
        note,
    };
    record(connection, principal, answer, &request, &recorded).await?;
    let state = match standing {
        Standing::Open => ApprovalState::Pending,
        Standing::Approved => ApprovalState::Approved,
        Standing::Rejected => ApprovalState::Rejected,
        Standing::ChangesRequested => ApprovalState::ChangesRequested,
    };
    if state == ApprovalState::Pending {
        // They may have been one of the last who could.
        tell_if_out_of_reach(engine, connection, &[answer.approval]).await?;
    } else {
        close(connection, answer.approval, state).await?;
        outbox::approval_decided(connection, &engine.settings, answer.approval).await?;
        let outcome = Outcome {
            engine,
            principal,
            approval: answer.approval,
            request: &request,
            task: &stored,
            proposal,
            note,
        };
        outcome.follow(connection, standing).await?;
    }
    transaction.commit().await?;
    engine.hint_ready();
    Ok(Decided { task, state })
}

/// Demands that this person may sign, and holds that: nobody loses a role, a group or a delegation
/// between this question and the record.
async fn demand_signature(
    connection: &mut PgConnection,
    principal: &Principal,
    answer: &Decide,
    request: &Request,
) -> Result<Signature> {
    hold_administration(connection).await?;
    may_sign(
        connection,
        principal,
        answer.approval,
        &request.gate,
        &request.requesters,
    )
    .await
}

async fn read(connection: &mut PgConnection, id: ApprovalId) -> Result<Request> {
    let row = sqlx::query!(
        "SELECT task_id, attempt, phase, state, digest, policy, requesters FROM approvals WHERE id = $1",
        id.0
    )
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| Error::NotFound(format!("there is no approval {id}")))?;
    Ok(Request {
        task: TaskId(row.task_id),
        attempt: AttemptNumber(row.attempt),
        phase: phase_of(row.phase.as_deref(), id)?,
        pending: row.state == ApprovalState::Pending.as_str(),
        digest: row.digest,
        gate: serde_json::from_value(row.policy)
            .with_context(|| format!("approvals.policy of row {id} is not a gate"))?,
        requesters: row.requesters.into_iter().map(AccountId).collect(),
    })
}

/// The guarded UPDATE: pending, in time, and still about what was looked at. It holds the
/// row, so that answers to one request come one after another.
async fn claim_decision(
    connection: &mut PgConnection,
    answer: &Decide,
    request: &Request,
) -> Result<()> {
    let looked_at = answer
        .digest
        .map_or_else(|| request.digest.clone(), |digest| digest.to_vec());
    let held = sqlx::query!(
        "UPDATE approvals SET signatures = signatures + $2
         WHERE id = $1 AND state = 'pending' AND digest = $3 AND attempt = $4
           AND (expires_at IS NULL OR expires_at > watchbill_now())",
        answer.approval.0,
        i32::from(answer.verdict == Verdict::Approve),
        looked_at,
        request.attempt.0,
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if held == 1 {
        return Ok(());
    }
    Err(why_not(connection, answer.approval, &looked_at).await?)
}

async fn close(
    connection: &mut PgConnection,
    approval: ApprovalId,
    state: ApprovalState,
) -> Result<()> {
    sqlx::query!(
        "UPDATE approvals SET state = $2, decided_at = watchbill_now() WHERE id = $1 AND state = 'pending'",
        approval.0,
        state.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn tally(connection: &mut PgConnection, approval: ApprovalId) -> Result<Tally> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE verdict = 'approve' AND NOT blind) AS "approvals!",
                  count(*) FILTER (WHERE verdict = 'reject') AS "refusals!"
           FROM decisions WHERE approval_id = $1"#,
        approval.0
    )
    .fetch_one(connection)
    .await?;
    Ok(Tally {
        approvals: usize::try_from(row.approvals).unwrap_or(0),
        refusals: usize::try_from(row.refusals).unwrap_or(0),
    })
}

/// The first who approves fills the inputs in; whoever signs after them signs those.
async fn take_inputs(
    connection: &mut PgConnection,
    answer: &Decide,
    request: &Request,
) -> Result<()> {
    let given = answer.inputs.clone().unwrap_or(serde_json::Value::Null);
    if request.gate.inputs.is_empty() && given.is_null() {
        return Ok(());
    }
    if answer.channel == Channel::Slack {
        return Err(Error::invalid(
            "inputs",
            "who approves this fills something in, or signs what was filled in: do it on the page",
        ));
    }
    let present = sqlx::query_scalar!(
        "SELECT inputs FROM approvals WHERE id = $1",
        answer.approval.0
    )
    .fetch_one(&mut *connection)
    .await?;
    if let Some(present) = present {
        // Nobody signs entries that they have not seen: whoever looked before they were made
        // gives none, or others.
        return if given == present {
            Ok(())
        } else {
            Err(Error::Conflict(format!(
                "approval {} was signed with inputs before; look again, and send the inputs that stand there to sign \
                 them, too, or refuse",
                answer.approval
            )))
        };
    }
    let inputs = plans::inputs::check_definitions(&request.gate.inputs, given, "the approval")?;
    sqlx::query!(
        "UPDATE approvals SET inputs = $2 WHERE id = $1",
        answer.approval.0,
        inputs
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Why the guarded UPDATE found nothing, for the person who was too late.
async fn why_not(connection: &mut PgConnection, id: ApprovalId, looked_at: &[u8]) -> Result<Error> {
    let row = sqlx::query!(
        r#"SELECT a.state, a.digest, coalesce(a.expires_at <= watchbill_now(), false) AS "late!",
                  (SELECT d.decided_by FROM decisions d WHERE d.approval_id = a.id ORDER BY d.id DESC LIMIT 1) AS decided_by
           FROM approvals a WHERE a.id = $1"#,
        id.0
    )
    .fetch_one(&mut *connection)
    .await?;
    let expired = row.state == "expired" || (row.state == "pending" && row.late);
    if let Some(by) = successor(connection, id).await? {
        let ended = if expired {
            "has expired; it was not approved".to_owned()
        } else {
            format!("is already {}{}", row.state, signed(row.decided_by))
        };
        return Ok(Error::Replaced {
            message: format!("approval {id} {ended}. It was asked again as approval {by}"),
            by,
            expired,
        });
    }
    if expired {
        return Ok(Error::Gone(format!(
            "approval {id} has expired; it was not approved"
        )));
    }
    if row.state == "pending" && row.digest != looked_at {
        // Whoever answers by the task and names what they saw may have seen an earlier one.
        if was_asked_before(connection, id, looked_at).await? {
            return Ok(Error::Replaced {
                message: format!(
                    "what you looked at was asked again as approval {id}; look again before you decide"
                ),
                by: id,
                expired: false,
            });
        }
        return Ok(Error::Conflict(format!(
            "what approval {id} is about has changed since you looked; look again before you decide"
        )));
    }
    Ok(Error::Conflict(format!(
        "approval {id} is already {}{}",
        row.state,
        signed(row.decided_by)
    )))
}

fn signed(by: Option<String>) -> String {
    by.map(|name| format!(" by {name}")).unwrap_or_default()
}

/// Whether an earlier request about the same task had this digest.
async fn was_asked_before(
    connection: &mut PgConnection,
    approval: ApprovalId,
    digest: &[u8],
) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM approvals a JOIN approvals e ON e.task_id = a.task_id
               WHERE a.id = $1 AND e.id < a.id AND e.digest = $2) AS "found!""#,
        approval.0,
        digest
    )
    .fetch_one(connection)
    .await?;
    Ok(found)
}

/// What is kept of an answer besides itself.
struct Recorded<'a> {
    signature: &'a Signature,
    /// It did not say what was looked at.
    blind: bool,
    note: Option<&'a str>,
}

async fn record(
    connection: &mut PgConnection,
    principal: &Principal,
    answer: &Decide,
    request: &Request,
    recorded: &Recorded<'_>,
) -> Result<()> {
    let Recorded {
        signature,
        blind,
        note,
    } = *recorded;
    let (behalf, behalf_name) = signature
        .on_behalf_of
        .as_ref()
        .map(|(account, login)| (account.0, login.as_str()))
        .unzip();
    sqlx::query!(
        "INSERT INTO decisions (approval_id, account_id, decided_by, verdict, note, digest, sole_decider, channel,
                                on_behalf_of, on_behalf_of_name, changes_round, blind)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        answer.approval.0,
        signature.account.0,
        principal.name,
        answer.verdict.as_str(),
        note,
        request.digest,
        signature.sole_decider,
        answer.channel.as_str(),
        behalf,
        behalf_name,
        signature.changes_round.and_then(|round| i32::try_from(round).ok()),
        blind,
    )
    .execute(&mut *connection)
    .await?;
    let details = json!({
        "verdict": answer.verdict,
        "task": request.task,
        "attempt": request.attempt,
        "digest": hex(&request.digest),
        "blind": blind,
        "note": note,
        "sole_decider": signature.sole_decider,
        "changes_round": signature.changes_round,
        "on_behalf_of": behalf_name,
        "inputs": answer.inputs,
        "channel": answer.channel.as_str(),
    });
    let subject = format!("approval/{}", answer.approval);
    audit::record(connection, principal, "approval.decide", &subject, details).await
}
