//! One flag for each setting, made from the table.

use std::collections::BTreeMap;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::config::{KEYS, secret_file};

/// What the flags said, by the settings' names.
#[derive(Clone, Debug, Default)]
pub struct SettingFlags(pub BTreeMap<&'static str, String>);

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut given = BTreeMap::new();
        for key in KEYS {
            let Some(text) = matches.get_one::<String>(key.name) else {
                continue;
            };
            let text = if key.secret {
                secret_file(Path::new(text)).map_err(|problem| {
                    let problem = format!("--{}: {problem}\n", key.flag());
                    Error::raw(ErrorKind::ValueValidation, problem)
                })?
            } else {
                text.clone()
            };
            given.insert(key.name, text);
        }
        Ok(Self(given))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        KEYS.iter().fold(command, |command, key| {
            let file = if key.secret {
                "A 0600 file with it: "
            } else {
                ""
            };
            let default = format!("{file}{} [default: {}]", key.help, key.default);
            // clap keeps flags for ever; the parser is made once in a process.
            let flag: &'static str = key.flag().leak();
            command.arg(
                Arg::new(key.name)
                    .long(flag)
                    .value_name(if key.secret { "PATH" } else { "VALUE" })
                    .help(default)
                    .help_heading("Settings")
                    .global(true),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn parse(words: &[&str]) -> Result<SettingFlags, Error> {
        let command = SettingFlags::augment_args(Command::new("watchbill"));
        SettingFlags::from_arg_matches(&command.try_get_matches_from(words)?)
    }

    #[test]
    fn a_secret_is_given_as_a_file_that_nobody_else_reads() {
        let refused = parse(&["watchbill", "--notify-smtp-password", "hunter2"])
            .expect_err("a flag would show it to whoever lists processes");
        assert!(
            refused.to_string().contains("--notify-smtp-password-file"),
            "{refused}"
        );
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        std::fs::write(&file, "hunter2\n").expect("written");
        let words = ["watchbill", "--notify-smtp-password-file"];
        let words = [words[0], words[1], file.to_str().expect("a path")];
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("ours");
        let refused = parse(&words).expect_err("others read it");
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("ours");
        let flags = parse(&words).expect("a file of ours");
        assert_eq!(flags.0["notify.smtp.password"], "hunter2");
    }
}
