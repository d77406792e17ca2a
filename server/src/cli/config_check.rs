//! `watchbill config check`: every setting, its value and where it came from.

use std::fmt::Write as _;

use secrecy::ExposeSecret as _;

use crate::config::{Config, KEYS, Sources};

/// The table that people read.
#[must_use]
pub fn table(sources: &Sources) -> String {
    let width = KEYS.iter().map(|key| key.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for key in KEYS {
        let (value, origin) = match sources.get(key.name) {
            Some(given) if key.secret => ("(set, not shown)", given.origin.to_string()),
            Some(given) => (given.text.as_str(), given.origin.to_string()),
            None => (key.default, "default".to_owned()),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<width$}  {value}  [{origin}]", key.name);
    }
    text
}

/// Variables that look like ours and are none: a slip of the pen that nobody would notice.
#[must_use]
pub fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    const OTHERS: [&str; 4] = [
        "WATCHBILL_CONFIG",
        "WATCHBILL_LOG",
        "WATCHBILL_ADMIN_PASSWORD",
        "WATCHBILL_IMPORT_FROM",
    ];
    names
        .filter(|name| name.starts_with("WATCHBILL_") && !name.starts_with("WATCHBILL_SECRET_"))
        .filter(|name| !OTHERS.contains(&name.as_str()))
        .filter(|name| {
            !KEYS
                .iter()
                .any(|key| key.environment.contains(&name.as_str()))
        })
        .collect()
}

/// A sentence for each secret that cannot be kept out of logs well.
#[must_use]
pub fn weak_secrets(config: &Config) -> Vec<String> {
    let weak = config.secrets.iter().filter_map(|(name, secret)| {
        let why = engine::worker::weakness(secret.expose_secret())?;
        Some(format!("the secret {name}: {why}"))
    });
    weak.collect()
}

/// A sentence for each receiver of messages that would be refused, because of where it leads.
#[must_use]
pub fn refused_receivers(config: &Config) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let settings = config.engine_settings();
            let refused = runtime.block_on(engine::notify::outbox::refused_receivers(&settings));
            // A resolver that hangs is not waited for.
            runtime.shutdown_background();
            refused
        }
        Err(error) => vec![format!("the receivers cannot be looked at: {error}")],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn secrets_are_masked_and_origins_told() {
        let environment = |name: &str| match name {
            "DATABASE_URL" => Some("postgres://u:canary@h/d".to_owned()),
            _ => None,
        };
        let flags = BTreeMap::from([("slots", "3".to_owned())]);
        let sources = Sources::read(None, &environment, &flags).expect("valid");
        let text = table(&sources);
        assert!(!text.contains("canary"));
        let line = |name: &str| {
            text.lines()
                .find(|line| line.starts_with(name))
                .unwrap_or_default()
        };
        assert!(line("database_url ").ends_with("(set, not shown)  [environment DATABASE_URL]"));
        assert!(line("slots").ends_with("3  [flag --slots]"));
        assert!(line("lease").ends_with("30s  [default]"));
    }

    #[test]
    fn slips_of_the_pen_are_told() {
        let names = [
            "WATCHBILL_LISTN",
            "WATCHBILL_LISTEN",
            "WATCHBILL_SECRET_X",
            "HOME",
        ];
        let unknown = unknown_variables(names.iter().map(|&name| name.to_owned()));
        assert_eq!(unknown, ["WATCHBILL_LISTN"]);
    }

    #[test]
    fn a_receiver_inside_is_told_with_the_setting_to_change() {
        let config = Config {
            generic_webhook: Some("http://[::1]:9/canary".to_owned().into()),
            ..Config::default()
        };
        let told = refused_receivers(&config).join("\n");
        assert!(told.starts_with("notify.webhook is refused"), "{told}");
        assert!(told.contains("notify.webhook_allow") && !told.contains("canary"));
        let allowed = Config {
            webhook_allow: vec!["::1".parse().expect("an address")],
            ..config
        };
        assert!(refused_receivers(&allowed).is_empty());
    }
}
