use serde_json::json;

use super::*;

fn gate_condition(expression: &str, context: &GateContext) -> Result<bool, ConditionError> {
    Judge::default().gate_condition(expression, context)
}

fn gate(expression: &str) -> Result<bool, ConditionError> {
    gate_condition(
        expression,
        &GateContext {
            condition: ConditionContext {
                inputs: json!({"strict": true, "depth": 3, "names": ["a", "b"]}).into(),
                tasks: json!({"seo.validate": {"status": "succeeded", "approval": "approved", "outputs": {"n": 2}, "outputs_uri": ""}}).into(),
            },
            exit_code: Some(0),
            outputs: Some(json!({"repaired": 2, "files": ["x.html"], "ratio": 0.5})),
            outputs_uri: Some("https://github.com/a/b/pull/1".to_owned()),
            changed_paths: Some(vec!["src/main.rs".to_owned(), "docs/a.md".to_owned()]),
            diff_size: Some(12),
            invisible_characters: Some(3),
            tokens: Some(json!(52_000)),
            cost: Some(json!(0.4)),
            duration: Some(3.5),
        },
    )
}

#[test]
fn answers() {
    for (expression, answer) in [
        (r#"outputs_uri.contains("/pull/")"#, true),
        ("outputs.repaired > 0", true),
        ("outputs.repaired + 1 == 3", true),
        ("outputs.ratio > 0.4", true),
        ("exit_code == 0 && inputs.strict", true),
        (r#"tasks["seo.validate"].approval == "approved""#, true),
        (r#"tasks["seo.validate"].outputs.n == 2"#, true),
        ("has(outputs.missing)", false),
        ("has(outputs.missing) && outputs.missing > 3", false),
        (r#"inputs.names.exists(n, n == "b")"#, true),
        ("size(outputs.files) > 5", false),
        ("invisible_characters > 0", true),
        (r#"changed_paths.all(p, p.startsWith("docs/"))"#, false),
        (
            "diff_size < 20 && tokens < 100000 && cost < 1.0 && duration < 60.0",
            true,
        ),
    ] {
        assert_eq!(gate(expression), Ok(answer), "{expression}");
    }
}

#[test]
fn a_gate_alone_knows_what_nobody_sees() {
    assert_eq!(check_gate("invisible_characters > 0"), Ok(()));
    assert!(check_task("invisible_characters > 0").is_err());
    let unknown = gate_condition("invisible_characters == 0", &GateContext::default());
    assert!(unknown.is_err(), "{unknown:?}");
}

#[test]
fn what_has_no_answer_is_an_error_with_a_sentence() {
    for expression in [
        "outputs.missing > 3",
        "inputs.depth",
        "1 / 0 == 1",
        "outputs_uri.nonsense()",
        "(",
        "",
        "tasks['none'].status == 'failed'",
        "inputs.strict > 3",
        "9223372036854775807 + 1 > 0",
    ] {
        let error = gate(expression).expect_err(expression);
        assert!(!error.0.contains('\n'), "{error}");
    }
}

#[test]
fn what_is_not_known_has_no_answer_in_any_comparison() {
    for expression in [
        "exit_code == 0",
        "exit_code != 0",
        "cost != 5.0",
        "diff_size == null",
        "!(tokens > 3)",
        "changed_paths.all(p, true)",
        "outputs_uri.contains('/pull/')",
        "!has(outputs.files)",
        "duration < 3.0 || cost < 1.0",
    ] {
        let error = gate_condition(expression, &GateContext::default()).expect_err(expression);
        assert!(error.0.contains("not known"), "{expression}: {error}");
    }
}

#[test]
fn deep_and_long_ones_are_refused() {
    let deep = format!("{}true{}", "(".repeat(500), ")".repeat(500));
    assert!(check_gate(&deep).is_err());
    let not = format!("{}true", "!".repeat(1_500));
    let _ = check_gate(&not);
    let minus = format!("{}1 == 1", "-".repeat(1_500));
    let _ = check_gate(&minus);
    let chain = format!("inputs{} == 1", ".a".repeat(900));
    let _ = check_gate(&chain);
    let sum = format!("{}1 == 1", "1+".repeat(900));
    let _ = gate(&sum);
    let choice = format!("{}true", "true?".repeat(300));
    let _ = check_gate(&choice);
    assert!(check_gate(&"a".repeat(3_000)).is_err());
    assert!(check_gate("[1].all(a, [1].all(b, [1].all(c, true)))").is_err());
    assert_eq!(check_gate("[1].all(a, [1].all(b, a == b))"), Ok(()));
}

/// Two loops, one inside the other, over lists of so many items.
fn loops(items: usize) -> String {
    let zeros = vec!["0"; items].join(",");
    format!("([0] + [{zeros}]).all(a, ([0] + [{zeros}]).all(b, a == b))")
}

#[test]
fn what_costs_too_much_is_refused_and_has_no_answer() {
    let costly = loops(450);
    let refused = check_gate(&costly).expect_err("two hundred thousand turns");
    assert!(refused.contains("never has an answer"), "{refused}");
    let unanswered = gate(&costly).expect_err("it is not even tried");
    assert!(unanswered.0.contains("no answer"), "{unanswered}");
    assert_eq!(check_gate(&loops(100)), Ok(()));
    assert_eq!(gate(&loops(100)), Ok(true));
}

#[test]
fn what_is_too_large_is_not_made() {
    let context = GateContext {
        outputs: Some(json!({"text": "x".repeat(100_000)})),
        ..GateContext::default()
    };
    let zeros = ["0"; 100].join(",");
    let copies = format!("[{zeros}].map(a, [{zeros}].map(b, outputs.text + outputs.text)) == []");
    assert_eq!(check_gate(&copies), Ok(()), "a short text could be copied");
    let unanswered = gate_condition(&copies, &context).expect_err("two gigabytes");
    assert!(
        unanswered.0.contains("could make more than"),
        "{unanswered}"
    );
}

#[test]
fn the_conditions_of_a_gate_share_what_may_be_spent() {
    let (costly, context) = (loops(200), GateContext::default());
    let mut judge = Judge::default();
    let answers: Vec<bool> = (0..30)
        .map(|_| judge.gate_condition(&costly, &context).is_ok())
        .collect();
    assert!(answers[0] && !answers[29], "{answers:?}");
    judge.next_gate();
    assert!(judge.gate_condition(&costly, &context).is_ok());
    let mut again = Judge::default();
    let once_more: Vec<bool> = (0..30)
        .map(|_| again.gate_condition(&costly, &context).is_ok())
        .collect();
    assert_eq!(answers, once_more, "counted, not timed");
}

#[test]
fn what_the_interpreter_prints_is_cut() {
    let context = GateContext {
        outputs: Some(json!({"text": "é".repeat(100_000)})),
        ..GateContext::default()
    };
    let error = gate_condition("outputs.text + 1 == 2", &context).expect_err("no sum");
    assert!(error.0.len() < 400 && error.0.ends_with('…'), "{error}");
}

#[test]
fn checks_name_what_is_not_known() {
    assert_eq!(check_task("inputs.strict"), Ok(()));
    assert!(
        check_task("outputs.n > 1")
            .unwrap_err()
            .contains("not 'outputs'")
    );
    assert!(
        check_gate("approved == true")
            .unwrap_err()
            .contains("not 'approved'")
    );
    assert_eq!(check_gate("inputs.names.exists(n, n == 'a')"), Ok(()));
    let typo = check_gate("outputs_uri.contain('/pull/')").unwrap_err();
    assert!(
        typo.contains("knows no contain; write size, contains"),
        "{typo}"
    );
    assert!(
        check_gate("{'a': other} == {}")
            .unwrap_err()
            .contains("not 'other'")
    );
}

#[test]
fn too_much_to_look_at_is_refused() {
    let context = ConditionContext {
        inputs: json!({"list": vec![0; 30_000]}).into(),
        tasks: json!({}).into(),
    };
    assert!(task_condition("size(inputs.list) > 3", &context).is_err());
}

#[test]
fn finds_the_tasks_it_names() {
    assert_eq!(
        named_tasks(r#"tasks["a.b"].status == 'x' && tasks['c'].approval"#),
        ["a.b", "c"]
    );
}
