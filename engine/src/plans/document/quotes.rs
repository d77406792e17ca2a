//! The text of a line that YAML takes for something else, as it is to be quoted.

/// The most characters of a text that a message repeats.
const SHOWN: usize = 160;

/// Advice to put the text into quotes, with the quotes that it needs.
pub(super) fn put_in_quotes(text: &str) -> String {
    format!("put it in quotes: {}", quoted(text))
}

/// The text in quotes in which it stands for itself.
pub(super) fn quoted(text: &str) -> String {
    let text = shortened(text, SHOWN);
    if !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else if !text.contains('\'') {
        format!("'{text}'")
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Data, not format: without control characters, and cut after a whole word.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    if text.chars().count() <= most {
        return text;
    }
    let kept: String = text.chars().take(most).collect();
    let words = kept
        .rsplit_once(' ')
        .map_or(kept.as_str(), |(words, _)| words);
    format!("{words} …")
}

/// The value that a person wrote from this column on, up to its end in a list or on the line.
pub(super) fn from(line: &str, column: usize, place: Place) -> &str {
    let start = byte(line, column);
    let rest = &line[start..];
    let end = match place {
        Place::Line => comment(rest),
        Place::List => item_end(rest),
        Place::Key => rest
            .find(": ")
            .or_else(|| rest.strip_suffix(':').map(str::len))
            .unwrap_or(rest.len()),
    };
    rest[..end].trim_end()
}

/// What the text is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It goes on to the line's end.
    Line,
    /// A list or mapping in brackets.
    List,
    /// It is a key.
    Key,
}

/// The value around the column that does not stand for itself, and the column it starts at;
/// none where quotes would not help.
pub(super) fn around(line: &str, column: usize, listed: bool) -> Option<(usize, &str)> {
    let start = if listed {
        indentation(line)
    } else {
        value_start(line)?
    };
    let value = &line[start..];
    let bracketed = value.starts_with(['[', '{']) && !value.starts_with("{{");
    let at = byte(line, column);
    if at < start {
        return None;
    }
    let (start, text) = if listed || bracketed {
        item_around(line, start, at)?
    } else {
        (start, value[..comment(value)].trim_end())
    };
    means_something_else(text).then(|| (line[..start].chars().count(), text))
}

/// Whether YAML reads the text as anything but itself.
fn means_something_else(text: &str) -> bool {
    text.starts_with([
        '*', '&', '!', '%', '@', '`', '|', '>', '"', '\'', '{', '[', ',', '?', '-',
    ]) || text.contains(": ")
        || text.ends_with(':')
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where the value begins: behind the indentation, the dashes and the key.
fn value_start(line: &str) -> Option<usize> {
    let mut start = indentation(line);
    while line[start..].starts_with("- ") {
        start += 1 + indentation(&line[start + 1..]);
    }
    let rest = &line[start..];
    let key = match rest.chars().next()? {
        quote @ ('"' | '\'') => {
            let end = 2 + rest[1..].find(quote)?;
            rest[end..].starts_with(": ").then_some(end)
        }
        '[' | '{' => None,
        _ => rest.find(": "),
    };
    let start = key.map_or(start, |colon| {
        let after = start + colon + 1;
        after + indentation(&line[after..])
    });
    (start < line.len()).then_some(start)
}

/// The item of a list in brackets that holds the byte `at`.
fn item_around(line: &str, start: usize, at: usize) -> Option<(usize, &str)> {
    let mut begin = start;
    while begin < line.len() {
        let rest = &line[begin..];
        let skipped = indentation(rest);
        if skipped > 0 {
            begin += skipped;
            continue;
        }
        let opens = rest.starts_with(['[', '{']) && !rest.starts_with("{{");
        if opens || rest.starts_with([',', ']', '}']) {
            begin += 1;
            continue;
        }
        let mut item = &rest[..item_end(rest)];
        if let Some(colon) = key_end(item) {
            begin += colon;
            let value = &line[begin..];
            begin += indentation(value);
            item = &line[begin..][..item_end(&line[begin..])];
            if item.starts_with(['[', '{']) && !item.starts_with("{{") {
                continue;
            }
        }
        let end = begin + item.len().max(1);
        if at < end {
            return Some((begin, item.trim_end()));
        }
        begin = end;
    }
    None
}

/// Where a key's colon ends, in an item of a mapping.
fn key_end(item: &str) -> Option<usize> {
    let colon = item.find(": ")?;
    let key = &item[..colon];
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
    (!key.is_empty() && key.chars().all(plain)).then_some(colon + 1)
}

/// Where an item ends in a list in brackets; what is in quotes, brackets or braces of its own
/// belongs to it.
fn item_end(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ']' | '}' | ',') if depth == 0 => return at,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '#') if before == ' ' => return at,
            (Some(_) | None, _) => {}
        }
        before = c;
    }
    rest.len()
}

/// Where the comment of a line begins, or its end.
fn comment(rest: &str) -> usize {
    let mut quote = None;
    let mut before = 'x';
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') if before == ' ' => return at,
            (Some(_) | None, _) => {}
        }
        before = c;
    }
    rest.len()
}

/// The byte at which a column begins, counted in characters from 0.
fn byte(line: &str, column: usize) -> usize {
    line.char_indices()
        .nth(column)
        .map_or(line.len(), |(at, _)| at)
}
