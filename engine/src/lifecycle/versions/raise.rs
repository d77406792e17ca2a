//! Asking those whom the weakened gates asked for.

use model::id::{ApprovalId, TaskId};
use model::identity::Role;
use model::plan::{Gate, RequesterRule, Signer, Weakening};
use model::task::GatePhase;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use similar::TextDiff;
use sqlx::PgConnection;

use super::super::gate::Stop;
use super::super::request::{NewRequest, insert_request, notify};
use crate::plans::store::Version;
use crate::tasks::digest;
use crate::tasks::lock_task;
use crate::{Engine, Result};

/// The most sentences that a request tells; the record has them all.
const SENTENCES: usize = 20;
/// The time for comparing two texts before their difference gets coarse.
const DIFF_TIME: std::time::Duration = std::time::Duration::from_secs(2);
/// The longest name of a task, in characters.
const NAME: usize = 64;
/// The file in which a request shows the difference of the texts.
const DIFF: &str = "plan.diff";

/// A version that waits, and what it is compared with.
pub(super) struct Proposal<'a> {
    pub plan: &'a str,
    pub former: Option<&'a Version>,
    pub version: &'a Version,
    pub weakenings: &'a [Weakening],
    /// The name of the author in records.
    pub by: &'a str,
}

impl Proposal<'_> {
    /// Returns what is signed: the text by its hash, what it takes the place of, and each weakening.
    pub fn facts(&self) -> Value {
        let weakenings = self.weakenings.iter().map(|weakening| {
            json!({"task": weakening.task, "kind": weakening.kind, "sentence": weakening.sentence})
        });
        json!({
            "plan": self.plan,
            "version": self.version.number,
            "content": digest::hex(&self.version.hash),
            "instead_of": self.former.map_or(0, |former| former.number),
            "weakenings": weakenings.collect::<Vec<_>>(),
        })
    }

    /// One policy for each that differs: of several gates all are asked.
    ///
    /// If no gate is near, all of the former version's are asked; a plan that has none is
    /// looked at by one approver.
    fn policies(&self) -> Vec<Gate> {
        let mut gates: Vec<&Gate> = self.weakenings.iter().flat_map(|it| &it.gates).collect();
        let unasked = self.weakenings.iter().any(|it| it.gates.is_empty());
        let all = self.former.iter().flat_map(|former| &former.plan.tasks);
        if gates.is_empty() {
            gates = all.filter_map(|task| task.approval.as_ref()).collect();
        }
        let mut policies: Vec<Gate> = Vec::new();
        for policy in gates.into_iter().map(policy) {
            if !policies.contains(&policy) {
                policies.push(policy);
            }
        }
        if policies.is_empty() || (unasked && self.former.is_none()) {
            policies.push(policy(&Gate::new(
                GatePhase::AfterResult,
                vec![Signer::Role(Role::Approver)],
            )));
        }
        policies
    }

    fn sentences(&self) -> Vec<String> {
        let mut sentences: Vec<String> = self
            .weakenings
            .iter()
            .take(SENTENCES)
            .map(|weakening| weakening.sentence.clone())
            .collect();
        if let Some(more) = self.weakenings.len().checked_sub(SENTENCES + 1) {
            sentences.push(format!("and {} more", more + 1));
        }
        sentences
    }

    fn summary(&self) -> String {
        let Version { number, .. } = self.version;
        let by = self.by;
        match (self.former, self.weakenings.is_empty()) {
            (Some(former), false) => format!(
                "version {number} by {by} asks people less than version {}",
                former.number
            ),
            (Some(former), true) => {
                format!(
                    "version {number} by {by} is to follow version {}",
                    former.number
                )
            }
            (None, _) => format!("version {number} by {by} would be the first that runs"),
        }
    }

    fn difference(&self) -> String {
        let before = self.former.map_or("", |former| former.text.as_str());
        let name = |number: i32| format!("{} version {number}", self.plan);
        let old = self
            .former
            .map_or_else(|| "/dev/null".to_owned(), |former| name(former.number));
        TextDiff::configure()
            .timeout(DIFF_TIME)
            .diff_lines(before, &self.version.text)
            .unified_diff()
            .context_radius(5)
            .header(&old, &name(self.version.number))
            .to_string()
    }
}

