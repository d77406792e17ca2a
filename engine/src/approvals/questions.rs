//! One question about the past at a time for each person.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::id::AccountId;
use model::identity::Principal;

use crate::{Error, Result};

/// When a second question of the same person may be worth a try.
const RETRY_SECONDS: u64 = 5;

/// Who has a question that is not answered yet.
#[derive(Default)]
pub(crate) struct Questions(Mutex<HashSet<AccountId>>);

/// A person's one question; it ends with this, also where nobody waits for the answer any more.
pub(crate) struct Question<'a> {
    questions: &'a Questions,
    /// `None` for the command line.
    account: Option<AccountId>,
}

impl Questions {
    /// Begins a question of this caller.
    ///
    /// # Errors
    /// [`Error::TooMany`] while another one of theirs has no answer yet.
    pub fn begin(&self, principal: &Principal) -> Result<Question<'_>> {
        let account = principal.account();
        let is_first = account.is_none_or(|account| self.lock().insert(account));
        if is_first {
            return Ok(Question {
                questions: self,
                account,
            });
        }
        Err(Error::TooMany {
            message: "another draft of yours is being tried on the past; wait for its answer, then ask again".to_owned(),
            retry_seconds: RETRY_SECONDS,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<AccountId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if let Some(account) = self.account {
            self.questions.lock().remove(&account);
        }
    }
}
