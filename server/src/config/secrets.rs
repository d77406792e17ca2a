//! The secrets that plans may name: a 0600 file, and the environment.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use super::sources::readable_by_others;

/// What the names of such variables begin with.
const PREFIX: &str = "WATCHBILL_SECRET_";

/// Reads the file, then lets the environment win over it.
///
/// # Errors
/// A sentence that never quotes a value.
pub fn read(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<BTreeMap<String, SecretString>, String> {
    let mut secrets = BTreeMap::new();
    if let Some(path) = file {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {shown}: {error}"))?;
        if readable_by_others(path) {
            return Err(format!(
                "others may read {shown}, which holds secrets; run: chmod 600 {shown}"
            ));
        }
        // The parser's own message quotes the line, which may hold a secret.
        let table: toml::Table = text
            .parse()
            .map_err(|_| format!("{shown} is not TOML; write one NAME = \"value\" on each line"))?;
        for (name, value) in table {
            let Some(value) = value.as_str() else {
                return Err(format!("{shown}: {name} must be a text in quotes"));
            };
            secrets.insert(checked(&name)?, SecretString::from(value.to_owned()));
        }
    }
    for (variable, value) in environment {
        if let Some(name) = variable.strip_prefix(PREFIX) {
            secrets.insert(checked(name)?, SecretString::from(value));
        }
    }
    Ok(secrets)
}

fn checked(name: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !name.is_empty() && name.bytes().all(plain) {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "'{name}' cannot name a secret; use letters, digits and _"
        ))
    }
}
