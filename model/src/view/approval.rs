use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ArtifactRow, Comparison, NeededResult, PatchText};
use crate::approval::{ApprovalState, Eligibility, Verdict};
use crate::id::{ApprovalId, AttemptNumber, RunKey, TaskId};
use crate::plan::{CommentRule, InputDefinition, RiskLevel};
use crate::task::GatePhase;
use crate::visible::FileText;

/// One request in the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalRow {
    pub id: ApprovalId,
    pub task_id: TaskId,
    pub task: String,
    pub run: Option<RunKey>,
    pub run_id: Option<String>,
    pub plan: Option<String>,
    pub attempt: AttemptNumber,
    /// None for a request that an outside orchestrator reported.
    pub phase: Option<GatePhase>,
    pub state: ApprovalState,
    pub requested_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub decided_at: Option<DateTime<Utc>>,
    pub approver: Option<String>,
    /// What the result says of itself in a line: the report's `summary`, or the plan's description.
    pub summary: Option<String>,
    /// What the rules of risk said; none where the gate has none.
    pub risk: Option<RiskLevel>,
    /// How many must sign, and how many have.
    pub required: u32,
    pub signatures: u32,
    /// What every decision form carries: SHA-256 in hexadecimal. Alike for identical results.
    pub digest: String,
    /// How often changes were asked for before.
    pub round: u32,
}

impl ApprovalRow {
    /// Whether it is about a version of a plan that waits to take effect: a gate of a plan,
    /// and of no run.
    #[must_use]
    pub const fn is_about_version(&self) -> bool {
        self.phase.is_some() && self.run.is_none() && self.plan.is_some()
    }
}

/// One answer, as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionRow {
    pub verdict: Verdict,
    pub by: String,
    pub note: Option<String>,
    pub at: DateTime<Utc>,
    /// The requester signed because no one else could.
    pub sole_decider: bool,
    /// The newest round in which who gave it, or whose signature it is, had asked for changes.
    pub changes_round: Option<u32>,
    /// It did not say what was looked at, and was bound to what stood there.
    pub blind: bool,
    /// Whose signature it is, where a delegation let another give it.
    pub on_behalf_of: Option<String>,
    /// `page`, `api` or `slack`.
    pub channel: String,
}

/// A record that somebody else was asked to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EscalationRow {
    pub step: i32,
    pub reason: String,
    /// As plans write them: `role:admin`.
    pub to: Vec<String>,
    pub at: DateTime<Utc>,
}

/// How much diffs change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffExtent {
    pub files: u32,
    /// Lines.
    pub added: u64,
    pub removed: u64,
}

/// The characters that nobody would see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvisibleCharacters {
    /// How many there are.
    pub found: u64,
    /// Some of the files are too large, or no text, and were not searched.
    pub unsearched: bool,
}

