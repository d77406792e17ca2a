//! One flag for each setting, made from the table.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::config::KEYS;

/// What the flags said, by the settings' names.
#[derive(Clone, Debug, Default)]
pub struct SettingFlags(pub BTreeMap<&'static str, String>);

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = KEYS.iter().filter_map(|key| {
            let text: &String = matches.get_one(key.name)?;
            Some((key.name, text.clone()))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        KEYS.iter().fold(command, |command, key| {
            let default = format!("{} [default: {}]", key.help, key.default);
            // A secret on the command line is seen by everyone who lists processes.
            let hidden = key.secret;
            // clap keeps flags for ever; the parser is made once in a process.
            let flag: &'static str = key.flag().leak();
            command.arg(
                Arg::new(key.name)
                    .long(flag)
                    .value_name("VALUE")
                    .help(default)
                    .help_heading("Settings")
                    .hide(hidden)
                    .global(true),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
