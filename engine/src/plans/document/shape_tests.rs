//! A list, a text and keys with values in each other's place: what first plans get wrong.

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
