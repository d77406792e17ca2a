use leptos::prelude::*;
use model::visible::{FileText, Piece};

use super::visible::{Marker, Place};

/// A unified diff to its last line, a line a row; the sign at its beginning stays, so colour is not alone.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a component's properties are owned"
)]
#[component]
pub fn Diff(
    label: String,
    text: FileText,
    /// Where one is led to its first mark.
    #[prop(optional)]
    place: Option<Place>,
) -> impl IntoView {
    let mut marker = place.map_or_else(Marker::default, Marker::at);
    let lines = lines(&text)
        .map(|line| view! { <span class=class(line)>{marker.pieces(of_line(line))}</span> })
        .collect_view();
    view! {
        <pre class="diff" tabindex="0" role="region" aria-label=label>
            <code>{lines}</code>
        </pre>
    }
    .into_any()
}

/// Whether any mark that counts stands in a diff.
#[must_use]
pub fn marks_shown(text: &FileText) -> bool {
    text.pieces()
        .any(|piece| matches!(piece, Piece::Mark(mark) if mark.counts()))
}

/// With their line feeds, which say what a carriage return before them is.
fn lines(text: &FileText) -> impl Iterator<Item = &str> {
    text.as_str().split_inclusive('\n')
}

/// A line taken apart, without its line feed.
fn of_line(line: &str) -> impl Iterator<Item = Piece<'_>> {
    FileText::pieces_of(line).map(|piece| match piece {
        Piece::Text(text) => Piece::Text(text.strip_suffix('\n').unwrap_or(text)),
        Piece::Mark(mark) => Piece::Mark(mark),
    })
}

fn class(line: &str) -> &'static str {
    const FILE: [&str; 5] = ["diff ", "+++ ", "--- ", "index ", "rename "];
    if FILE.iter().any(|head| line.starts_with(head)) {
        "file"
    } else {
        match line.as_bytes().first() {
            Some(b'+') => "plus",
            Some(b'-') => "minus",
            Some(b'@') => "hunk",
            Some(_) | None => "same",
        }
    }
}
