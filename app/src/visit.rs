//! Who looks at a page, in which language, and what became of the form they sent.

use leptos::prelude::*;
use model::identity::{Permission, Principal};
use serde::{Deserialize, Serialize};

use crate::text::Language;

/// What the server knows of a request before any page is loaded. It is sent along for hydration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    pub principal: Option<Principal>,
    pub language: Language,
    /// The present year in UTC: dates of other years show theirs.
    pub year: i32,
    /// The address to return to after a login.
    pub next: Option<String>,
    pub answer: Option<FormAnswer>,
}

impl Visit {
    /// Whether the reader may; a page greys out what the engine would refuse.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.principal
            .as_ref()
            .is_some_and(|principal| principal.may(permission))
    }
}

/// The answer to a form whose page is shown again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormAnswer {
    /// The address of the page that the form belongs to, with what it is asked; other pages
    /// ignore the answer.
    pub page: String,
    /// Which form of that page.
    pub form: String,
    pub message: Option<Message>,
    /// Field and what is wrong with it.
    pub wrong: Vec<(String, String)>,
    /// What was typed, except for secrets.
    pub typed: Vec<(String, String)>,
    /// A new token, shown this once.
    pub secret: Option<String>,
}

/// A sentence above a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// It did not go; the engine's own words.
    Refused(String),
    /// Somebody or something was faster; the engine's own words.
    Conflict(String),
    PasswordChanged,
    TokenCreated,
    NotificationsStored,
}

impl FormAnswer {
    /// What is wrong with the field.
    #[must_use]
    pub fn wrong(&self, field: &str) -> Option<String> {
        lookup(&self.wrong, field)
    }

    /// What was typed into the field.
    #[must_use]
    pub fn typed(&self, field: &str) -> Option<String> {
        lookup(&self.typed, field)
    }
}

fn lookup(pairs: &[(String, String)], name: &str) -> Option<String> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.clone())
}

/// The visit at hand.
#[must_use]
pub fn use_visit() -> Visit {
    use_context().unwrap_or_default()
}

/// The answer to a form of this page, if the page is shown because of it.
#[must_use]
pub fn use_answer(page: &str, form: &str) -> FormAnswer {
    use_visit()
        .answer
        .filter(|answer| {
            let path = answer.page.split('?').next();
            path == Some(page) && answer.form == form
        })
        .unwrap_or_default()
}
