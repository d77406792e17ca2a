//! What YAML drops without a word: tags, anchors, aliases and nothing at all.

use proptest::prelude::*;
use serde_json::Value;

use super::tests::{problems, refused};
use super::{json_schema, lost_gate, parse};

const GATE: &str = "plan: p\ntasks:\n  a:\n    run: [x]\n";

/// What says that the text is to be quoted.
fn quotes(text: &str) -> String {
    format!("put it in quotes: \"{text}\"")
}

#[test]
fn a_condition_without_quotes_is_refused_wherever_it_stands() {
    let when = |indent: &str| format!("{indent}when: !outputs.danger\n");
    for (text, place) in [
        (format!("{GATE}{}", when("    ")), "5:11: tasks.a.when: "),
        (
            format!("{GATE}    approval:\n{}", when("      ")),
            "6:13: tasks.a.approval.when: ",
        ),
        (
            format!(
                "{GATE}    approval:\n      risk:\n        - level: auto\n{}",
                when("          ")
            ),
            "8:17: tasks.a.approval.risk[0].when: ",
        ),
        (
            format!("{GATE}    approval: {{risk: [{{level: auto, when: !outputs.danger}}]}}\n"),
            "5:43: tasks.a.approval.risk[0].when: ",
        ),
    ] {
        refused(&text, place, &quotes("!outputs.danger"));
        assert!(lost_gate(&text).is_some(), "{text}");
    }
}

#[test]
fn tags_are_refused_whatever_they_stand_at() {
    for (line, place, whole) in [
        (
            "when: !has(tasks.a.x) && tasks.a.y == 1",
            "5:11: tasks.a.when: ",
            "!has(tasks.a.x) && tasks.a.y == 1",
        ),
        (
            "when: !has(tasks.a.x) # why",
            "5:11: tasks.a.when: ",
            "!has(tasks.a.x)",
        ),
        ("when: ! outputs.x", "5:11: tasks.a.when: ", "! outputs.x"),
        ("timeout: !five", "5:14: tasks.a.timeout: ", "!five"),
        ("queue: !!str slow", "5:12: tasks.a.queue: ", "!!str slow"),
        (
            "queue: !<tag:yaml.org,2002:str> slow",
            "5:12: tasks.a.queue: ",
            "!<tag:yaml.org,2002:str> slow",
        ),
        ("labels: [!a, b]", "5:14: tasks.a.labels[0]: ", "!a"),
        ("labels: !!seq [a]", "5:13: tasks.a.labels: ", "!!seq [a]"),
        (
            "retries: !!map {max: 1}",
            "5:14: tasks.a.retries: ",
            "!!map {max: 1}",
        ),
        ("!!str queue: slow", "5:5: tasks.a", "!!str queue"),
        ("environment: {!A : b}", "5:19: tasks.a.environment", "!A"),
    ] {
        refused(&format!("{GATE}    {line}\n"), place, &quotes(whole));
    }
    refused(
        "plan: p\ntimezone: !Europe/Paris\ntasks: {a: {run: [x]}}\n",
        "2:11: timezone: ",
        &quotes("!Europe/Paris"),
    );
    refused(
        "!plan\nplan: p\ntasks: {a: {run: [x]}}\n",
        "1:1: ",
        "put it in quotes",
    );
    refused(
        "%TAG !e! tag:yaml.org,2002:\n---\nplan: !e!str p\ntasks: {a: {run: [x]}}\n",
        "3:7: plan: ",
        &quotes("!e!str p"),
    );
}

#[test]
fn anchors_and_aliases_of_texts_are_refused() {
    for (line, place, whole) in [
        ("when: &x", "5:11: tasks.a.when: ", "&x"),
        ("when: &x outputs.y", "5:11: tasks.a.when: ", "&x outputs.y"),
        (
            "when: &x !outputs.y",
            "5:11: tasks.a.when: ",
            "&x !outputs.y",
        ),
        ("when: *a", "5:11: tasks.a.when: ", "*a"),
        ("timeout: *", "5:14: ", "*"),
        ("queue: *slow # soon", "5:12: tasks.a.queue: ", "*slow"),
    ] {
        refused(&format!("{GATE}    {line}\n"), place, &quotes(whole));
    }
    let known = format!("{GATE}    description: &a text\n    when: *a\n");
    refused(&known, "5:18: tasks.a.description: ", &quotes("&a text"));
    refused(&known, "6:11: tasks.a.when: ", &quotes("*a"));
    let empty = format!("{GATE}    description: &a\n    when: *a\n");
    assert!(lost_gate(&empty).is_some_and(|problem| problem.path == "tasks.a.when"));
}

