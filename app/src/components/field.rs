use leptos::prelude::*;

use crate::visit::FormAnswer;

/// What screen readers are told to read with a field.
fn described(id: &str, hint: bool, wrong: bool) -> Option<String> {
    match (hint, wrong) {
        (true, true) => Some(format!("{id}-wrong {id}-hint")),
        (true, false) => Some(format!("{id}-hint")),
        (false, true) => Some(format!("{id}-wrong")),
        (false, false) => None,
    }
}

/// The label, the control, what is wrong with it, and a hint.
#[component]
fn Labelled(
    id: String,
    label: String,
    hint: Option<String>,
    wrong: Option<String>,
    hide_label: bool,
    children: Children,
) -> impl IntoView {
    let (wrong_id, hint_id) = (format!("{id}-wrong"), format!("{id}-hint"));
    view! {
        <div class="field">
            <label for=id class:unseen=hide_label>
                {label}
            </label>
            {children()}
            {wrong.map(|text| view! { <p class="wrong" id=wrong_id>{text}</p> })}
            {hint.map(|text| view! { <p class="hint" id=hint_id>{text}</p> })}
        </div>
    }
    .into_any()
}

/// A line of text, with its label, what was typed before and what was wrong with it.
#[component]
pub fn TextField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(optional)] answer: Option<FormAnswer>,
    #[prop(optional, into)] value: Option<String>,
    #[prop(optional, into)] hint: Option<String>,
    /// Where the name does not tell the field from others of the page.
    #[prop(optional, into)]
    id: Option<String>,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional)] autocomplete: Option<&'static str>,
    #[prop(optional)] required: bool,
    #[prop(optional)] autofocus: bool,
) -> impl IntoView {
    let answer = answer.unwrap_or_default();
    let id = id.unwrap_or_else(|| format!("field-{name}"));
    let wrong = answer.wrong(&name);
    let described = described(&id, hint.is_some(), wrong.is_some());
    let value = answer.typed(&name).or(value);
    let invalid = wrong.is_some().then_some("true");
    let (mode, capitalise) = match kind {
        "number" => (Some("decimal"), None),
        "login" => (None, Some("none")),
        _ => (None, None),
    };
    let kind = if matches!(kind, "number" | "login") {
        "text"
    } else {
        kind
    };
    view! {
        <Labelled id=id.clone() label hint wrong hide_label=false>
            <input
                class="input"
                id=id
                name=name
                type=kind
                value=value
                inputmode=mode
                autocapitalize=capitalise
                autocomplete=autocomplete
                required=required
                autofocus=autofocus
                aria-invalid=invalid
                aria-describedby=described
            />
        </Labelled>
    }
}

/// A choice of one, with its label, what was chosen before and what was wrong with it.
#[component]
pub fn Select(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    /// Each value, with the word for it.
    options: Vec<(String, String)>,
    /// What is chosen where nobody has chosen anything else.
    chosen: Option<String>,
    #[prop(optional)] answer: Option<FormAnswer>,
    #[prop(optional, into)] hint: Option<String>,
    /// What stands there while nothing is chosen.
    #[prop(optional)]
    unchosen: Option<&'static str>,
) -> impl IntoView {
    let answer = answer.unwrap_or_default();
    let id = format!("field-{name}");
    let wrong = answer.wrong(&name);
    let described = described(&id, hint.is_some(), wrong.is_some());
    // Whoever left it open is asked again, and not led to the first of the options.
    let chosen = answer
        .typed(&name)
        .or(chosen)
        .filter(|chosen| !chosen.is_empty());
    let invalid = wrong.is_some().then_some("true");
    let unchosen = unchosen
        .filter(|_| chosen.is_none())
        .map(|words| view! { <option value="">{words}</option> });
    let options = options
        .into_iter()
        .map(|(value, words)| {
            let selected = chosen.as_ref() == Some(&value);
            view! { <option value=value selected=selected>{words}</option> }
        })
        .collect_view();
    view! {
        <Labelled id=id.clone() label hint wrong hide_label=false>
            <select
                class="input"
                id=id
                name=name
                aria-invalid=invalid
                aria-describedby=described
            >
                {unchosen}
                {options}
            </select>
        </Labelled>
    }
}

/// Several lines of text. The only textarea of the application.
///
/// Leptos 0.8 does not escape a textarea's children when it renders on the server, so that a
/// saved `</textarea><script>` would run; this escapes them first. The browser's parser undoes
/// it, so hydration meets the text as it was typed.
#[component]
pub fn TextArea(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(optional)] answer: Option<FormAnswer>,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional)] placeholder: Option<&'static str>,
    #[prop(default = 3)] rows: u32,
    #[prop(optional)] hide_label: bool,
    #[prop(default = 4000)] longest: u32,
) -> impl IntoView {
    let answer = answer.unwrap_or_default();
    let id = format!("field-{name}");
    let wrong = answer.wrong(&name);
    let described = described(&id, hint.is_some(), wrong.is_some());
    let text = escaped(answer.typed(&name).unwrap_or_default());
    let invalid = wrong.is_some().then_some("true");
    view! {
        <Labelled id=id.clone() label hint wrong hide_label>
            <textarea
                class="input"
                id=id
                name=name
                rows=rows
                maxlength=longest
                placeholder=placeholder
                aria-invalid=invalid
                aria-describedby=described
            >
                {text}
            </textarea>
        </Labelled>
    }
}

#[cfg(feature = "ssr")]
fn escaped(text: String) -> String {
    if text.is_empty() {
        return text;
    }
    // The parser drops one line break after the opening tag: the text keeps its own.
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("\n{text}")
}

#[cfg(not(feature = "ssr"))]
fn escaped(text: String) -> String {
    text
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn a_textarea_lets_no_markup_out() {
        let answer = FormAnswer {
            typed: vec![(
                "note".to_owned(),
                "</textarea><script>alert(1)</script>&lt;".to_owned(),
            )],
            ..FormAnswer::default()
        };
        let html = view! { <TextArea name="note" label="Note" answer /> }.to_html();
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&lt;/textarea&gt;&lt;script&gt;"), "{html}");
        assert!(html.contains("&amp;lt;"), "{html}");
    }
}
