use model::plan::EnvironmentVariable;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn task(argv: &[&str]) -> PlanTask {
    PlanTask {
        environment: vec![
            EnvironmentVariable {
                name: "BRANCH".to_owned(),
                value: EnvironmentValue::Text(
                    "{{ tasks[\"seo.validate\"].outputs.branch }}".to_owned(),
                ),
            },
            EnvironmentVariable {
                name: "TOKEN".to_owned(),
                value: EnvironmentValue::Secret("DEPLOY".to_owned()),
            },
        ],
        ..PlanTask::new("publish", Work::run(argv.iter().copied()))
    }
}

fn context() -> TemplateContext {
    TemplateContext {
        inputs: json!({
            "site": "; rm -rf / $(id) <b>", "depth": 3, "strict": true, "list": ["a", "b"], "long": "x".repeat(60_000),
        }),
        run_id: "nightly-2025-01-15".to_owned(),
        date: "2025-01-15".to_owned(),
        tasks: Arc::new(json!({"seo.validate": {"outputs": {"branch": "fix/é"}}})),
    }
}

#[test]
fn fills_arguments_as_data() {
    let argv = [
        "echo",
        "{{ inputs.site }}",
        "{{ inputs.depth }}-{{ run.date }}-{{ run.id }}",
        "{plain}",
    ];
    assert_eq!(
        render_argv(&task(&argv), &context()).unwrap(),
        [
            "echo",
            "; rm -rf / $(id) <b>",
            "3-2025-01-15-nightly-2025-01-15",
            "{plain}",
        ]
    );
}

#[test]
fn fills_the_environment_and_leaves_secrets_alone() {
    assert_eq!(
        render_environment(&task(&["x"]), &context()).unwrap(),
        [
            ("BRANCH".to_owned(), Rendered::Text("fix/é".to_owned())),
            ("TOKEN".to_owned(), Rendered::Secret("DEPLOY".to_owned())),
        ]
    );
}

#[test]
fn what_is_not_there_is_an_error_and_not_an_empty_text() {
    let error = render_argv(&task(&["x", "{{ inputs.missing }}"]), &context()).unwrap_err();
    assert!(
        error.to_string().starts_with("tasks.publish.run[1]: "),
        "{error}"
    );
}

/// What each of these would take is from a megabyte to more than any machine has.
const GROWING: [&str; 16] = [
    "{% set a = 'x'*1000000 %}{% set a = a~a %}{% set a = a~a %}{{ a|length }}",
    "{{ 'x' * 100000000 }}",
    "{{ (('x' * 1000) * 1000)|length }}",
    "{{ [1] * 100000000 }}",
    "{{ inputs.site * 100000000 }}",
    "{{ inputs.list * 100000000 }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "{% for a in range(9999) %}{{ inputs.long }}{% endfor %}",
    "{% set a %}{{ inputs.long }}{{ inputs.long }}{% endset %}{{ a }}",
    "{% filter upper %}{{ inputs.long }}{% endfilter %}",
    "{% with a = inputs.long ~ inputs.long %}{{ a ~ a }}{% endwith %}",
    "{{ inputs.long|replace('x', inputs.long)|length }}",
    "{{ inputs.list|join(inputs.long)|replace('x', inputs.long)|length }}",
    "{{ inputs.site|indent(100000000)|length }}",
    "{{ '%100000000d'|format(1)|length }}",
    "{{ range(100000)|join(inputs.long)|length }}",
];

#[test]
fn what_could_grow_is_not_filled() {
    for text in GROWING {
        let error = render_argv(&task(&[text]), &context()).expect_err(text);
        assert!(
            error.to_string().starts_with("tasks.publish.run[0]: "),
            "{text}: {error}"
        );
    }
    let long = format!("{{{{ ({})|length }}}}", ["inputs.long"; 200].join(" ~ "));
    let error = render_argv(&task(&[&long]), &context()).expect_err("a chain");
    assert!(
        error.to_string().contains("could take more than"),
        "{error}"
    );
}

#[test]
fn what_is_written_ends_where_it_gets_too_long() {
    let twice = "{{ inputs.long }}{{ inputs.long }}";
    let error = render_argv(&task(&[twice]), &context()).expect_err("120 KiB");
    assert!(
        error.to_string().contains("at most 102400 bytes"),
        "{error}"
    );
    assert_eq!(
        render_argv(&task(&["{{ inputs.long }}"]), &context()).unwrap()[0].len(),
        60_000
    );
}

#[test]
fn what_is_refused_says_what_to_write_instead() {
    for (text, words) in [
        (
            "{% for a in inputs.list %}{{ a }}{% endfor %}",
            "no 'for': hand the list over as one argument",
        ),
        (
            "{% set a = 1 %}{{ a }}",
            "no 'set': write the value where it is used",
        ),
        ("{% set a %}x{% endset %}{{ a }}", "no 'set'"),
        ("{% with a = 1 %}{{ a }}{% endwith %}", "no 'with'"),
        (
            "{% filter upper %}x{% endfilter %}",
            "write the filter behind the value",
        ),
        ("{{ 'x' * 3 }}", "only numbers are multiplied"),
        ("{{ (inputs.a ~ 'x') * 3 }}", "only numbers are multiplied"),
        (
            "{{ inputs.a|indent(3) }}",
            "no filter 'indent'; write one of default",
        ),
        ("{{ inputs.a(3) }}", "calls nothing"),
        ("{% macro a() %}{% endmacro %}", "not understood"),
        ("{% import 'a' as b %}", "not understood"),
    ] {
        let refused = check(text).expect_err(text);
        assert!(refused.contains(words), "{text}: {refused}");
    }
    let long = format!("{{{{ {}1 }}}}", "1+".repeat(200_000));
    assert!(
        check(&long)
            .unwrap_err()
            .contains("at most 1000 words and signs")
    );
    assert!(render_argv(&task(&[&long]), &context()).is_err());
}

