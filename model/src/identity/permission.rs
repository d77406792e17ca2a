use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an account is trusted with. An account may hold several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything but the administration.
    Viewer,
    /// Signs and refuses.
    Approver,
    /// Starts, cancels, retries, pauses and edits plans.
    Operator,
    /// All of it, and accounts, tokens and pruning.
    Admin,
}

impl Role {
    /// Every role, from the least to the most trusted.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Approver, Self::Operator, Self::Admin];

    /// The text that plans, the database and the API use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Whether the role carries the permission. The only table of this kind.
    #[must_use]
    pub const fn grants(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => true,
            Permission::Decide => matches!(self, Self::Approver | Self::Admin),
            Permission::Run | Permission::EditPlan => matches!(self, Self::Operator | Self::Admin),
            Permission::Report => matches!(self, Self::Operator | Self::Admin),
            Permission::Administer => matches!(self, Self::Admin),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a role; use viewer, approver, operator or admin")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// What a verb of the engine asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See plans, runs, tasks, logs, artifacts and approvals.
    Read,
    /// Answer an approval.
    Decide,
    /// Start, cancel and retry; pause and resume.
    Run,
    /// Store a new version of a plan.
    EditPlan,
    /// Create and change reported tasks.
    Report,
    /// Accounts, tokens, pruning.
    Administer,
}

/// What a token was issued for; it never grants more than its person's roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Read,
    Report,
    Run,
    Plans,
    /// Only a person's own token may carry it.
    Decide,
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Report,
        Self::Run,
        Self::Plans,
        Self::Decide,
        Self::Admin,
    ];

    /// The text that tokens store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Report => "report",
            Self::Run => "run",
            Self::Plans => "plans",
            Self::Decide => "decide",
            Self::Admin => "admin",
        }
    }

    /// Whether the scope lets the permission through.
    #[must_use]
    pub const fn allows(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => true,
            Permission::Report => matches!(self, Self::Report),
            Permission::Run => matches!(self, Self::Run),
            Permission::EditPlan => matches!(self, Self::Plans),
            Permission::Decide => matches!(self, Self::Decide),
            Permission::Administer => matches!(self, Self::Admin),
        }
    }
}

/// A word that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a scope; use read, report, run, plans, decide or admin")]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}
