//! A list, a text and keys with values in each other's place: what first plans get wrong.

use super::parse;
use super::tests::{problems, refused};

fn with_task(keys: &str) -> String {
    format!("plan: p\ntasks:\n  a:\n{keys}")
}

#[test]
fn says_what_shape_is_needed() {
    for (text, place, words) in [
        (
            with_task("    run: echo hi\n"),
            "4:10: tasks.a.run: ",
            "run: [program, argument]",
        ),
        (
            with_task("    shell: echo hi\n"),
            "4:12: tasks.a.shell: ",
            "shell: { program: sh",
        ),
        (
            with_task("    run: [x]\n    needs: b\n"),
            "5:12: ",
            "needs: [one, two]",
        ),
        (
            with_task("    run: [x]\n    retries: 3\n"),
            "5:14: ",
            "retries: { key: value }",
        ),
        (
            with_task("    run: [[x]]\n"),
            "4:11: ",
            "one text is needed",
        ),
        (
            with_task("    run: [x]\n    queue: { a: b }\n"),
            "5:12: ",
            "one text is needed",
        ),
        ("- plan\n".to_owned(), "1:1: ", "write plan: and its name"),
    ] {
        refused(&text, place, words);
    }
}

#[test]
fn says_the_place_once() {
    let found = problems(&with_task("    shell: echo hi\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!found[0].contains("line"), "{found:?}");
}

#[test]
fn refuses_files_of_tasks_that_come_later() {
    for (used, words) in [
        ("b", "no task 'b'"),
        ("a", "cannot use its own files"),
        ("c", "add it to this task's 'needs'"),
        ("d, d", "twice"),
    ] {
        let text = format!(
            "plan: p\ntasks:\n  a: {{run: [x], needs: [d], uses: [{used}]}}\n  c: {{run: [x]}}\n  d: {{run: [x]}}\n"
        );
        let (column, place) = if used == "d, d" { (39, 1) } else { (36, 0) };
        refused(
            &text,
            &format!("3:{column}: tasks.a.uses[{place}]: "),
            words,
        );
    }
    refused(&with_task("    run: [x]\n    uses:\n"), "5:", "uses");
    refused(
        &with_task("    run: [x]\n    uses:\n      -\n"),
        "6:",
        "there is no text here",
    );
    let far = "plan: p\ntasks:\n  a: {run: [x]}\n  b: {run: [x], needs: [a]}\n  c: {run: [x], needs: [b], uses: [a, b]}\n";
    assert_eq!(parse(far).expect("a plan").tasks[2].uses, ["a", "b"]);
}
