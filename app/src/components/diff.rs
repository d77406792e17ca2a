use leptos::prelude::*;

use crate::text::use_words;

/// More lines than this are left to the file itself.
const MOST_LINES: usize = 600;

/// A unified diff, a line a row; the sign at its beginning stays, so colour is not alone.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a component's properties are owned"
)]
#[component]
pub fn Diff(label: String, text: String) -> impl IntoView {
    let words = use_words();
    let total = text.lines().count();
    let lines = text
        .lines()
        .take(MOST_LINES)
        .map(|line| view! { <span class=class(line)>{line.to_owned()}</span> })
        .collect_view();
    let cut = i64::try_from(total.saturating_sub(MOST_LINES)).unwrap_or(i64::MAX);
    view! {
        <pre class="diff" tabindex="0" role="region" aria-label=label>
            <code>
                {lines}
                {(cut > 0).then(|| view! {
                    <span class="soft">"… "{(words.approvals.lines_cut)(cut)}</span>
                })}
            </code>
        </pre>
    }
    .into_any()
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
