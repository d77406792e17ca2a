//! The shape of a plan's file. The published JSON Schema is generated from here.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::ordered::Ordered;

/// A plan: what starts it, and its tasks with their dependencies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Watchbill plan", rename = "Plan")]
pub(super) struct PlanDocument {
    /// The plan's name: lower-case letters, digits, '.', '_' and '-', at most 64.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9._-]{0,63}$"))]
    pub plan: String,
    /// What it is for, in a sentence.
    pub description: Option<String>,
    /// An IANA zone such as Europe/Paris, in which times and dates are read. UTC without it.
    pub timezone: Option<String>,
    /// The template of a run's id. `{date}` and `{time}` are the due moment in the plan's zone. 'NAME-{date}' without it.
    pub run_id: Option<String>,
    /// Values that whoever starts a run may give.
    #[serde(default)]
    pub inputs: Ordered<InputDocument>,
    /// What starts the plan by itself. A person can always start it as well.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub triggers: Vec<TriggerDocument>,
    /// The tasks by name.
    pub tasks: Ordered<TaskDocument>,
}

/// A typed value that whoever starts a run may give.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Input")]
pub(super) struct InputDocument {
    #[serde(rename = "type")]
    pub kind: InputType,
    pub description: Option<String>,
    /// A run cannot start without it.
    #[serde(default)]
    pub required: bool,
    /// Used where nobody gives one.
    pub default: Option<serde_json::Value>,
    /// What a choice may be.
    #[serde(default)]
    pub choices: Vec<String>,
}

/// What an input may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum InputType {
    String,
    Integer,
    Number,
    Boolean,
    Choice,
}