#[test]
fn expressions_filters_and_if_stay() {
    for (text, filled) in [
        ("{{ inputs.depth * 2 + 1 }}", "7"),
        ("{{ inputs.depth|int * inputs.depth }}", "9"),
        ("{{ 'a' ~ inputs.depth }}", "a3"),
        ("{{ inputs.list|join(',') }}", "a,b"),
        ("{{ inputs.list|length }}", "2"),
        ("{{ inputs.list[1]|upper }}{{ inputs.list|first }}", "Ba"),
        ("{{ inputs['list'][0] }}", "a"),
        ("{{ 'on' if inputs.strict else 'off' }}", "on"),
        (
            "{% if inputs.depth > 2 and not inputs.strict %}x{% else %}y{% endif %}",
            "y",
        ),
        ("{{ inputs.missing|default('none') }}", "none"),
        ("{{ inputs.list is defined }}", "True"),
        ("{{ inputs.depth in [1, 3] }}", "True"),
        ("{{ run.date[:4] }}", "2025"),
        ("{{ inputs.list|join('-')|replace('-', '/') }}", "a/b"),
        ("{# nothing #}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
        let argv = render_argv(&task(&[text]), &context());
        assert_eq!(
            argv.as_deref().ok(),
            Some(&[filled.to_owned()][..]),
            "{text}: {argv:?}"
        );
    }
}

/// Versions that were stored with what is refused today go on, where nothing in it can grow.
#[test]
fn former_forms_go_on() {
    for (text, filled) in [
        ("{% for a in inputs.list %}{{ a }};{% endfor %}", "a;b;"),
        ("{% set a = inputs.depth %}{{ a }}{{ a }}", "33"),
        ("{% for a in range(3) %}{{ a }}{% endfor %}", "012"),
        (
            "{% with a = inputs.site|trim %}{{ a|length }}{% endwith %}",
            "20",
        ),
    ] {
        assert!(check(text).is_err(), "{text}");
        let argv = render_argv(&task(&[text]), &context());
        assert_eq!(
            argv.as_deref().ok(),
            Some(&[filled.to_owned()][..]),
            "{text}: {argv:?}"
        );
    }
}

proptest! {
    /// Whatever a template that is allowed today holds, filling it takes little and ends.
    #[test]
    fn what_is_bounded_before_is_never_longer(text in template()) {
        let values = context();
        let known = Values::of(&values);
        prop_assume!(check(&text).is_ok());
        let read = read(&text).expect("it was read before");
        let Ok(most) = rules::most(&read, known.known()) else {
            return Ok(());
        };
        if let Ok(filled) = fill(&text, &known, String::new) {
            prop_assert!(filled.len() as u64 <= most, "{} bytes, at most {most} expected", filled.len());
        }
    }
}

/// One value and what is done to it, asked for its length.
fn template() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("inputs.site"),
        Just("inputs.long[:50]"),
        Just("inputs.list"),
        Just("inputs.depth"),
        Just("run.id"),
        Just("'ŉﬃ'"),
        Just("tasks"),
    ]
    .prop_map(str::to_owned);
    let grown = leaf.prop_recursive(5, 30, 3, |inner| {
        let one = inner.clone();
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(x, y)| format!("({x} ~ {y})")),
            two.clone().prop_map(|(x, y)| format!("({x} + {y})")),
            two.clone().prop_map(|(x, y)| format!("[{x}, {y}]")),
            two.clone().prop_map(|(x, y)| format!("({x}|join({y}))")),
            two.prop_map(|(x, y)| format!("({x}|string|replace('a', {y}|string))")),
            one.clone().prop_map(|x| format!("({x}|string|upper)")),
            one.clone().prop_map(|x| format!("({x}|list)")),
            one.clone().prop_map(|x| format!("({x}|first)")),
            one.clone().prop_map(|x| format!("({x}|string|split('a'))")),
            one.prop_map(|x| format!("({x} if inputs.strict else 1)")),
        ]
    });
    grown.prop_map(|inner| format!("{{{{ {inner} }}}}"))
}

#[test]
fn checks_before_anything_runs() {
    assert_eq!(check("plain { text }"), Ok(()));
    assert_eq!(
        check("{{ inputs.site }} {{ tasks['a'].outputs.b }} {{ run.id }}"),
        Ok(())
    );
    assert!(check("{{ site }}").unwrap_err().contains("inputs.site"));
    assert!(check("{{ inputs.site ").is_err());
    assert!(check("{% include 'x' %}{{ env }}").is_err());
}