/// A former gate as the policy of a proposal: as strict as it could be, and never its author.
fn policy(gate: &Gate) -> Gate {
    Gate {
        phase: GatePhase::AfterResult,
        when: None,
        required: gate.most_required(),
        requester: RequesterRule::Forbidden,
        inputs: Vec::new(),
        risk: Vec::new(),
        rounds: 0,
        ..gate.clone()
    }
}

/// Puts the proposal into the inbox, once for each policy.
pub(super) async fn raise(
    engine: &Engine,
    connection: &mut PgConnection,
    proposal: &Proposal<'_>,
) -> Result<Vec<ApprovalId>> {
    let policies = proposal.policies();
    let difference = proposal.difference();
    let mut requests = Vec::with_capacity(policies.len());
    for (place, policy) in policies.iter().enumerate() {
        let name = title(proposal, place + 1, policies.len());
        let task = insert_task(connection, proposal, &name).await?;
        keep_difference(connection, task, &difference).await?;
        let stored = lock_task(connection, task).await?;
        let mut result = proposal.facts();
        result["policy"] = serde_json::to_value(policy).map_err(anyhow::Error::new)?;
        let mut stop = Stop::always(policy.clone());
        stop.ruling.why = Some(proposal.sentences().join("; ")).filter(|why| !why.is_empty());
        let request = insert_request(
            connection,
            &NewRequest {
                task,
                attempt: stored.attempt,
                run: None,
                proposal: Some(proposal.version.id),
                task_name: &name,
                phase: Some(GatePhase::AfterResult),
                digest: digest::of(&result)?,
                result,
                stop: &stop,
                summary: Some(&proposal.summary()),
            },
        )
        .await?;
        notify(engine, connection, request, &stored, None).await?;
        requests.push(request);
    }
    Ok(requests)
}

/// `version 8 of release`, within the length that names have.
fn title(proposal: &Proposal<'_>, place: usize, of: usize) -> String {
    let version = proposal.version.number;
    let part = match of {
        1 => String::new(),
        of => format!(" ({place} of {of})"),
    };
    let room = NAME.saturating_sub(format!("version {version} of {part}").chars().count());
    let plan: String = proposal.plan.chars().take(room).collect();
    format!("version {version} of {plan}{part}")
}

async fn insert_task(
    connection: &mut PgConnection,
    proposal: &Proposal<'_>,
    name: &str,
) -> Result<TaskId> {
    let outputs = json!({
        "plan": proposal.plan,
        "version": proposal.version.number,
        "instead_of": proposal.former.map(|former| former.number),
        "weakenings": proposal.sentences(),
    });
    let id = sqlx::query_scalar!(
        "WITH made AS (
             INSERT INTO tasks (name, origin, state, outputs) VALUES ($1, 'proposal', 'awaiting_approval', $2)
             RETURNING id
         ), recorded AS (
             INSERT INTO task_history (task_id, seq, attempt, event, to_state, actor)
             SELECT id, 1, 0, 'create', 'awaiting_approval', $3 FROM made
         )
         SELECT id FROM made",
        name,
        outputs,
        proposal.by,
    )
    .fetch_one(connection)
    .await?;
    Ok(TaskId(id))
}

/// Lies beside the request as a step's files do, so that page, mail and API show it alike.
async fn keep_difference(
    connection: &mut PgConnection,
    task: TaskId,
    difference: &str,
) -> Result<()> {
    let bytes = difference.as_bytes();
    sqlx::query!(
        "WITH kept AS (
             INSERT INTO artifacts (task_id, attempt, path, bytes, sha256) VALUES ($1, 0, $2, $3, $4) RETURNING id
         )
         INSERT INTO artifact_chunks (artifact_id, seq, content) SELECT id, 0, $5 FROM kept",
        task.0,
        DIFF,
        i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        &Sha256::digest(bytes)[..],
        bytes,
    )
    .execute(connection)
    .await?;
    Ok(())
}
