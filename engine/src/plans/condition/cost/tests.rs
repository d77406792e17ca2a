use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::Program;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::tree::{Room, cel_value};
use super::calls::TICK;
use super::*;
use crate::plans::apart::apart;

/// The bound over this input, and how large the result can be at most.
fn bound(expression: &str, list: &Value, limit: u64) -> Result<(u64, Size), Refused> {
    apart(|| {
        let program = Program::compile(expression).map_err(|error| error.to_string())?;
        let tree = Room::default().measure(list)?;
        let mut meter = Meter::new(limit);
        let mut scope = vec![("list", Shape::Known(&tree))];
        let answer = meter.walk(program.expression(), &mut scope);
        Ok(answer.map(|answer| (meter.units, answer.size())))
    })
    .expect(expression)
}

fn size(value: &cel::Value) -> Size {
    match value {
        cel::Value::List(items) => items.iter().fold(Size::ONE, |all, item| all + size(item)),
        cel::Value::Map(map) => map
            .map
            .values()
            .fold(Size::ONE, |all, item| all + size(item)),
        cel::Value::String(text) => Size::text(text.len()),
        _ => Size::ONE,
    }
}

/// How often the interpreter came by a `tick`, and what it made.
fn evaluated(expression: &str, list: &Value) -> (u64, Option<Size>) {
    let program = Program::compile(expression).expect(expression);
    let ticks = Arc::new(AtomicU64::new(0));
    let mut context = cel::Context::default();
    let counter = Arc::clone(&ticks);
    context
        .add_function(TICK, move |value: cel::Value| {
            counter.fetch_add(1, Ordering::Relaxed);
            value
        })
        .expect("a name of its own");
    context.add_variable_from_value("list", cel_value(list));
    let made = program.execute(&context).ok().as_ref().map(size);
    (ticks.load(Ordering::Relaxed), made)
}

/// An expression over `list` and what loops around it name, of any type.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("list"),
        Just("a"),
        Just("b"),
        Just("1"),
        Just("'some text'"),
        Just("[1, 2, 3]"),
        Just("true"),
        Just("list[0]"),
        Just("list[list.size() - 1]"),
        Just("{'k': [1, 2], 'l': list}"),
    ]
    .prop_map(str::to_owned);
    let grown = leaf.prop_recursive(5, 40, 3, |inner| {
        let one = inner.clone();
        let two = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner);
        prop_oneof![
            two.clone().prop_map(|(x, y)| format!("({x} + {y})")),
            two.clone().prop_map(|(x, y)| format!("({x} == {y})")),
            two.clone().prop_map(|(x, y)| format!("[{x}, {y}]")),
            two.clone().prop_map(|(x, y)| format!("({x})[{y}]")),
            two.clone().prop_map(|(x, y)| format!("({x} || {y})")),
            one.clone().prop_map(|x| format!("tick({x})")),
            one.clone().prop_map(|x| format!("string({x})")),
            one.prop_map(|x| format!("({x}).k")),
            two.clone().prop_map(|(x, y)| format!("({x}).map(a, {y})")),
            two.clone()
                .prop_map(|(x, y)| format!("({x}).map(b, tick({y}))")),
            two.clone()
                .prop_map(|(x, y)| format!("({x}).filter(a, {y} == {y})")),
            two.prop_map(|(x, y)| format!("({x}).all(b, {y} == {y})")),
            three.prop_map(|(x, y, z)| format!("({x} == {y} ? {z} : {x})")),
        ]
    });
    grown.prop_map(|inner| format!("list.map(a, [0, 1].map(b, {inner}))"))
}

fn input() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i8>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    let item = leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            inner.prop_map(|value| json!({"k": value})),
        ]
    });
    prop::collection::vec(item, 0..6).prop_map(Value::from)
}

