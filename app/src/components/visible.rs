//! Text with a mark for each character that nobody would see.

use leptos::prelude::*;
use model::visible::{Piece, pieces};

/// Past this many marks of one text the rest are text of their own: each costs the page an
/// element.
const MOST_MARKS: usize = 500;

/// Where on the page of a request a text stands. What is to be signed is led to by its first
/// mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Title,
    Task,
    Definition,
    Inputs,
    Needs,
    Uses,
    Signed,
    Link,
    Diff,
    Outputs,
    Files,
    Lines,
    Entries,
    Notes,
}

impl Place {
    /// The id of its first mark.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Title => "invisible-title",
            Self::Task => "invisible-task",
            Self::Definition => "invisible-definition",
            Self::Inputs => "invisible-inputs",
            Self::Needs => "invisible-needs",
            Self::Uses => "invisible-uses",
            Self::Signed => "invisible-signed",
            Self::Link => "invisible-link",
            Self::Diff => "invisible-diff",
            Self::Outputs => "invisible-outputs",
            Self::Files => "invisible-files",
            Self::Lines => "invisible-lines",
            Self::Entries => "invisible-entries",
            Self::Notes => "invisible-notes",
        }
    }
}

/// A text, with its marks.
#[must_use]
pub fn visible(text: &str) -> AnyView {
    Marker::default().text(text)
}

/// The same where one may be led to the first of them.
#[must_use]
pub fn visible_at(place: Place, text: &str) -> AnyView {
    Marker::at(place).text(text)
}

/// Sets the marks of texts that follow one another.
pub struct Marker {
    /// What the next mark that counts is called.
    first: Option<&'static str>,
    left: usize,
}

impl Default for Marker {
    fn default() -> Self {
        Self {
            first: None,
            left: MOST_MARKS,
        }
    }
}

impl Marker {
    /// The first mark of these texts has the place's id.
    #[must_use]
    pub fn at(place: Place) -> Self {
        Self {
            first: Some(place.id()),
            ..Self::default()
        }
    }

    /// The next text.
    pub fn text(&mut self, text: &str) -> AnyView {
        self.pieces(pieces(text))
    }

    /// The next text, taken apart.
    pub fn pieces<'a>(&mut self, pieces: impl Iterator<Item = Piece<'a>>) -> AnyView {
        let mut parts = Vec::new();
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Mark(mark) if self.left > 0 || self.first.is_some() && mark.counts() => {
                    self.left = self.left.saturating_sub(1);
                    if !text.is_empty() {
                        parts.push(std::mem::take(&mut text).into_any());
                    }
                    let id = if mark.counts() {
                        self.first.take()
                    } else {
                        None
                    };
                    parts.push(
                        view! {
                            <mark class="invisible" id=id title=mark.title()>
                                {mark.label()}
                            </mark>
                        }
                        .into_any(),
                    );
                }
                Piece::Mark(mark) => text.push_str(&mark.label()),
            }
        }
        if parts.is_empty() {
            return text.into_any();
        }
        if !text.is_empty() {
            parts.push(text.into_any());
        }
        parts.into_any()
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn the_first_mark_that_counts_is_led_to() {
        let html = visible_at(Place::Outputs, "a\r\nb\u{202e}c\u{200b}").to_html();
        assert_eq!(
            html.matches("id=\"invisible-outputs\"").count(),
            1,
            "{html}"
        );
        assert!(
            html.contains(
                "<mark id=\"invisible-outputs\" title=\"U+202E right-to-left override\" class=\"invisible\">⟨U+202E⟩"
            ),
            "{html}"
        );
        assert!(html.contains("class=\"invisible\">⟨CR⟩<"), "{html}");
        assert_eq!(visible("<plain>").to_html(), "&lt;plain&gt;");
    }

    #[test]
    fn many_marks_are_text_and_none_is_lost() {
        let html = visible(&"\u{1b}".repeat(MOST_MARKS + 7)).to_html();
        assert_eq!(html.matches("<mark").count(), MOST_MARKS);
        assert_eq!(html.matches("⟨ESC⟩").count(), MOST_MARKS + 7);
    }
}
