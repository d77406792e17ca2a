//! Typed settings of the process: flag before environment before file.

mod approvals;
mod key;
mod keys;
mod mail;
mod parse;
mod secrets;
mod sources;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::plans::NewVersions;
use engine::settings::{
    AllowedReceiver, ApprovalSettings, MailSettings, RequiredWalls, Retention, Smtp, StepsSettings,
    WantedWalls,
};
use ipnet::IpNet;
use secrecy::SecretString;

pub use key::Key;
pub use keys::KEYS;
pub use sources::{Given, Origin, Sources, secret_file};

/// The configuration of one process.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// The address under which people reach Watchbill, without a slash at its end.
    pub public_url: Option<String>,
    pub database_url: Option<SecretString>,
    pub database_owner_url: Option<SecretString>,
    pub data_folder: PathBuf,
    /// None where there is no folder of plans to follow.
    pub plans_folder: Option<PathBuf>,
    pub steps_folder: PathBuf,
    pub steps_user: Option<String>,
    /// What of the machine steps find.
    pub steps: StepsSettings,
    pub slots: u32,
    pub lease: Duration,
    pub worker_labels: Vec<String>,
    pub log_cap_bytes: u64,
    pub artifact_cap_bytes: u64,
    pub retention: Retention,
    pub secrets: BTreeMap<String, SecretString>,
    /// The plans that may name a secret, by its name, without anybody's signature.
    pub secret_plans: BTreeMap<String, Vec<String>>,
    pub plans_by_token: NewVersions,
    pub plans_files: NewVersions,
    pub slack_webhook: Option<SecretString>,
    pub email_webhook: Option<SecretString>,
    pub generic_webhook: Option<SecretString>,
    /// Signs what goes to `generic_webhook`.
    pub generic_webhook_secret: Option<SecretString>,
    /// None where messages become files of the data folder.
    pub smtp: Option<Smtp>,
    /// Whom mail is from.
    pub mail_from: String,
    /// Signs it too, while receivers change over.
    pub generic_webhook_secret_previous: Option<SecretString>,
    /// Receivers inside that may be posted to.
    pub webhook_allow: Vec<AllowedReceiver>,
    /// Without it there are no buttons in Slack and no address that they call.
    pub slack_signing_secret: Option<SecretString>,
    pub slack_team: Option<String>,
    pub trusted_proxies: Vec<IpNet>,
    /// How many connections there may be at once.
    pub connections: u32,
    /// How many of them may come from one address.
    pub connections_per_address: u32,
    /// In lower case, without a port; empty means the host of `public_url` and loopback names.
    pub allowed_hosts: Vec<String>,
    pub cors_origins: Vec<String>,
    /// TCP peers that may report tasks without a token.
    pub trust_report_from: Vec<IpNet>,
    pub approvals: ApprovalSettings,
    /// TCP peers that may read `/metrics` without a token.
    pub metrics_from: Vec<IpNet>,
    /// What was found at the start that a person should know; not read from any source.
    pub notices: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let none = |_: &str| None;
        Self::from_sources(&Sources::default(), &none, std::iter::empty())
            .expect("the defaults are a valid configuration")
    }
}

impl Config {
    /// Reads all sources: `file`, else `watchbill.toml` in the working folder where it exists.
    ///
    /// # Errors
    /// A sentence for each thing that is wrong.
    pub fn load(
        file: Option<&Path>,
        flags: &BTreeMap<&'static str, String>,
    ) -> Result<(Self, Sources), Vec<String>> {
        let usual = Path::new("watchbill.toml");
        let file = file.or_else(|| usual.exists().then_some(usual));
        let environment = |name: &str| std::env::var(name).ok();
        let sources = Sources::read(file, &environment, flags)?;
        let config = Self::from_sources(&sources, &environment, std::env::vars())?;
        Ok((config, sources))
    }