/// Either `cron` or `every`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Trigger")]
pub(super) struct TriggerDocument {
    /// Five fields: minute, hour, day of month, month, day of week.
    pub cron: Option<String>,
    /// A spacing such as 7m.
    pub every: Option<String>,
    /// Active hours such as "06:00-23:00", with `every`.
    pub between: Option<String>,
    /// What happens to moments that passed while nobody was there to act.
    pub misfire: Option<MisfireWord>,
    /// What happens when a moment comes while an earlier run is still going.
    pub overlap: Option<OverlapWord>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Misfire")]
pub(super) enum MisfireWord {
    Skip,
    Latest,
    All,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Overlap")]
pub(super) enum OverlapWord {
    Skip,
    Queue,
    Allow,
    Cancel,
}

/// One unit of work: either `run` or `shell`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Task")]
pub(super) struct TaskDocument {
    pub description: Option<String>,
    /// A program and its arguments. No shell touches them; each is a template.
    pub run: Option<Vec<String>>,
    /// A script for a shell that is asked for by name. It is no template.
    pub shell: Option<ShellDocument>,
    /// The tasks that must be settled first.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Earlier tasks whose files it finds, read-only, in the folder that `WATCHBILL_USES` names.
    /// A needed task with an approval of its result is among them without being named.
    #[serde(default)]
    pub uses: Vec<String>,
    /// How the needed tasks must have ended.
    pub join: Option<JoinWord>,
    /// A CEL condition; where it is false the task is skipped.
    pub when: Option<String>,
    /// Relative to the folder in which steps run.
    pub working_directory: Option<String>,
    /// Variables for the step: a text, or {secret: NAME}.
    #[serde(default)]
    pub environment: Ordered<EnvironmentDocument>,
    /// How long one attempt may take, such as 15m. 1h without it.
    pub timeout: Option<String>,
    pub retries: Option<RetriesDocument>,
    pub approval: Option<ApprovalDocument>,
    /// The queue in which it waits; 'default' without it.
    pub queue: Option<String>,
    /// Higher is claimed first.
    pub priority: Option<i32>,
    /// Labels that a worker must carry to take it.
    #[serde(default)]
    pub labels: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Shell")]
pub(super) struct ShellDocument {
    /// The shell, such as bash or /bin/sh.
    pub program: String,
    pub script: String,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Join")]
pub(super) enum JoinWord {
    AllSucceeded,
    AllDone,
    AnySucceeded,
}

/// How often and how soon a failed attempt is tried again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retries")]
pub(super) struct RetriesDocument {
    /// Attempts after the first.
    #[schemars(range(max = 100))]
    pub max: u32,
    /// The pause before the first retry; each further one doubles it. 30s without it.
    pub backoff: Option<String>,
    /// No pause is longer. 10m without it.
    pub ceiling: Option<String>,
    /// Which outcomes are tried again. All but `not_found` without it.
    pub on: Option<Vec<RetryOnWord>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RetryOn")]
pub(super) enum RetryOnWord {
    Failure,
    Timeout,
    Signal,
    NotFound,
}

/// The rule that stops the task until a person has signed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Approval")]
pub(super) struct ApprovalDocument {
    /// Before the start, or after a good result (without it).
    pub at: Option<AtWord>,
    /// A CEL condition over the result; without one it always stops.
    pub when: Option<String>,
    /// Who may sign: role:approver, group:NAME or user:LOGIN.
    pub from: Option<Vec<String>>,
    /// How many people must sign. 1 without it.
    #[schemars(range(min = 1, max = 20))]
    pub required: Option<u32>,
    /// Whether who asked for the run may sign.
    pub requester: Option<RequesterWord>,
    /// Whether who asked for changes may sign what came of them. Allowed without it, where one signature is enough.
    pub changes_asker: Option<ChangesAskerWord>,
    /// When an answer needs a comment.
    pub comment: Option<CommentWord>,
    /// Whether one refusal ends it, or a majority of those who may sign.
    pub refusal: Option<RefusalWord>,
    /// How long the request stays open, such as 72h; past it the task fails.
    pub expires: Option<String>,
    /// What happens when nobody decided in time. Nothing approves by itself.
    pub on_expire: Option<OnExpireWord>,
    /// The pause between reminders, such as 4h.
    pub remind: Option<String>,
    /// Whom to ask besides when nobody answers, in the order of their time.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub escalate: Vec<EscalationDocument>,
    /// What the first who approves fills in; later tasks read it as `approval_inputs` of this one.
    #[serde(default)]
    pub inputs: Ordered<InputDocument>,
    /// How many signatures a result needs: the first rule that matches says it.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub risk: Vec<RiskDocument>,
    /// How often changes may be asked for. 3 without it.
    #[schemars(range(max = 20))]
    pub rounds: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Requester")]
pub(super) enum RequesterWord {
    Forbidden,
    Allowed,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ChangesAsker")]
pub(super) enum ChangesAskerWord {
    Allowed,
    Forbidden,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Comment")]
pub(super) enum CommentWord {
    #[serde(rename = "required on reject")]
    RequiredOnReject,
    #[serde(rename = "required")]
    Required,
    #[serde(rename = "optional")]
    Optional,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Refusal")]
pub(super) enum RefusalWord {
    One,
    Majority,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "OnExpire")]
pub(super) enum OnExpireWord {
    Reject,
    Escalate,
}

/// Whom to ask besides, when nobody has answered for a while.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Escalation")]
pub(super) struct EscalationDocument {
    /// Counted from the request, such as 4h.
    pub after: String,
    /// role:admin, group:NAME or user:LOGIN.
    pub to: Vec<String>,
}

/// Where the condition holds, this many must sign.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Risk")]
pub(super) struct RiskDocument {
    /// A CEL condition over the result; without one the rule always matches.
    pub when: Option<String>,
    pub level: RiskWord,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "RiskLevel")]
pub(super) enum RiskWord {
    Auto,
    One,
    Two,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "At")]
pub(super) enum AtWord {
    Start,
    Result,
}

/// A text, or the name of a secret.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "EnvironmentValue")]
pub(super) enum EnvironmentDocument {
    Text(String),
    Secret(SecretDocument),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Secret")]
pub(super) struct SecretDocument {
    /// The secret's name in Watchbill's configuration.
    pub secret: String,
}

impl<'de> Deserialize<'de> for EnvironmentDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = EnvironmentDocument;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes or {secret: NAME}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(EnvironmentDocument::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                SecretDocument::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(EnvironmentDocument::Secret)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
