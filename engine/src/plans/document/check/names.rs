//! The forms of names, which become file names, variables and parts of addresses.

/// `[a-z0-9][a-z0-9._-]{0,63}` without `..`.
pub(super) fn name(what: &str, text: &str) -> Result<(), String> {
    let fits =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts && text.len() <= 64 && text.chars().all(fits) && !text.contains("..") {
        Ok(())
    } else {
        Err(format!(
            "{what} is 1 to 64 lower-case letters, digits, '.', '_' or '-', starts with a letter or a digit and has no '..'; '{}' is not{}",
            shown(text),
            suggestion(text)
        ))
    }
}

/// `[a-z][a-z0-9_]{0,63}`.
pub(super) fn input(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 64
        && text.chars().all(fits)
    {
        Ok(())
    } else {
        Err(format!(
            "an input's name is 1 to 64 lower-case letters, digits or '_' and starts with a letter; '{}' is not",
            shown(text)
        ))
    }
}

/// The name of an environment variable or a secret.
pub(super) fn variable(what: &str, text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts && text.len() <= 128 && text.chars().all(fits) {
        Ok(())
    } else {
        Err(format!(
            "{what} is made of letters, digits and '_' and does not start with a digit; '{}' is not",
            shown(text)
        ))
    }
}

pub(super) fn description(text: &str) -> Result<(), String> {
    if text.chars().count() <= 2_000 {
        Ok(())
    } else {
        Err("a description has at most 2,000 characters".to_owned())
    }
}

/// At most forty characters of what someone typed, as visible ASCII.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(40)
        .flat_map(|c| {
            let visible = c.is_ascii() && !c.is_ascii_control();
            let plain = visible.then_some(c);
            let escaped = (!visible).then(|| c.escape_unicode());
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

fn suggestion(text: &str) -> String {
    let better: String = text
        .to_ascii_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
                c
            } else {
                '-'
            }
        })
        .take(64)
        .collect();
    let better = better.trim_matches(['-', '.', '_']).replace("..", ".");
    if better.is_empty() || !text.is_ascii() || better.contains("..") {
        String::new()
    } else {
        format!("; write '{better}'")
    }
}