#[test]
fn whole_lists_and_mappings_may_be_named_and_repeated() {
    let plan = parse(
        "plan: p\ntasks:\n  a: &first\n    run: &run [x]\n    approval: &gate {when: outputs.y == 1}\n  \
         b:\n    run: *run\n    approval: *gate\n  c:\n    <<: *first\n    needs: [a]\n",
    )
    .unwrap_or_else(|problems| panic!("{problems:#?}"));
    for task in &plan.tasks {
        let gate = task.approval.as_ref().expect("a gate");
        assert_eq!(gate.when.as_deref(), Some("outputs.y == 1"));
    }
    refused(
        &format!("{GATE}    labels: &all [b]\n    when: *all\n"),
        "",
        "write it in quotes",
    );
}

#[test]
fn a_second_merge_is_refused_since_one_is_dropped() {
    let named = "plan: p\ntasks:\n  a: &a\n    run: [x]\n    approval: &gate {when: outputs.y == 1}\n  \
         b: &b\n    run: [x]\n    queue: slow\n  c:\n";
    let both = format!("{named}    <<: *b\n    <<: *a\n");
    refused(
        &both,
        "11:5: tasks.c.<<: ",
        "YAML takes one '<<' in a mapping and drops the others; write one with a list, '<<: [*a, *b]'",
    );
    assert!(lost_gate(&both).is_some_and(|problem| problem.path == "tasks.c.<<"));
    let plan = parse(&format!("{named}    <<: [*b, *a]\n"))
        .unwrap_or_else(|problems| panic!("{problems:#?}"));
    let last = plan.tasks.last().expect("a task");
    assert!(last.approval.is_some() && last.queue == "slow");
}

#[test]
fn nothing_is_refused_with_what_to_do() {
    for (line, place, words) in [
        (
            "when:",
            "5:5: tasks.a.when: ",
            "there is no text here; write what 'when' is to be, or remove the key",
        ),
        (
            "when: # outputs.x",
            "5:5: tasks.a.when: ",
            "there is no text here",
        ),
        ("when: ~", "5:11: tasks.a.when: ", "there is no text here"),
        (
            "when: null",
            "5:11: tasks.a.when: ",
            "put it in quotes: \"null\"",
        ),
        (
            "when: NULL",
            "5:11: tasks.a.when: ",
            "put it in quotes: \"NULL\"",
        ),
        (
            "approval:",
            "5:5: tasks.a.approval: ",
            "there is no text here",
        ),
        ("needs:\n      -", "6:", "there is no text here"),
        (
            "environment: {A, B: c}",
            "5:19: tasks.a.environment.A: ",
            "there is no text here",
        ),
        (
            "approval: {from:, required: 2}",
            "5:16: tasks.a.approval.from: ",
            "there is no text here",
        ),
        (
            "retries: {max: 1, backoff: ~}",
            "5:32: tasks.a.retries.backoff: ",
            "there is no text here",
        ),
    ] {
        refused(&format!("{GATE}    {line}\n"), place, words);
    }
    refused(
        "plan: p\ndescription:\ntasks: {a: {run: [x]}}\n",
        "2:1: description: ",
        "there is no text here",
    );
}

#[test]
fn names_all_of_them_in_the_order_of_the_text() {
    let found = problems(
        "plan: p\ntimezone: !Z\ndescription: ~\ntasks:\n  a:\n    run: [x]\n    when: *w\n",
    );
    let places: Vec<&str> = found
        .iter()
        .map(|one| &one[..one.find(' ').unwrap()])
        .collect();
    assert_eq!(places, ["2:11:", "3:14:", "7:11:"], "{found:#?}");
}

