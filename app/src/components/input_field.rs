//! The field of a declared input, by its kind.

use leptos::prelude::*;
use model::plan::{InputDefinition, InputKind};

use super::{Select, TextField};
use crate::text::use_words;
use crate::visit::FormAnswer;

/// The field, named `inputs.NAME`, with what was typed before and what was wrong with it.
#[must_use]
pub fn input_field(input: &InputDefinition, answer: &FormAnswer) -> AnyView {
    let words = use_words();
    let name = format!("inputs.{}", input.name);
    let answer = answer.clone();
    let default = input.default.as_ref().map(plain);
    let mut hint = input.description.clone();
    if !input.required && default.is_none() {
        if !hint.is_empty() {
            hint.push_str(" · ");
        }
        hint.push_str(words.common.optional);
    }
    let label = input.name.clone();
    match &input.kind {
        InputKind::Boolean => {
            let checked = answer
                .typed(&name)
                .or(default)
                .is_some_and(|text| text == "true");
            view! {
                <div class="field">
                    <label class="check">
                        <input type="checkbox" name=name.clone() value="true" checked=checked />
                        {label}
                    </label>
                    {answer.wrong(&name).map(|text| view! { <p class="wrong">{text}</p> })}
                    <p class="hint">{hint}</p>
                </div>
            }
            .into_any()
        }
        InputKind::Choice(options) => {
            let options = options
                .iter()
                .map(|option| (option.clone(), option.clone()))
                .collect::<Vec<_>>();
            view! {
                <Select
                    name
                    label
                    options
                    chosen=default
                    answer
                    hint
                    unchosen=words.plans.choose
                />
            }
            .into_any()
        }
        InputKind::String | InputKind::Integer | InputKind::Number => {
            let kind = if input.kind == InputKind::String {
                "text"
            } else {
                "number"
            };
            view! {
                <TextField
                    name
                    label
                    answer
                    value=default.unwrap_or_default()
                    hint
                    kind
                />
            }
            .into_any()
        }
    }
}

/// A default as one would type it.
fn plain(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