proptest! {
    /// Steps and sizes that really come about are never more than were worked out before.
    #[test]
    fn the_bound_is_never_below_what_is_counted(expression in expression(), list in input()) {
        let Ok((units, most)) = bound(&expression, &list, CONDITION_UNITS) else {
            // Too much to evaluate is what the bound is for.
            return Ok(());
        };
        let (ticks, made) = evaluated(&expression, &list);
        prop_assert!(ticks <= units, "{ticks} steps, at most {units} expected");
        if let Some(made) = made {
            prop_assert!(
                made.values <= most.values && made.bytes <= most.bytes,
                "{made:?} made, at most {most:?} expected"
            );
        }
    }

    /// More to look at never costs less.
    #[test]
    fn a_longer_list_never_costs_less(expression in expression(), list in input()) {
        let mut longer = list.as_array().cloned().unwrap_or_default();
        longer.extend(longer.clone());
        let once = bound(&expression, &list, u64::MAX);
        let twice = bound(&expression, &Value::from(longer), u64::MAX);
        if let (Ok((once, _)), Ok((twice, _))) = (once, twice) {
            prop_assert!(once <= twice, "{once} for one, {twice} for two");
        }
    }
}

#[test]
fn expensive_forms_are_known_before_they_are_tried() {
    let zeros = ["0"; 450].join(",");
    let hundred = ["0"; 100].join(",");
    let doublings = |times: usize| {
        (0..times).fold("list[0]".to_owned(), |text, _| {
            format!("[{text}].map(a, a + a)[0]")
        })
    };
    let long = json!(["x".repeat(100_000)]);
    let paths: Value = (0..10_000).map(|n| format!("docs/{n}.md")).collect();
    for (name, expression, list) in [
        (
            "loops over literals",
            format!("[{zeros}].all(a, [{zeros}].all(b, a == b || true))"),
            &long,
        ),
        (
            "loops over paths",
            "list.all(a, list.all(b, a == b || true))".to_owned(),
            &paths,
        ),
        (
            "copies that are kept",
            format!("[{hundred}].map(a, [{hundred}].map(b, list[0] + list[0])) == []"),
            &long,
        ),
        (
            "a list of lists",
            "list.map(a, list) == []".to_owned(),
            &paths,
        ),
        ("doublings", doublings(20), &long),
        (
            "a long text looked at often",
            format!("[{zeros}].map(a, [0,0,0].all(b, list[0].contains('y')))  == []"),
            &long,
        ),
        (
            "errors with copies",
            format!("[{hundred}].all(a, [{hundred}].all(b, list[0] + 1))"),
            &long,
        ),
        (
            "a long list searched often",
            "list.all(a, a in list)".to_owned(),
            &paths,
        ),
        (
            "lists compared often",
            "list.all(a, list == list)".to_owned(),
            &paths,
        ),
        (
            "a long name looked up often",
            format!("list.all(a, list[0]{} == 1)", ".a".repeat(900)),
            &paths,
        ),
    ] {
        let refused = bound(&expression, list, CONDITION_UNITS);
        assert!(
            matches!(refused, Err(Refused::Units(_) | Refused::Made(_))),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn what_plans_ask_stays_far_below() {
    let paths: Value = (0..10_000)
        .map(|n| format!("docs/some/folder/{n}.md"))
        .collect();
    let pages: Value = (0..200)
        .map(|n| json!({"url": format!("https://example.org/{n}"), "links": ["https://example.org/a", "/b"], "new": n % 2 == 0}))
        .collect();
    for (expression, list) in [
        (
            r#"list.all(p, p.startsWith("docs/") || p.startsWith("tests/") || p.endsWith(".md"))"#,
            &paths,
        ),
        (r#"list.exists(p, p.contains("migrations/"))"#, &paths),
        (r#"list.filter(p, p.endsWith(".rs")).size() > 20"#, &paths),
        (
            r#"list.all(page, page.links.all(l, l.startsWith("https://") || l.startsWith("/")))"#,
            &pages,
        ),
        (
            r#"list.filter(page, page.new).map(page, page.url).exists(u, u.contains("/legal/"))"#,
            &pages,
        ),
        (r#""docs/some/folder/3.md" in list"#, &paths),
    ] {
        let units = bound(expression, list, CONDITION_UNITS).map(|(units, _)| units);
        assert!(
            units
                .as_ref()
                .is_ok_and(|units| *units < CONDITION_UNITS / 2),
            "{expression}: {units:?}"
        );
    }
}

#[test]
fn what_nobody_knows_the_cost_of_is_refused() {
    for expression in [
        "list.matches('(a+)+$')",
        ".list == []",
        "optional.of(list).hasValue()",
        "list.nonsense()",
        "max(list) > 3",
    ] {
        let refused = bound(expression, &json!([]), CONDITION_UNITS);
        assert!(
            matches!(refused, Err(Refused::Unknown(_))),
            "{expression}: {refused:?}"
        );
    }
}
