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

/// How many files a diff touches, and how many lines it adds and removes.
#[must_use]
pub fn extent(text: &str) -> (i64, i64, i64) {
    let (mut files, mut added, mut removed) = (0, 0, 0);
    for line in text.lines() {
        if line.starts_with("+++ ") {
            files += 1;
        } else if line.starts_with("--- ") {
        } else if line.starts_with('+') {
            added += 1;
        } else if line.starts_with('-') {
            removed += 1;
        }
    }
    (files, added, removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extent_of_a_diff_leaves_headers_out() {
        let text =
            "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-old\n+new\n+more\n same\n";
        assert_eq!(extent(text), (1, 2, 1));
        assert_eq!(extent(""), (0, 0, 0));
    }
}
