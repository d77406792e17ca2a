//! What a report may say, field by field.

use model::approval::ApprovalState;

use super::{NewReport, ReportPatch};
use crate::{Error, FieldProblem, Result};

/// More than any excerpt needs; pages show many of them at once.
const EXCERPT_CHARACTERS: usize = 65_536;

pub(super) fn new_report(report: &NewReport) -> Result<()> {
    let mut problems = Vec::new();
    label(&mut problems, "task", &report.task);
    label(&mut problems, "run_id", &report.run_id);
    duration(&mut problems, report.duration_ms);
    link(&mut problems, report.outputs_uri.as_deref());
    excerpt(&mut problems, report.log_excerpt.as_deref());
    approval_state(&mut problems, report.approval_state.as_deref());
    outcome(problems)
}

pub(super) fn patch(patch: &ReportPatch) -> Result<()> {
    let mut problems = Vec::new();
    duration(&mut problems, patch.duration_ms.flatten());
    link(
        &mut problems,
        patch.outputs_uri.as_ref().and_then(Option::as_deref),
    );
    excerpt(
        &mut problems,
        patch.log_excerpt.as_ref().and_then(Option::as_deref),
    );
    approval_state(
        &mut problems,
        patch.approval_state.as_ref().and_then(Option::as_deref),
    );
    outcome(problems)
}

fn outcome(problems: Vec<FieldProblem>) -> Result<()> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(problems))
    }
}

fn wrong(problems: &mut Vec<FieldProblem>, field: &str, message: impl Into<String>) {
    problems.push(FieldProblem {
        field: field.to_owned(),
        message: message.into(),
    });
}

fn label(problems: &mut Vec<FieldProblem>, field: &str, text: &str) {
    let length = text.chars().count();
    if !(1..=64).contains(&length) || text.contains(unprintable) || text.trim().is_empty() {
        wrong(problems, field, "write 1 to 64 printable characters");
    }
}

/// Controls, and what reorders the text around it.
fn unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn duration(problems: &mut Vec<FieldProblem>, milliseconds: Option<i64>) {
    if milliseconds.is_some_and(i64::is_negative) {
        wrong(
            problems,
            "duration_ms",
            "a duration is 0 or more milliseconds",
        );
    }
}

fn link(problems: &mut Vec<FieldProblem>, uri: Option<&str>) {
    let Some(uri) = uri else { return };
    if uri.chars().count() > 512 {
        wrong(problems, "outputs_uri", "write at most 512 characters");
    }
    if uri.contains(unprintable) {
        wrong(problems, "outputs_uri", "write printable characters only");
    }
}

fn excerpt(problems: &mut Vec<FieldProblem>, text: Option<&str>) {
    let Some(text) = text else { return };
    if text.chars().count() > EXCERPT_CHARACTERS {
        wrong(
            problems,
            "log_excerpt",
            format!("write at most {EXCERPT_CHARACTERS} characters"),
        );
    }
    if text.contains('\0') {
        wrong(
            problems,
            "log_excerpt",
            "it holds a NUL character; remove it",
        );
    }
}

fn approval_state(problems: &mut Vec<FieldProblem>, text: Option<&str>) {
    if text.is_some_and(|text| text != ApprovalState::Pending.as_str()) {
        wrong(
            problems,
            "approval_state",
            "a report may say null or pending; a person's decision sets the rest",
        );
    }
}
