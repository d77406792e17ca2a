use serde::{Deserialize, Serialize};

use super::{Permission, Role, Scope};
use crate::id::{AccountId, AttemptNumber, TaskId, TokenId};

/// Who is asking, as established by a session, a token or the process itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    pub kind: PrincipalKind,
    /// The name that records show.
    pub name: String,
    pub roles: Vec<Role>,
}

/// How the caller was recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person in a browser.
    Session { account: AccountId },
    /// The same while their password is one that somebody else chose: they may choose
    /// their own, and nothing more.
    PendingPassword { account: AccountId },
    /// A person's own token.
    PersonToken {
        account: AccountId,
        token: TokenId,
        scopes: Vec<Scope>,
    },
    /// A token issued to one attempt at one task. It can never decide.
    StepToken {
        task: TaskId,
        attempt: AttemptNumber,
        scopes: Vec<Scope>,
    },
    /// An old reporter recognised by its address alone.
    TrustedReporter,
    /// Watchbill itself: the scheduler, a worker, the command line on its host.
    System,
}

impl Principal {
    /// Watchbill itself, named after the part that acts.
    #[must_use]
    pub fn system(part: &str) -> Self {
        Self {
            kind: PrincipalKind::System,
            name: part.to_owned(),
            roles: Vec::new(),
        }
    }

    /// Tells if a token speaks: neither a person who has logged in, nor Watchbill itself.
    #[must_use]
    pub const fn is_token(&self) -> bool {
        match &self.kind {
            PrincipalKind::PersonToken { .. } | PrincipalKind::StepToken { .. } => true,
            PrincipalKind::Session { .. }
            | PrincipalKind::PendingPassword { .. }
            | PrincipalKind::TrustedReporter
            | PrincipalKind::System => false,
        }
    }

    /// The account behind the caller, where there is one.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match &self.kind {
            PrincipalKind::Session { account }
            | PrincipalKind::PendingPassword { account }
            | PrincipalKind::PersonToken { account, .. } => Some(*account),
            PrincipalKind::StepToken { .. }
            | PrincipalKind::TrustedReporter
            | PrincipalKind::System => None,
        }
    }

    /// Whether nothing is open to the caller but to choose a password of their own.
    #[must_use]
    pub const fn must_choose_password(&self) -> bool {
        matches!(self.kind, PrincipalKind::PendingPassword { .. })
    }

    /// Whether the caller may. Denies by default; the engine asks before every verb.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        let by_role = || self.roles.iter().any(|role| role.grants(permission));
        let by_scope = |scopes: &[Scope]| scopes.iter().any(|scope| scope.allows(permission));
        match &self.kind {
            PrincipalKind::Session { .. } => by_role(),
            PrincipalKind::PendingPassword { .. } => false,
            PrincipalKind::PersonToken { scopes, .. } => by_role() && by_scope(scopes),
            PrincipalKind::StepToken { scopes, .. } => {
                matches!(permission, Permission::Read | Permission::Report) && by_scope(scopes)
            }
            PrincipalKind::TrustedReporter => matches!(permission, Permission::Report),
            // The process may do all that keeps plans running; a decision is a person's.
            PrincipalKind::System => !matches!(permission, Permission::Decide),
        }
    }
}
