use serde_json::Value;

use super::pretty;

/// Writes a value as YAML would have it, for reading: texts of several lines as lines, each
/// below its name and deeper than that, all other texts in quotes. Invisible characters are as
/// they are, so that they become marks. Names without a value are left out.
#[must_use]
pub fn outline(value: &Value) -> String {
    let mut lines = String::new();
    write(value, 0, &mut lines);
    lines
}

fn write(value: &Value, depth: usize, lines: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                indent(depth, lines);
                lines.push_str(&named(name));
                lines.push(':');
                below(value, depth, lines);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(depth, lines);
                lines.push('-');
                below(item, depth, lines);
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            indent(depth, lines);
            lines.push_str(&pretty(value));
            lines.push('\n');
        }
    }
}

/// The value of a name or of an item, behind its sign.
fn below(value: &Value, depth: usize, lines: &mut String) {
    match value {
        Value::String(text) if text.contains('\n') => {
            // YAML's own signs for how it ends.
            let (body, sign) = match text.strip_suffix('\n') {
                None => (text.as_str(), "|-"),
                Some(body) if body.ends_with('\n') => (body, "|+"),
                Some(body) => (body, "|"),
            };
            lines.push(' ');
            lines.push_str(sign);
            lines.push('\n');
            for line in body.split('\n') {
                if !line.is_empty() {
                    indent(depth + 1, lines);
                    lines.push_str(line);
                }
                lines.push('\n');
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            lines.push('\n');
            write(value, depth + 1, lines);
        }
        Value::Array(items) if !items.is_empty() => {
            lines.push('\n');
            write(value, depth + 1, lines);
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            lines.push(' ');
            lines.push_str(&pretty(value));
            lines.push('\n');
        }
    }
}

fn indent(depth: usize, lines: &mut String) {
    lines.extend(std::iter::repeat_n("  ", depth));
}

/// A name as it is where it is plain, and in quotes where it could be taken for more.
fn named(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !name.is_empty() && name.bytes().all(plain) {
        name.to_owned()
    } else {
        pretty(&Value::String(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_lines_and_no_text_passes_for_a_name() {
        let value = json!({"a": {
            "argv": ["echo", "a: b", "x\ny"],
            "empty": [],
            "gone": null,
            "od\nd": "1",
            "script": "set -e\n\napproval: none\n",
            "times": 1,
        }});
        assert_eq!(
            outline(&value),
            "a:\n  argv:\n    - \"echo\"\n    - \"a: b\"\n    - |-\n      x\n      y\n  empty: []\n  \
             \"od\\nd\": \"1\"\n  script: |\n    set -e\n\n    approval: none\n  times: 1\n"
        );
        assert_eq!(outline(&json!({"a": "x\n\n"})), "a: |+\n  x\n\n");
        assert_eq!(outline(&json!({"a": "\u{202e}\r"})), "a: \"\u{202e}\r\"\n");
    }
}
