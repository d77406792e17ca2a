//! Every word that pages show, in English and in French.
//!
//! A catalogue is a plain value of [`Words`]: a missing or misspelt entry does not compile,
//! and nothing is looked up by name at run time.

pub mod eligibility;
mod english;
mod french;
pub mod mail;
mod words;

use leptos::prelude::use_context;
use serde::{Deserialize, Serialize};

pub use words::Words;

/// A language that pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    English,
    French,
}

impl Language {
    /// Every language, for the switch in the foot of the page.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// The code of the `lang` attribute and of the cookie.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The language's own name for itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::French => "Français",
        }
    }

    /// The language of a code such as `fr` or `fr-CA`.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        let primary = code.trim().split('-').next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The first language of an `Accept-Language` header that pages are written in.
    ///
    /// Weights are honoured; among equals the first one wins.
    #[must_use]
    pub fn negotiate(accept: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for entry in accept.split(',').take(32) {
            let mut parts = entry.split(';');
            let Some(language) = parts.next().and_then(Self::of_code) else {
                continue;
            };
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(Some(1.0), |text| text.parse::<f32>().ok())
                .unwrap_or(0.0);
            if weight > 0.0 && best.is_none_or(|(_, known)| weight > known) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }

    /// The catalogue of this language.
    #[must_use]
    pub const fn words(self) -> &'static Words {
        match self {
            Self::English => &english::WORDS,
            Self::French => &french::WORDS,
        }
    }
}

/// The words of the page that is being rendered.
#[must_use]
pub fn use_words() -> &'static Words {
    use_context::<Language>().unwrap_or_default().words()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_language_is_honoured_by_weight() {
        assert_eq!(
            Language::negotiate("de, fr-CA;q=0.8, en;q=0.4"),
            Some(Language::French)
        );
        assert_eq!(Language::negotiate("en-GB,fr"), Some(Language::English));
        assert_eq!(
            Language::negotiate("fr;q=0, en;q=0.1"),
            Some(Language::English)
        );
        assert_eq!(Language::negotiate("de"), None);
        assert_eq!(Language::negotiate(""), None);
        assert_eq!(Language::negotiate("fr;q=x"), None);
    }
}
