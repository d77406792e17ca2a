use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether somebody may sign a request now, and what there is to know about it.
///
/// Its sentence in English is for who calls by program; pages say it in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Eligibility {
    /// In their own name.
    MaySign,
    /// They asked for the run, and no other account can sign it.
    SoleDecider,
    /// In the name of a colleague who lets them.
    MaySignFor { login: String },
    /// It waits for nobody any more.
    Decided,
    /// Nobody decided in time.
    Late,
    /// Their roles or their token do not let them decide anything.
    MayNotDecide { why: String },
    /// They have answered, themselves or in somebody's name.
    Answered { on_behalf_of: Option<String> },
    /// A colleague has answered in their name.
    AnsweredFor { by: String },
    /// The colleague in whose name they could sign has an answer on record.
    ColleagueAnswered { login: String },
    /// They asked for the run.
    OwnRun,
    /// They asked for the changes that this came of, in that round, and may not sign it.
    AskedForChanges { round: u32 },
    /// The colleague in whose name they could sign did so.
    ColleagueAskedForChanges { login: String, round: u32 },
    /// The policy asks others: `role:approver`, `group:release`, `user:lead@example.org`.
    NotAsked { signers: Vec<String> },
}

impl Eligibility {
    /// Whether an answer would be taken now.
    #[must_use]
    pub const fn may_sign(&self) -> bool {
        match self {
            Self::MaySign | Self::SoleDecider | Self::MaySignFor { .. } => true,
            Self::Decided
            | Self::Late
            | Self::MayNotDecide { .. }
            | Self::Answered { .. }
            | Self::AnsweredFor { .. }
            | Self::ColleagueAnswered { .. }
            | Self::OwnRun
            | Self::AskedForChanges { .. }
            | Self::ColleagueAskedForChanges { .. }
            | Self::NotAsked { .. } => false,
        }
    }
}

impl fmt::Display for Eligibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaySign => f.write_str("you may sign"),
            Self::SoleDecider => f.write_str(
                "you asked for this, or stored the plan's version, and no other account can sign it; the record will say so",
            ),
            Self::MaySignFor { login } => write!(f, "you sign on behalf of {login}"),
            Self::Decided => f.write_str("it is decided already"),
            Self::Late => f.write_str("nobody decided in time"),
            Self::MayNotDecide { why } => f.write_str(why),
            Self::Answered { on_behalf_of: None } => f.write_str("you have answered already"),
            Self::Answered {
                on_behalf_of: Some(login),
            } => write!(f, "you have answered already, on behalf of {login}"),
            Self::AnsweredFor { by } => write!(f, "{by} has answered on your behalf"),
            Self::ColleagueAnswered { login } => write!(f, "{login} has answered already"),
            Self::OwnRun => f.write_str("you asked for this, or stored the plan's version, so another person must sign it"),
            Self::AskedForChanges { round } => write!(
                f,
                "you asked for changes in round {round}, so another person must sign what came of it"
            ),
            Self::ColleagueAskedForChanges { login, round } => write!(
                f,
                "{login} asked for changes in round {round}, so another person must sign what came of it"
            ),
            Self::NotAsked { signers } if signers.is_empty() => {
                f.write_str("this needs the signature of nobody: the policy names no one")
            }
            Self::NotAsked { signers } => {
                write!(f, "this needs the signature of {}", signers.join(" or "))
            }
        }
    }
}
