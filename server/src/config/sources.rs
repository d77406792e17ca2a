//! Where values come from: flag, then environment, then file.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::key::Key;
use super::keys::{KEYS, find};

/// Where a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Flag(String),
    Environment(&'static str),
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// One value as text; a list is joined by commas.
#[derive(Clone)]
pub struct Given {
    pub text: String,
    pub origin: Origin,
}

/// What was said, by the settings' names.
#[derive(Clone, Default)]
pub struct Sources {
    given: BTreeMap<&'static str, Given>,
    /// The plans that may name a secret unsigned, from `secrets.NAME.plans` of the file.
    secret_plans: BTreeMap<String, Vec<String>>,
    /// The file that was read, where there was one.
    pub file: Option<PathBuf>,
}

impl Sources {
    /// The value that wins.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Given> {
        self.given.get(name)
    }

    /// The plans that may name each secret without a signature.
    #[must_use]
    pub fn secret_plans(&self) -> &BTreeMap<String, Vec<String>> {
        &self.secret_plans
    }

    /// Reads the file first, lets the environment win over it, and flags over both.
    ///
    /// # Errors
    /// A sentence for each thing that is wrong with the file.
    pub fn read(
        file: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
        flags: &BTreeMap<&'static str, String>,
    ) -> Result<Self, Vec<String>> {
        let mut sources = Self::default();
        if let Some(path) = file {
            sources.read_file(path)?;
        }
        for key in KEYS {
            let from_environment = key
                .environment
                .iter()
                .find_map(|name| environment(name).map(|text| (*name, text)))
                // An empty variable is how a shell unsets one.
                .filter(|(_, text)| !text.is_empty());
            if let Some((name, text)) = from_environment {
                let origin = Origin::Environment(name);
                sources.given.insert(key.name, Given { text, origin });
            }
            if let Some(text) = flags.get(key.name) {
                let origin = Origin::Flag(key.flag());
                let text = text.clone();
                sources.given.insert(key.name, Given { text, origin });
            }
        }
        Ok(sources)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), Vec<String>> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| vec![format!("cannot read {shown}: {error}")])?;
        let table: toml::Table = text
            .parse()
            .map_err(|error| vec![format!("{shown} is not TOML: {error}")])?;
        let mut problems = Vec::new();
        let mut found = Vec::new();
        flatten(&table, "", &mut found, &mut problems);
        for (name, text) in found {
            if let Some(secret) = secret_of(&name) {
                let plans = super::parse::list(&text);
                self.secret_plans.insert(secret.to_owned(), plans);
                continue;
            }
            let Some(key) = find(&name) else {
                problems.push(unknown(&name, path));
                continue;
            };
            if key.secret && readable_by_others(path) {
                problems.push(format!(
                    "{shown} holds {name}, which is secret, and others may read the file; run: chmod 600 {shown}"
                ));
            }
            let origin = Origin::File(path.to_owned());
            self.given.insert(key.name, Given { text, origin });
        }
        self.file = Some(path.to_owned());
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

/// The secret of a setting `secrets.NAME.plans`.
fn secret_of(name: &str) -> Option<&str> {
    name.strip_prefix("secrets.")?.strip_suffix(".plans")
}

/// Reads the file that a flag names for a secret.
///
/// # Errors
/// A sentence: it cannot be read, or others may.
pub fn secret_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if readable_by_others(path) {
        return Err(format!(
            "{shown} holds a secret, and others may read the file; run: chmod 600 {shown}"
        ));
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Whether anybody but the file's owner may read it; a file that cannot be seen counts as safe.
#[must_use]
pub fn readable_by_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

fn flatten(
    table: &toml::Table,
    prefix: &str,
    found: &mut Vec<(String, String)>,
    problems: &mut Vec<String>,
) {
    for (name, value) in table {
        let name = format!("{prefix}{name}");
        match value {
            toml::Value::Table(inner) => flatten(inner, &format!("{name}."), found, problems),
            toml::Value::Array(items) => {
                match items.iter().map(scalar).collect::<Option<Vec<_>>>() {
                    Some(items) => found.push((name, items.join(","))),
                    None => problems.push(format!("{name}: write a list of texts or numbers")),
                }
            }
            other => match scalar(other) {
                Some(text) => found.push((name, text)),
                None => problems.push(format!("{name}: write a text or a number")),
            },
        }
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    value
        .as_str()
        .map(str::to_owned)
        .or_else(|| value.as_integer().map(|number| number.to_string()))
}

fn unknown(name: &str, path: &Path) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    let near = KEYS
        .iter()
        .find(|key| key.name.rsplit('.').next() == Some(last) || resembles(key, name));
    let shown = path.display();
    match near {
        Some(key) => format!(
            "{shown}: '{name}' is not a setting; did you mean {}?",
            key.name
        ),
        None => format!(
            "{shown}: '{name}' is not a setting; `watchbill config check` lists those there are"
        ),
    }
}

fn resembles(key: &Key, name: &str) -> bool {
    let plain = |text: &str| text.replace(['_', '-', '.'], "").to_lowercase();
    plain(key.name) == plain(name)
}
