//! What can go wrong, as the person who can act needs to hear it.

use model::id::ApprovalId;

/// The result of every verb.
pub type Result<T> = std::result::Result<T, Error>;

/// A refusal or a failure. `rest::error` maps it to HTTP, in one place.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or the caller may not know of it.
    #[error("{0}")]
    NotFound(String),
    /// The present state does not allow it; the text names the state.
    #[error("{0}")]
    Conflict(String),
    /// It existed, and it is over: an expired request.
    #[error("{0}")]
    Gone(String),
    /// It was decided or has ended, and another request about the same took its place.
    #[error("{message}")]
    Replaced {
        message: String,
        /// The newest one.
        by: ApprovalId,
        /// It ended because nobody decided in time.
        expired: bool,
    },
    /// An answer must say what its person looked at; the text tells how.
    #[error("{0}")]
    DigestNeeded(String),
    /// The caller is known and may not.
    #[error("{0}")]
    Forbidden(String),
    /// The caller is not known.
    #[error("{0}")]
    Unauthenticated(String),
    /// Too many tries; come back after the given number of seconds.
    #[error("{message}")]
    TooMany { message: String, retry_seconds: u64 },
    /// The input is wrong, field by field.
    #[error("{}", join(.0))]
    Invalid(Vec<FieldProblem>),
    /// The input is too large.
    #[error("{0}")]
    TooLarge(String),
    /// The database cannot be used right now.
    #[error("the database cannot be used right now")]
    Unavailable(#[source] sqlx::Error),
    /// A fault of ours or of stored data; the text stays in the log.
    #[error("internal error: {0:#}")]
    Internal(#[from] anyhow::Error),
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldProblem {
    /// The field's path, such as `tasks.publish.needs[0]`; empty for the whole input.
    pub field: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Error {
    /// An [`Error::Invalid`] about a single field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem {
            field: field.into(),
            message: message.into(),
        }])
    }
}

impl Error {
    /// Whether the database refused a statement. A transaction around it can then only be
    /// rolled back, and would be without a word if it were committed.
    #[must_use]
    pub(crate) fn ends_transaction(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Internal(error) => matches!(
                error.downcast_ref::<sqlx::Error>(),
                Some(sqlx::Error::Database(_))
            ),
            Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Gone(_)
            | Self::Replaced { .. }
            | Self::DigestNeeded(_)
            | Self::Forbidden(_)
            | Self::Unauthenticated(_)
            | Self::TooMany { .. }
            | Self::Invalid(_)
            | Self::TooLarge(_) => false,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let unavailable = match &error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
            // 53: out of disk, memory or connections; 57P: shutdown or crash; 25006: read-only.
            sqlx::Error::Database(database) => database.code().is_some_and(|code| {
                code.starts_with("53") || code.starts_with("57P") || code == "25006"
            }),
            other => matches!(other, sqlx::Error::WorkerCrashed),
        };
        if unavailable {
            Self::Unavailable(error)
        } else {
            Self::Internal(anyhow::Error::new(error))
        }
    }
}

fn join(problems: &[FieldProblem]) -> String {
    problems
        .iter()
        .map(|problem| {
            if problem.field.is_empty() {
                problem.message.clone()
            } else {
                format!("{}: {}", problem.field, problem.message)
            }
        })
        .collect::<Vec<_>>()
        .join("; ")
}