    fn from_sources(
        sources: &Sources,
        environment: &dyn Fn(&str) -> Option<String>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Vec<String>> {
        let mut reader = Reader {
            sources,
            problems: Vec::new(),
        };
        let data_folder = default_data_folder(environment);
        let plans_folder = reader.optional("plans_folder", path).or_else(|| {
            let usual = Path::new("plans");
            usual.is_dir().then(|| usual.to_owned())
        });
        let secrets_file = reader.optional("secrets_file", path);
        let secrets = secrets::read(secrets_file.as_deref(), variables).unwrap_or_else(|problem| {
            reader.problems.push(problem);
            BTreeMap::new()
        });
        let public_url = reader.optional("public_url", parse::web_address);
        let smtp = mail::server(&mut reader);
        let mail_from = mail::sender(&mut reader, public_url.as_deref(), smtp.is_some());
        let data_folder = reader.or("data_folder", data_folder, path);
        let hidden = [&secrets_file, &sources.file].into_iter().flatten();
        let steps = StepsSettings {
            walls: reader.or("steps.walls", WantedWalls::Auto, wanted_walls),
            require: reader.or("steps.require", RequiredWalls::None, required_walls),
            shared: reader.or("steps.shared", Vec::new(), folders),
            visible: reader.or("steps.visible", Vec::new(), folders),
            hidden: hidden.chain([&data_folder]).cloned().collect(),
        };
        let config = Self {
            listen: reader.or("listen", SocketAddr::from(([127, 0, 0, 1], 4180)), listen),
            public_url,
            database_url: reader.optional("database_url", database),
            database_owner_url: reader.optional("database_owner_url", database),
            data_folder,
            plans_folder,
            steps_folder: reader.or("steps_folder", PathBuf::from("."), path),
            steps_user: reader.optional("steps_user", |text| Ok(text.to_owned())),
            steps,
            slots: reader.or("slots", 8, |text| parse::number(text, 0, 1_000)),
            lease: reader.or("lease", Duration::from_secs(30), lease),
            worker_labels: reader.or("worker_labels", Vec::new(), list),
            log_cap_bytes: reader.or("log_cap", 4 << 20, parse::bytes),
            artifact_cap_bytes: reader.or("artifact_cap", 64 << 20, parse::bytes),
            retention: Retention {
                history_days: reader.or("retention.history_days", 400, days),
                log_days: reader.or("retention.log_days", 30, days),
                skip_days: reader.or("retention.skip_days", 90, days),
            },
            secrets,
            secret_plans: sources.secret_plans().clone(),
            plans_by_token: reader.or("plans.by_token", NewVersions::Effective, new_versions),
            plans_files: reader.or("plans.files", NewVersions::Effective, new_versions),
            slack_webhook: reader.optional("notify.slack_webhook", webhook),
            email_webhook: reader.optional("notify.email_webhook", webhook),
            generic_webhook: reader.optional("notify.webhook", webhook),
            smtp,
            mail_from,
            generic_webhook_secret: reader.optional("notify.webhook_secret", secret),
            generic_webhook_secret_previous: reader
                .optional("notify.webhook_secret_previous", secret),
            webhook_allow: reader.or("notify.webhook_allow", Vec::new(), receivers),
            slack_signing_secret: reader.optional("notify.slack_signing_secret", secret),
            slack_team: reader.optional("notify.slack_team", |text| Ok(text.to_owned())),
            trusted_proxies: reader.or("http.trusted_proxies", Vec::new(), parse::networks),
            connections: reader.or("http.connections", 512, |text| {
                parse::number(text, 8, 100_000)
            }),
            connections_per_address: reader.or("http.connections_per_address", 64, |text| {
                parse::number(text, 1, 100_000)
            }),
            allowed_hosts: reader.or("http.allowed_hosts", Vec::new(), |text| {
                list(&text.to_lowercase())
            }),
            cors_origins: reader.or("http.cors_origins", Vec::new(), origins),
            trust_report_from: reader.or("api.trust_report_from", Vec::new(), parse::networks),
            approvals: approvals::approvals(&mut reader),
            metrics_from: reader.or("metrics.from", loopback(), parse::networks),
            notices: Vec::new(),
        };
        if reader.problems.is_empty() {
            Ok(config)
        } else {
            Err(reader.problems)
        }
    }

    /// What the engine is told.
    #[must_use]
    pub fn engine_settings(&self) -> engine::Settings {
        engine::Settings {
            lease: self.lease,
            slots: self.slots,
            worker_labels: self.worker_labels.clone(),
            steps_folder: self.steps_folder.clone(),
            steps_user: self.steps_user.clone(),
            steps: self.steps.clone(),
            secrets: self.secrets.clone(),
            secret_plans: self.secret_plans.clone(),
            plans_by_token: self.plans_by_token,
            plans_files: self.plans_files,
            log_cap_bytes: self.log_cap_bytes,
            artifact_cap_bytes: self.artifact_cap_bytes,
            approvals: self.approvals.clone(),
            slack_webhook: self.slack_webhook.clone(),
            email_webhook: self.email_webhook.clone(),
            generic_webhook: self.generic_webhook.clone(),
            generic_webhook_secret: self.generic_webhook_secret.clone(),
            generic_webhook_secret_previous: self.generic_webhook_secret_previous.clone(),
            webhook_allow: self.webhook_allow.clone(),
            slack_signing_secret: self.slack_signing_secret.clone(),
            slack_team: self.slack_team.clone(),
            // A loopback address in a message would lead its reader to their own machine.
            public_url: self.public_url.clone(),
            mail: MailSettings {
                smtp: self.smtp.clone(),
                from: self.mail_from.clone(),
                folder: Some(self.data_folder.join("mail")),
                base_url: self.address(),
                ..MailSettings::default()
            },
            notices: self.notices.clone(),
            retention: self.retention,
        }
    }

    /// Where people find this server: the public address, else the one listened on.
    #[must_use]
    pub fn address(&self) -> String {
        self.public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", self.listen))
    }
}

/// Reads one setting after the other and gathers what is wrong.
struct Reader<'a> {
    sources: &'a Sources,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let given = self.sources.get(name)?;
        read(given.text.trim())
            .map_err(|problem| {
                self.problems
                    .push(format!("{name} ({}): {problem}", given.origin));
            })
            .ok()
    }

    fn or<T>(&mut self, name: &str, default: T, read: impl FnOnce(&str) -> Result<T, String>) -> T {
        self.optional(name, read).unwrap_or(default)
    }
}

