use model::plan::{InputDefinition, InputKind};

use super::super::ordered::Ordered;
use super::super::source::Step;
use super::super::types::{InputDocument, InputType};
use super::{Findings, at, key, names};
use crate::plans::inputs::wrong;

const MAX_INPUTS: usize = 100;

pub(super) fn check(
    findings: &mut Findings,
    documents: Ordered<InputDocument>,
    has_triggers: bool,
) -> Vec<InputDefinition> {
    check_at(findings, &[key("inputs")], documents, has_triggers)
}

/// The same for inputs that are declared anywhere.
pub(super) fn check_at(
    findings: &mut Findings,
    path: &[Step],
    documents: Ordered<InputDocument>,
    has_triggers: bool,
) -> Vec<InputDefinition> {
    if documents.0.len() > MAX_INPUTS {
        findings.add(path, format!("at most {MAX_INPUTS} inputs can be declared"));
        return Vec::new();
    }
    documents
        .0
        .into_iter()
        .filter_map(|(name, document)| {
            one(findings, &at(path, &name), name, document, has_triggers)
        })
        .collect()
}

fn one(
    findings: &mut Findings,
    path: &[Step],
    name: String,
    document: InputDocument,
    has_triggers: bool,
) -> Option<InputDefinition> {
    findings.take(path, names::input(&name));
    let description = document.description.unwrap_or_default();
    findings.take(&at(path, "description"), names::description(&description));
    let kind = match document.kind {
        InputType::String => InputKind::String,
        InputType::Integer => InputKind::Integer,
        InputType::Number => InputKind::Number,
        InputType::Boolean => InputKind::Boolean,
        InputType::Choice => {
            if document.choices.is_empty() || document.choices.len() > 100 {
                findings.add(
                    path,
                    "a choice needs 1 to 100 'choices', such as [small, large]",
                );
                return None;
            }
            InputKind::Choice(document.choices.clone())
        }
    };
    if document.kind != InputType::Choice && !document.choices.is_empty() {
        findings.add(&at(path, "choices"), "'choices' go with 'type: choice'");
    }
    let definition = InputDefinition {
        name,
        description,
        kind,
        required: document.required,
        default: document.default,
    };
    if let Some(default) = &definition.default {
        if let Some(message) = wrong(&definition, default) {
            findings.add(
                &at(path, "default"),
                format!("the default does not fit: {message}"),
            );
        }
        if definition.required {
            findings.add(
                &at(path, "required"),
                "an input with a default is never missing; remove 'required' or 'default'",
            );
        }
    } else if definition.required && has_triggers {
        findings.add(
            path,
            "a trigger cannot give a required input; give it a 'default' instead",
        );
    }
    Some(definition)
}
