//! Every word that pages show, in English and in French.
//!
//! A catalogue is a plain value of [`Words`]: a missing or misspelt entry does not compile,
//! and nothing is looked up by name at run time.

mod approvals;
mod consequences;
pub mod eligibility;
mod english;
mod french;
pub mod mail;
mod words;

use leptos::prelude::use_context;

pub use model::notify::Language;
pub use words::Words;

/// A language's own name for itself.
#[must_use]
pub const fn own_name(language: Language) -> &'static str {
    match language {
        Language::English => "English",
        Language::French => "Français",
    }
}

/// The language of a code such as `fr` or `fr-CA`.
#[must_use]
pub fn language_of(code: &str) -> Option<Language> {
    let primary = code.trim().split('-').next().unwrap_or_default();
    Language::ALL
        .into_iter()
        .find(|language| language.as_str().eq_ignore_ascii_case(primary))
}

/// The first language of an `Accept-Language` header that pages are written in.
///
/// Weights are honoured; among equals the first one wins.
#[must_use]
pub fn negotiate(accept: &str) -> Option<Language> {
    let mut best: Option<(Language, f32)> = None;
    for entry in accept.split(',').take(32) {
        let mut parts = entry.split(';');
        let Some(language) = parts.next().and_then(language_of) else {
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

/// The catalogue of a language.
#[must_use]
pub const fn words_in(language: Language) -> &'static Words {
    match language {
        Language::English => &english::WORDS,
        Language::French => &french::WORDS,
    }
}

/// The words of the page that is being rendered.
#[must_use]
pub fn use_words() -> &'static Words {
    words_in(use_context::<Language>().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_language_is_honoured_by_weight() {
        assert_eq!(
            negotiate("de, fr-CA;q=0.8, en;q=0.4"),
            Some(Language::French)
        );
        assert_eq!(negotiate("en-GB,fr"), Some(Language::English));
        assert_eq!(negotiate("fr;q=0, en;q=0.1"), Some(Language::English));
        assert_eq!(negotiate("de"), None);
        assert_eq!(negotiate(""), None);
        assert_eq!(negotiate("fr;q=x"), None);
    }
}