#[test]
fn quoted_text_of_the_same_letters_is_text() {
    let text = "plan: p\ndescription: \"~\"\ntasks:\n  \"null\":\n    run: [\"!x\", '&y', \"*z\", \"null\", \"\"]\n";
    let plan = parse(text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(plan.tasks[0].name, "null");
    let plan = parse(&format!("{GATE}    when: \"!has(tasks.a)\"\n"));
    assert!(plan.is_ok(), "{plan:?}");
}

#[test]
fn first_mistakes_are_told_what_to_write() {
    let cron =
        |text: &str| format!("plan: p\ntriggers:\n  - cron: {text}\ntasks: {{a: {{run: [x]}}}}\n");
    for text in [
        "* * * * *",
        "*/5 * * * *",
        "@daily",
        "%x",
        "`date`",
        "* 2 * * 1-5",
    ] {
        refused(&cron(text), "3:11: triggers[0].cron: ", &quotes(text));
    }
    for (line, place, whole) in [
        ("run: [echo, %s]", "4:17: ", "%s"),
        ("run: [echo, %s, 'a, b']", "4:17: ", "%s"),
        ("run: [echo, @file]", "4:17: ", "@file"),
        (
            "run: [echo, {{ inputs.x }}]",
            "4:17: tasks.a.run[1]: ",
            "{{ inputs.x }}",
        ),
        ("run: [{{ inputs.x }}/y, z]", "4:11: ", "{{ inputs.x }}/y"),
        (
            "queue: {{ inputs.x }}",
            "4:12: tasks.a.queue: ",
            "{{ inputs.x }}",
        ),
        ("queue: {{ inputs.x }}-y", "4:12: ", "{{ inputs.x }}-y"),
        ("description: nightly: big", "4:18: ", "nightly: big"),
        ("when: 'x' == 'y'", "4:11: ", "'x' == 'y'"),
        ("when: > 3", "4:11: ", "> 3"),
    ] {
        refused(
            &format!("plan: p\ntasks:\n  a:\n    {line}\n"),
            place,
            &quotes(whole),
        );
    }
    refused(
        "plan: p\ndescription: nightly: big\n",
        "2:14: ",
        &quotes("nightly: big"),
    );
    refused(
        &format!("{GATE}    when: \"x\" == \"y\"\n"),
        "5:11: ",
        "put it in quotes: '\"x\" == \"y\"'",
    );
    refused(
        &format!("{GATE}    when: \"x\" == 'y'\n"),
        "5:11: ",
        r#"put it in quotes: "\"x\" == 'y'""#,
    );
}

#[test]
fn the_place_is_told_once_and_words_are_whole() {
    for text in [
        "plan: p\ntriggers:\n  - cron: * * * * *\n",
        "plan: p\ndescription: \"x\n",
        "plan: p\ntasks: [a\n",
        "plan: p\n  tasks: b\n",
        "plan: p\ndescription: nightly: big\n",
        "plan: p\ntasks: {a: {run: [x], timeout: {b: c}}}\n",
        "plan: p\n- x\n",
    ] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{found:?}");
        let said = found[0].splitn(3, ':').nth(2).expect("a message");
        assert!(
            !said.contains(" line ") && !said.contains(" column "),
            "{found:?}"
        );
        assert!(!said.ends_with("numeric c"), "{found:?}");
    }
    let long = format!("{GATE}    when: !{}\n", "word ".repeat(200));
    let found = problems(&long);
    assert!(found[0].contains("word …"), "{found:?}");
}

#[test]
fn what_lost_a_gate_is_told_from_what_did_not() {
    let task = |lines: &str| format!("{GATE}    {lines}\n");
    for lines in [
        "when: !outputs.danger",
        "when: ! outputs.danger",
        "when: ~",
        "when: &x",
        "needs: !b",
        "join:",
        "approval:",
        "approval: !!null {}",
        "approval: {at: !start}",
        "approval: {from: ~}",
        "approval: {required: !two}",
        "approval: {expires: !no}",
        "approval: {escalate: }",
        "approval: {risk: [{level: one, when: }]}",
        "<<: {when: !outputs.danger}",
        "<<: [{approval: !x}]",
        "<<: !x",
    ] {
        let text = task(lines);
        assert!(parse(&text).is_err(), "{text}");
        assert!(lost_gate(&text).is_some(), "{text}");
    }
    for lines in [
        "queue: !slow",
        "description: ~",
        "timeout: &t 15m",
        "when: !!str outputs.danger",
        "when: &x outputs.danger",
        "approval: {remind: ~}",
        "approval: &g {}",
        "when: outputs.danger ==",
    ] {
        assert_eq!(lost_gate(&task(lines)), None, "{lines}");
    }
    assert_eq!(
        lost_gate("plan: p\ntimezone: !Europe/Paris\ntasks: {a: {run: [x]}}\n"),
        None
    );
}