/// All that a person needs to decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalDetail {
    pub row: ApprovalRow,
    /// What every decision form carries: SHA-256 in hexadecimal.
    pub digest: String,
    /// Which condition stopped it, in the plan's words.
    pub condition: Option<String>,
    /// Why that one and no milder, where there is something to say.
    pub why: Option<String>,
    /// Who may sign, as the plan writes it: `role:approver`.
    pub from: Vec<String>,
    pub required: u32,
    pub requester: Option<String>,
    /// What the digest was made of: it is the SHA-256 of this in canonical JSON (RFC 8785).
    /// None for a request that was raised before this was kept.
    pub signed: Option<serde_json::Value>,
    /// The results that a start is signed with, by the digests in `signed`.
    pub needed: Vec<NeededResult>,
    /// The inputs of the run, which fill the commands of later tasks. They are no part of the
    /// digest: where they are, they stand in `signed` and not here.
    pub run_inputs: Option<serde_json::Value>,
    pub outputs: Option<serde_json::Value>,
    pub outputs_uri: Option<String>,
    pub log_excerpt: Option<String>,
    pub artifacts: Vec<ArtifactRow>,
    /// The artifacts that are patches, all of them; the last ones may be cut at a bound.
    pub patches: Vec<PatchText>,
    /// What all of them change; none where there is none, or one is not understood.
    pub extent: Option<DiffExtent>,
    /// Those of what is signed, and of the names and the lines beside it.
    pub invisible: InvisibleCharacters,
    /// The tasks that may start, sooner or later, if it is approved.
    pub waiting: Vec<String>,
    /// The tasks that are skipped if it is refused.
    pub skipped: Vec<String>,
    pub decisions: Vec<DecisionRow>,
    /// Whether the person who asks may decide now.
    pub may_decide: bool,
    /// Why, or why not.
    pub eligibility: Eligibility,
    /// When an answer needs a comment.
    pub comment: CommentRule,
    /// What the first who approves fills in.
    pub inputs: Vec<InputDefinition>,
    /// What they filled in; whoever signs after them signs that.
    pub filled: Option<serde_json::Value>,
    /// Whether changes may still be asked for.
    pub may_request_changes: bool,
    /// The logins of those who could sign and have not.
    pub may_sign: Vec<String>,
    pub escalations: Vec<EscalationRow>,
    /// Against what was approved last for the same task of the plan.
    pub since_approved: Option<Comparison>,
    /// Against the request that this one took the place of.
    pub since_asked: Option<Comparison>,
    /// Other requests that wait for exactly the same.
    pub identical: Vec<ApprovalId>,
    /// Whether the person who asks is reminded of it.
    pub reminding: Reminding,
    /// The newest request that was raised about the same task since; none while this one waits.
    pub successor: Option<ApprovalId>,
}

impl ApprovalDetail {
    /// For who reads the texts of files as they come: with marks in place of what cannot be
    /// seen.
    #[must_use]
    pub fn with_marks_as_text(mut self) -> Self {
        let comparisons = [&mut self.since_approved, &mut self.since_asked];
        let changes = comparisons
            .into_iter()
            .flatten()
            .flat_map(|comparison| &mut comparison.changes);
        for text in changes
            .filter_map(|change| change.lines.as_mut())
            .chain(self.patches.iter_mut().map(|patch| &mut patch.text))
        {
            *text = FileText::from_lines(text.shown());
        }
        self
    }
}

/// Whether a person is reminded of a request that waits for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reminding {
    /// The policy does not remind, or not this person.
    No,
    /// Until they answer, or say that they have seen it.
    UntilAnswered,
    /// They have said so.
    Acknowledged,
}

/// What of a request changes while people look at it: its answers, and who may still give one.
///
/// A page that is open asks for this again and again, so it holds nothing that is long or takes
/// long to find. What [`ApprovalDetail`] has besides stays as it was first read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalStanding {
    pub row: ApprovalRow,
    /// Whether the person who asks may decide now, and why, or why not.
    pub eligibility: Eligibility,
    pub decisions: Vec<DecisionRow>,
    /// What the first who approved filled in; whoever signs after them signs that.
    pub filled: Option<serde_json::Value>,
    /// The logins of those who could sign and have not.
    pub may_sign: Vec<String>,
    /// Whether changes may still be asked for.
    pub may_request_changes: bool,
    /// Other requests that wait for exactly the same.
    pub identical: Vec<ApprovalId>,
    /// Whether the person who asks is reminded of it.
    pub reminding: Reminding,
    /// The newest request that was raised about the same task since; none while this one waits.
    pub successor: Option<ApprovalId>,
}

impl From<&ApprovalDetail> for ApprovalStanding {
    fn from(detail: &ApprovalDetail) -> Self {
        Self {
            row: detail.row.clone(),
            eligibility: detail.eligibility.clone(),
            decisions: detail.decisions.clone(),
            filled: detail.filled.clone(),
            may_sign: detail.may_sign.clone(),
            may_request_changes: detail.may_request_changes,
            identical: detail.identical.clone(),
            reminding: detail.reminding,
            successor: detail.successor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_says_which_answers_need_a_comment() {
        let needed = |rule| Verdict::ALL.map(|verdict| verdict.needs_comment(rule));
        assert_eq!(needed(CommentRule::Optional), [false, false, true]);
        assert_eq!(needed(CommentRule::RequiredOnReject), [false, true, true]);
        assert_eq!(needed(CommentRule::Required), [true, true, true]);
    }
}
