//! The JSON file in which a step may say more than its exit code does.

use std::io::Read;

use serde_json::{Map, Value};

use super::output::{Masker, acceptable_uri};
use super::workspace::Workspace;
use crate::json::holds_nul;

/// The largest report that is read.
const LARGEST: u64 = 1024 * 1024;

/// What a step reported: checked, masked, storable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepReport {
    /// The whole report.
    pub value: Option<Value>,
    pub outputs: Option<Value>,
    pub outputs_uri: Option<String>,
}

/// Reads the report that the step left, if it left one.
///
/// # Errors
/// A sentence that says what is wrong with it: the attempt has failed.
pub fn read(workspace: &Workspace, masker: &Masker) -> Result<StepReport, String> {
    let file = match workspace.open_report() {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(StepReport::default()),
        Err(error) => return Err(format!("its report cannot be read: {error}")),
    };
    let mut text = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut text)
        .map_err(|error| format!("its report cannot be read: {error}"))?;
    if text.len() as u64 > LARGEST {
        return Err("its report is larger than 1 MiB".to_owned());
    }
    if text.trim_ascii().is_empty() {
        return Ok(StepReport::default());
    }
    parse(&text, masker)
}

fn parse(text: &[u8], masker: &Masker) -> Result<StepReport, String> {
    let mut value: Value =
        serde_json::from_slice(text).map_err(|error| format!("its report is not JSON: {error}"))?;
    if holds_nul(&value) {
        return Err("its report holds the character \\u0000, which cannot be stored".to_owned());
    }
    masker.json(&mut value);
    let Value::Object(object) = &value else {
        return Err("its report is not a JSON object".to_owned());
    };
    let outputs = match object.get("outputs") {
        None | Some(Value::Null) => None,
        Some(outputs @ Value::Object(_)) => Some(outputs.clone()),
        Some(other) => return Err(wrong("outputs", "an object", other)),
    };
    let outputs_uri = match text_of(object, "outputs_uri")? {
        None => None,
        Some(uri) => Some(acceptable_uri(uri).ok_or_else(|| {
            "the outputs_uri of its report is empty, longer than 512 characters or has control characters".to_owned()
        })?),
    };
    text_of(object, "summary")?;
    match object.get("progress") {
        None | Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_)) => {}
        Some(other) => return Err(wrong("progress", "a number, a text or an object", other)),
    }
    match object.get("telemetry") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(other) => return Err(wrong("telemetry", "an object", other)),
    }
    Ok(StepReport {
        outputs,
        outputs_uri,
        value: Some(value),
    })
}

fn text_of<'a>(object: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(key, "a text", other)),
    }
}

fn wrong(key: &str, expected: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    format!("the {key} of its report must be {expected}, not {found}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_report_is_taken_and_masked() {
        let masker = Masker::new([("KEY", "s3cr3t-value")]);
        let report = parse(
            br#"{"outputs": {"a": 1, "k": "s3cr3t-value"}, "outputs_uri": "https://h/1",
                "summary": "fine", "progress": 1.0, "telemetry": {"tokens": 5}, "own": []}"#,
            &masker,
        )
        .unwrap();
        assert_eq!(
            report.outputs,
            Some(serde_json::json!({"a": 1, "k": "***"}))
        );
        assert_eq!(report.outputs_uri.as_deref(), Some("https://h/1"));
        assert_eq!(report.value.unwrap()["summary"], "fine");
    }

    #[test]
    fn a_broken_report_says_what_is_wrong() {
        let long = format!(r#"{{"outputs_uri": "{}"}}"#, "x".repeat(513));
        let deep = "[".repeat(10_000);
        let table: [(&[u8], &str); 12] = [
            (b"{", "is not JSON"),
            (b"\xff", "is not JSON"),
            (b"[]", "is not a JSON object"),
            (deep.as_bytes(), "is not JSON"),
            (
                br#"{"outputs": []}"#,
                "outputs of its report must be an object, not a list",
            ),
            (br#"{"outputs_uri": 5}"#, "must be a text, not a number"),
            (long.as_bytes(), "longer than 512"),
            (br#"{"summary": true}"#, "not true or false"),
            (br#"{"telemetry": "x"}"#, "must be an object"),
            (br#"{"a": ["\u0000"]}"#, "\\u0000"),
            (br#"{"a": "\ud800"}"#, "is not JSON"),
            (br#"{"a": 1e400}"#, "is not JSON"),
        ];
        for (text, expected) in table {
            let problem = parse(text, &Masker::new([])).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
