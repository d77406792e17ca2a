//! What there is to say of one setting.

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// Its name in `watchbill.toml`; a dot stands for a table.
    pub name: &'static str,
    /// The environment variables that carry it; the first one is preferred.
    pub environment: &'static [&'static str],
    /// What holds when nobody says anything, as text for people.
    pub default: &'static str,
    /// Whether `config check` masks it and its file must be 0600.
    pub secret: bool,
    pub help: &'static str,
}

impl Key {
    /// Its command-line flag, without the two dashes. Of a secret it names a file: whoever lists
    /// processes, steps among them, reads what stands on a command line.
    #[must_use]
    pub fn flag(&self) -> String {
        let flag = self.name.replace(['.', '_'], "-");
        if self.secret { flag + "-file" } else { flag }
    }
}

pub(super) const fn key(
    name: &'static str,
    environment: &'static [&'static str],
    default: &'static str,
    help: &'static str,
) -> Key {
    Key {
        name,
        environment,
        default,
        secret: false,
        help,
    }
}

pub(super) const fn secret(
    name: &'static str,
    environment: &'static [&'static str],
    default: &'static str,
    help: &'static str,
) -> Key {
    Key {
        name,
        environment,
        default,
        secret: true,
        help,
    }
}
