//! YAML with budgets, and its errors as sentences.

use serde::de::DeserializeOwned;
use serde_saphyr::granit_parser::{ErrorKind, ScanError};
use serde_saphyr::{DuplicateKeyPolicy, Error, MergeKeyPolicy, MessageFormatter as _, Options};

use super::quotes::shortened;
use super::source::Node;
use super::{MAX_BYTES, PlanProblem};

/// What is said of a plan that is more than anybody writes.
pub(super) const TOO_MUCH: &str = "the plan is nested too deep or repeats itself too often; write it out, less than 64 levels deep";

/// Reads one YAML document within the budgets.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Box<Error>> {
    serde_saphyr::from_str_with_options(text, options()).map_err(Box::new)
}

/// The error as a problem; `tree` tells the path where it could be read.
pub(super) fn problem(error: &Error, tree: &Node) -> PlanProblem {
    let (line, column) = error
        .location()
        .map_or((1, 1), |place| (place.line().max(1), place.column().max(1)));
    let path = match error.without_snippet() {
        // What lacks a key is the mapping around the place, not its first key.
        Error::SerdeMissingField { .. } => tree.path_around(line, column),
        _ => tree.path_at(line, column),
    };
    let message = match cause(error) {
        Error::Unexpected { expected, .. } => of_another_shape(expected, &path),
        other => sentence(other),
    };
    PlanProblem {
        line,
        column,
        path,
        message,
    }
}

/// The error itself, where it was met in a value that is repeated by its name.
fn cause(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => cause(error),
        other => other,
    }
}

/// What is wrong with a text that is no YAML, without the place.
pub(super) fn unreadable(error: &ScanError) -> String {
    let words = first_line(&error.info());
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => TOO_MUCH.to_owned(),
        ErrorKind::MappingValueNotAllowed | ErrorKind::ExpectedBlockMappingKey => {
            format!("{words}; indent it as its neighbours are, and put in quotes what holds ': '")
        }
        _ => words,
    }
}

/// Whether a text without quotes is a likely reason.
pub(super) fn may_lack_quotes(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedCharacter { .. }
            | ErrorKind::UnknownAnchor
            | ErrorKind::MissingAnchorOrAliasName
            | ErrorKind::ExpectedTagBang
            | ErrorKind::InvalidGlobalTagCharacter
            | ErrorKind::InvalidTagTerminator
            | ErrorKind::MissingTagUri
            | ErrorKind::UnclosedVerbatimTag
            | ErrorKind::InvalidTagEscape
            | ErrorKind::InvalidTagUtf8
            | ErrorKind::InvalidTagUtf8LeadingByte
            | ErrorKind::InvalidTagUtf8TrailingByte
            | ErrorKind::UndeclaredTagHandle
            | ErrorKind::InvalidTrailingSingleQuotedScalar
            | ErrorKind::InvalidTrailingDoubleQuotedScalar
            | ErrorKind::InvalidBlockScalarHeader
            | ErrorKind::UnexpectedEndOfPlainScalar
            | ErrorKind::PlainScalarStartsWithDashFlowIndicator
            | ErrorKind::BlockSequenceEntryNotAllowed
            | ErrorKind::MappingKeyNotAllowed
            | ErrorKind::MappingValueNotAllowed
            | ErrorKind::InvalidColonPlacement
            | ErrorKind::SimpleKeyExpected
            | ErrorKind::ExpectedNodeContent
            | ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::ExpectedBlockSequenceEntry
            | ErrorKind::ExpectedDocumentStart
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::MisplacedFlowCollectionEnd
            | ErrorKind::MismatchedFlowCollectionEnd { .. }
    )
}

