use serde::{Deserialize, Serialize};

use crate::plan::CommentRule;

/// One person's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Approve,
    Reject,
    /// Another attempt, with the comment in its environment.
    RequestChanges,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Reject, Self::RequestChanges];

    /// The text that the database stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::RequestChanges => "request_changes",
        }
    }

    /// Whether this answer must say why, under a policy's rule. Who asks for changes always
    /// must: the next attempt reads it.
    #[must_use]
    pub const fn needs_comment(self, rule: CommentRule) -> bool {
        match (self, rule) {
            (
                Self::RequestChanges,
                CommentRule::RequiredOnReject | CommentRule::Required | CommentRule::Optional,
            )
            | (Self::Reject, CommentRule::RequiredOnReject | CommentRule::Required)
            | (Self::Approve, CommentRule::Required) => true,
            (Self::Reject, CommentRule::Optional)
            | (Self::Approve, CommentRule::RequiredOnReject | CommentRule::Optional) => false,
        }
    }
}
