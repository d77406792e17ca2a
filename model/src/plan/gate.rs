use serde::{Deserialize, Serialize};

use super::{InputDefinition, RiskLevel, RiskRule};
use crate::identity::Role;
use crate::task::GatePhase;

/// The rule that stops a task until people have signed.
///
/// Policies of before 0.2 lack the later fields; each then has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gate {
    pub phase: GatePhase,
    /// A CEL condition; without one the gate always stops.
    pub when: Option<String>,
    /// Who may sign: any of these.
    pub from: Vec<Signer>,
    /// How many people must sign, at least one. Where `risk` has rules, they say it.
    pub required: u32,
    #[serde(default)]
    pub requester: RequesterRule,
    #[serde(default)]
    pub changes_asker: ChangesAskerRule,
    #[serde(default)]
    pub comment: CommentRule,
    #[serde(default)]
    pub refusal: RefusalRule,
    /// How long the request stays open, in seconds.
    pub expires_seconds: Option<u64>,
    #[serde(default)]
    pub on_expire: OnExpire,
    /// The pause between reminders, in seconds.
    #[serde(default)]
    pub remind_seconds: Option<u64>,
    /// Whom to ask besides when nobody answers, in the order of their time.
    #[serde(default)]
    pub escalate: Vec<EscalationStep>,
    /// What the first who approves fills in; later tasks read it.
    #[serde(default)]
    pub inputs: Vec<InputDefinition>,
    /// How many signatures a result needs; the first rule that matches says it.
    #[serde(default)]
    pub risk: Vec<RiskRule>,
    /// How often changes may be asked for.
    #[serde(default = "Gate::default_rounds")]
    pub rounds: u32,
}

impl Gate {
    /// How often changes may be asked for where the plan does not say.
    pub const DEFAULT_ROUNDS: u32 = 3;

    /// A gate as a plan makes it that names only who signs.
    #[must_use]
    pub fn new(phase: GatePhase, from: Vec<Signer>) -> Self {
        Self {
            phase,
            when: None,
            from,
            required: 1,
            requester: RequesterRule::default(),
            changes_asker: ChangesAskerRule::default(),
            comment: CommentRule::default(),
            refusal: RefusalRule::default(),
            expires_seconds: None,
            on_expire: OnExpire::default(),
            remind_seconds: None,
            escalate: Vec::new(),
            inputs: Vec::new(),
            risk: Vec::new(),
            rounds: Self::DEFAULT_ROUNDS,
        }
    }

    const fn default_rounds() -> u32 {
        Self::DEFAULT_ROUNDS
    }

    /// Whether who asked for changes may not sign what came of them: where the policy says so,
    /// and where more than one must sign, since they wrote a part of it.
    #[must_use]
    pub const fn bars_changes_asker(&self) -> bool {
        match self.changes_asker {
            ChangesAskerRule::Forbidden => true,
            ChangesAskerRule::Allowed => self.required > 1,
        }
    }

    /// The most signatures that this gate can ask for.
    #[must_use]
    pub fn most_required(&self) -> u32 {
        if self.risk.is_empty() {
            self.required
        } else {
            RiskLevel::STRICTEST.signatures()
        }
    }
}

/// One entry of a gate's `from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Signer {
    /// Whoever holds the role.
    Role(Role),
    /// The members of a group, by its name.
    Group(String),
    /// One person, by the name they log in with.
    User(String),
}

impl std::fmt::Display for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::User(login) => write!(f, "user:{login}"),
        }
    }
}

/// Whether who asked for a run may sign what comes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RequesterRule {
    /// They may not, unless nobody else at all could.
    #[default]
    Forbidden,
    Allowed,
}

/// Whether who asked for changes may sign what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangesAskerRule {
    /// They may where one signature is enough, and the record says so.
    #[default]
    Allowed,
    /// They may not in that round.
    Forbidden,
}

/// When an answer needs a comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommentRule {
    #[default]
    RequiredOnReject,
    Required,
    Optional,
}

/// What a refusal does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusalRule {
    /// One refusal ends it.
    #[default]
    One,
    /// It ends when most of those who may sign have refused, or too few are left to approve.
    Majority,
}

/// What happens when nobody decided in time. Nothing here approves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnExpire {
    #[default]
    Reject,
    /// The next step of `escalate` is asked and the time begins anew; after the last, refused.
    Escalate,
}

/// Whom to ask besides, when nobody has answered for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EscalationStep {
    /// Counted from the request, in the approvers' working hours where they gave any.
    pub after_seconds: u64,
    pub to: Vec<Signer>,
}