/// What to write where a list, a text or keys with values stand in each other's place.
fn of_another_shape(expected: &str, path: &str) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    match (expected, key) {
        (_, "") => "a plan is keys with values: write plan: and its name first".to_owned(),
        ("sequence start", "run") => "a list is needed here: the program and its arguments; write \
             run: [program, argument], or shell: { program: sh, script: \"…\" } for a script"
            .to_owned(),
        ("sequence start", _) => format!("a list is needed here; write {key}: [one, two]"),
        ("mapping start", "shell") => {
            "keys are needed here; write shell: { program: sh, script: \"…\" }".to_owned()
        }
        ("mapping start", _) => {
            format!("keys with values are needed here; write {key}: {{ key: value }}")
        }
        ("string scalar" | "scalar", _) => {
            "one text is needed here, and no list and no keys; write it in quotes".to_owned()
        }
        (other, _) => format!("this does not fit here; what fits is a {}", plain(other)),
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: Some(MAX_BYTES),
            max_depth: 64,
            max_documents: 2,
            max_nodes: 100_000,
            max_events: 200_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_total_scalar_bytes: MAX_BYTES,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Merge,
        alias_limits: alias_limits(),
        strict_booleans: true,
        with_snippet: false,
    }
}

fn alias_limits() -> serde_saphyr::options::AliasLimits {
    let mut limits = serde_saphyr::options::AliasLimits::default();
    limits.max_total_replayed_events = 5_000;
    limits.max_replay_stack_depth = 8;
    limits.max_alias_expansions_per_anchor = 1_000;
    limits
}

fn sentence(error: &Error) -> String {
    match error.without_snippet() {
        Error::SerdeUnknownField {
            field, expected, ..
        } => unknown_key(field, expected),
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            format!(
                "'{}' is not known here; write {}",
                plain(variant),
                listed(expected)
            )
        }
        Error::SerdeMissingField { field, .. } => format!("the key '{field}' is missing here"),
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        } => {
            format!("this is {}; write {}", plain(unexpected), plain(expected))
        }
        Error::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => {
            format!(
                "{} does not fit here; write {}",
                plain(unexpected),
                plain(expected)
            )
        }
        Error::DuplicateMappingKey { key, .. } => format!(
            "the key '{}' is here for the second time; keep one of them",
            plain(key.as_deref().unwrap_or("?"))
        ),
        Error::MultipleDocuments { .. } => {
            "a file holds one plan; remove the line '---' and what follows it".to_owned()
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => TOO_MUCH.to_owned(),
        Error::InvalidBooleanStrict { .. } => "write true or false here".to_owned(),
        Error::NullIntoString { .. } => {
            "there is no text here; write one, or remove the key".to_owned()
        }
        Error::Message { msg, .. } => first_line(msg),
        // The place is told beside it.
        other => first_line(&serde_saphyr::UserMessageFormatter.format_message(other)),
    }
}

/// What to say of a key that is not known, with the nearest one that is.
fn unknown_key(field: &str, expected: &[&'static str]) -> String {
    let field = plain(field);
    let later = match field.as_str() {
        "http" | "action" | "session" | "manual" => {
            Some("tasks of this kind are not available yet; use 'run' or 'shell'")
        }
        "env" => Some("did you mean 'environment'?"),
        "webhook" | "event" => {
            Some("this kind of trigger is not available yet; use 'cron' or 'every'")
        }
        _ => None,
    };
    if let Some(later) = later {
        return format!("the key '{field}' is not known here: {later}");
    }
    match expected
        .iter()
        .map(|known| (distance(known, &field), known))
        .min()
        .filter(|(distance, known)| *distance <= 2 && distance * 2 <= known.len())
    {
        Some((_, nearest)) => {
            format!("the key '{field}' is not known here; did you mean '{nearest}'?")
        }
        None => format!(
            "the key '{field}' is not known here; the keys are {}",
            listed(expected)
        ),
    }
}

fn listed(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// Data, not format: short, and without control characters.
fn plain(text: &str) -> String {
    shortened(text, 80)
}

fn first_line(text: &str) -> String {
    shortened(text.lines().next().unwrap_or("this is not understood"), 300)
}

/// How many letters apart two words are, as far as it matters here.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let change = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