#[test]
fn a_null_of_json_is_refused_and_lost_nothing() {
    let text = r#"{"plan": "p", "tasks": {"a": {"run": ["x"], "when": null}}}"#;
    refused(text, "1:53: tasks.a.when: ", "there is no text here");
    assert_eq!(lost_gate(text), None);
}

/// Every key of the published schema that may be left out, as a plan that has it with `value`.
fn plans_with_each_optional_key(value: &str) -> Vec<(String, String)> {
    let schema: Value = serde_json::from_str(&json_schema()).expect("the schema is JSON");
    let mut plans = Vec::new();
    for (definition, before, required) in [
        ("Plan", "", "plan: p\ntasks: {a: {run: [x]}}\n"),
        (
            "Input",
            "plan: p\ntasks: {a: {run: [x]}}\ninputs:\n  i:\n",
            "type: string",
        ),
        (
            "Trigger",
            "plan: p\ntasks: {a: {run: [x]}}\ntriggers:\n  -\n",
            "every: 7m",
        ),
        ("Task", "plan: p\ntasks:\n  a:\n", "run: [x]"),
        (
            "Shell",
            "plan: p\ntasks:\n  a:\n    shell:\n",
            "program: sh",
        ),
        (
            "Retries",
            "plan: p\ntasks:\n  a:\n    run: [x]\n    retries:\n",
            "max: 1",
        ),
        (
            "Approval",
            "plan: p\ntasks:\n  a:\n    run: [x]\n    approval:\n",
            "rounds: 1",
        ),
        (
            "Escalation",
            "plan: p\ntasks:\n  a:\n    run: [x]\n    approval:\n      escalate:\n        -\n",
            "after: 4h",
        ),
        (
            "Risk",
            "plan: p\ntasks:\n  a:\n    run: [x]\n    approval:\n      risk:\n        -\n",
            "level: one",
        ),
        (
            "Secret",
            "plan: p\ntasks:\n  a:\n    run: [x]\n    environment:\n      E:\n",
            "secret: S",
        ),
    ] {
        let object = if definition == "Plan" {
            &schema
        } else {
            &schema["$defs"][definition]
        };
        let needed: Vec<&str> = object["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let indent = if before.is_empty() {
            ""
        } else {
            "            "
        };
        for key in object["properties"].as_object().expect(definition).keys() {
            if needed.contains(&key.as_str()) {
                continue;
            }
            let rest = match required.split(':').next() {
                Some(first) if first == key => String::new(),
                Some(_) | None => format!("{indent}{required}\n"),
            };
            let text = format!("{before}{indent}{key}: {value}\n{rest}");
            plans.push((format!("{definition}.{key}"), text));
        }
    }
    // A kind of object that is new in the schema belongs into the list above.
    let objects = schema["$defs"].as_object().expect("definitions").values();
    let known = objects.filter(|one| one["properties"].is_object()).count();
    assert_eq!(known, 9, "the list above names every object of the schema");
    plans
}

#[test]
fn every_optional_key_of_the_schema_refuses_nothing_and_tags() {
    for (value, words) in [
        ("", "there is no text here"),
        ("~", "there is no text here"),
        ("null", "there is no text here"),
        ("!tag", "put it in quotes"),
        ("!tag x", "put it in quotes"),
        ("!!null x", "put it in quotes"),
        ("&anchor", "put it in quotes"),
    ] {
        let plans = plans_with_each_optional_key(value);
        assert!(plans.len() >= 40, "{}", plans.len());
        for (key, text) in plans {
            let found = problems(&text);
            assert!(
                found.iter().any(|problem| problem.contains(words)),
                "{key}: {value}: {found:#?}\n{text}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// A condition that begins with an operator is either the plan's condition or refused.
    #[test]
    fn no_condition_changes_on_its_way(condition in "[!&*~@%|>'\"#{}\\[\\],: a-z0-9.()=]{1,24}") {
        let text = format!("{GATE}    approval:\n      risk:\n        - level: auto\n          when: {condition}\n");
        if let Ok(plan) = parse(&text) {
            let gate = plan.tasks[0].approval.as_ref().expect("a gate");
            let when = gate.risk[0].when.as_deref().expect("its condition");
            let written = condition.split(" #").next().unwrap_or_default().trim();
            let unquoted = written.trim_matches(['"', '\'']);
            prop_assert!(
                when == written || when == unquoted || written.starts_with(['\'', '"', '|', '>']),
                "{:?} became {:?}", condition, when
            );
        }
    }
}