/// Whether this process is root, which decides where things are kept and who runs steps.
#[must_use]
pub fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

fn default_data_folder(environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    if is_root() {
        return PathBuf::from("/var/lib/watchbill");
    }
    let absolute = |name: &str| {
        environment(name)
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
    };
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("watchbill")
}

fn loopback() -> Vec<IpNet> {
    parse::networks("127.0.0.0/8, ::1/128").expect("both are networks")
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is not an address with a port; write it like 0.0.0.0:4180"))
}

#[expect(clippy::unnecessary_wraps, reason = "readers of settings share a form")]
fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

#[expect(clippy::unnecessary_wraps, reason = "readers of settings share a form")]
fn list(text: &str) -> Result<Vec<String>, String> {
    Ok(parse::list(text))
}

fn database(text: &str) -> Result<SecretString, String> {
    // The text is not quoted: it may hold a password.
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        Ok(SecretString::from(text.to_owned()))
    } else {
        Err("it must begin with postgres://".to_owned())
    }
}

fn webhook(text: &str) -> Result<SecretString, String> {
    // The text is not quoted: a webhook's address is its password.
    let uri: Option<axum::http::Uri> = text.parse().ok();
    let web = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
    });
    if web {
        Ok(SecretString::from(text.to_owned()))
    } else {
        Err("it must be an https:// address".to_owned())
    }
}

fn secret(text: &str) -> Result<SecretString, String> {
    if text.is_empty() {
        Err("it is empty; remove it or give the secret".to_owned())
    } else {
        Ok(SecretString::from(text.to_owned()))
    }
}

fn receivers(text: &str) -> Result<Vec<AllowedReceiver>, String> {
    parse::list(text).iter().map(|item| item.parse()).collect()
}

fn lease(text: &str) -> Result<Duration, String> {
    let lease = parse::duration(text)?;
    if (2..=600).contains(&lease.as_secs()) {
        Ok(lease)
    } else {
        Err(format!("'{text}' is out of range; write 2s to 10m"))
    }
}

fn days(text: &str) -> Result<u32, String> {
    parse::number(text, 1, 36_500)
}

fn origins(text: &str) -> Result<Vec<String>, String> {
    parse::list(text)
        .iter()
        .map(|item| parse::web_address(item))
        .collect()
}

fn wanted_walls(text: &str) -> Result<WantedWalls, String> {
    match text {
        "auto" => Ok(WantedWalls::Auto),
        "none" => Ok(WantedWalls::None),
        other => Err(format!("'{other}' is neither; write auto or none")),
    }
}

fn required_walls(text: &str) -> Result<RequiredWalls, String> {
    match text {
        "namespace" => Ok(RequiredWalls::Namespace),
        "none" => Ok(RequiredWalls::None),
        other => Err(format!("'{other}' is neither; write namespace or none")),
    }
}

/// Absolute paths, with commas between them.
fn folders(text: &str) -> Result<Vec<PathBuf>, String> {
    let read = |text: String| {
        let path = PathBuf::from(&text);
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(format!("'{text}' must begin with a slash"))
        }
    };
    list(text)?.into_iter().map(read).collect()
}

fn new_versions(text: &str) -> Result<NewVersions, String> {
    match text {
        "effective" => Ok(NewVersions::Effective),
        "proposed" => Ok(NewVersions::Proposed),
        other => Err(format!("'{other}' is neither; write effective or proposed")),
    }
}

#[cfg(test)]
mod tests;
