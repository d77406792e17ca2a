//! What the engine is told by the configuration.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use model::identity::Role;
use model::plan::RequesterRule;
use secrecy::SecretString;

use crate::plans::NewVersions;

/// Settings of one process. `server::config` reads them from flag, environment and file.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a claim holds without renewal.
    pub lease: Duration,
    /// How many tasks this process runs at once.
    pub slots: u32,
    /// Labels that this process's worker carries.
    pub worker_labels: Vec<String>,
    /// Where steps run: relative working folders start here.
    pub steps_folder: PathBuf,
    /// The user that steps run as when Watchbill is root.
    pub steps_user: Option<String>,
    /// What of the machine steps find.
    pub steps: StepsSettings,
    /// Secrets by name, from the environment or a 0600 file.
    pub secrets: BTreeMap<String, SecretString>,
    /// The plans that may name a secret, by its name, without anybody's signature.
    pub secret_plans: BTreeMap<String, Vec<String>>,
    /// Whether what a person's token stores takes effect where it weakens no gate.
    pub plans_by_token: NewVersions,
    /// Whether what the plans folder and the command line bring takes effect whatever it says.
    pub plans_files: NewVersions,
    /// How much of an attempt's output is kept, first and last parts together.
    pub log_cap_bytes: u64,
    /// How much an attempt may leave in its artifact folder.
    pub artifact_cap_bytes: u64,
    /// Whose answers count, beyond what plans say.
    pub approvals: ApprovalSettings,
    pub slack_webhook: Option<SecretString>,
    pub email_webhook: Option<SecretString>,
    pub generic_webhook: Option<SecretString>,
    /// Signs the generic webhook: `whsec_` and base64, as Standard Webhooks writes it, or plain text.
    pub generic_webhook_secret: Option<SecretString>,
    /// The former one, while receivers change over: messages then carry both signatures.
    pub generic_webhook_secret_previous: Option<SecretString>,
    /// Receivers inside the own network that messages may be posted to nevertheless.
    pub webhook_allow: Vec<AllowedReceiver>,
    /// Proves that an action comes from Slack; without it messages carry no buttons.
    pub slack_signing_secret: Option<SecretString>,
    /// The only workspace whose actions count.
    pub slack_team: Option<String>,
    /// The address under which people reach Watchbill, for links in messages.
    pub public_url: Option<String>,
    /// How people are reached by mail.
    pub mail: MailSettings,
    /// What the process found at its start that a person should know, in sentences.
    pub notices: Vec<String>,
    /// How many days history, logs and skips are kept.
    pub retention: Retention,
}

/// Which walls are built around steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WantedWalls {
    /// The highest that this machine lets us build.
    #[default]
    Auto,
    None,
}

/// Without which walls no step starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequiredWalls {
    #[default]
    None,
    /// Namespaces: processes and files of the step's own.
    Namespace,
}

/// What of the machine steps find. Only walls hold it.
#[derive(Clone, Debug, Default)]
pub struct StepsSettings {
    pub walls: WantedWalls,
    pub require: RequiredWalls,
    /// Files and folders that all steps may write, where their user may.
    pub shared: Vec<PathBuf>,
    /// Files and folders in the home of their user, or in what is hidden, that they may read.
    pub visible: Vec<PathBuf>,
    /// What is Watchbill's own: the data folder, the configuration, the secrets.
    pub hidden: Vec<PathBuf>,
}

/// Whose answers count, beyond what plans say.
#[derive(Clone, Debug)]
pub struct ApprovalSettings {
    /// Who may sign what outside orchestrators report.
    pub reported_signers: Vec<Role>,
    /// Whether they may where they reported it themselves.
    pub reported_requester: RequesterRule,
    /// For what Watchbill ran itself.
    pub native_without_digest: WithoutDigest,
    /// For what outside orchestrators report.
    pub reported_without_digest: WithoutDigest,
}

impl Default for ApprovalSettings {
    fn default() -> Self {
        Self {
            reported_signers: vec![Role::Approver],
            reported_requester: RequesterRule::Forbidden,
            native_without_digest: WithoutDigest::Refuse,
            reported_without_digest: WithoutDigest::Blind,
        }
    }
}

/// What becomes of an answer that does not say what its person looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutDigest {
    Refuse,
    /// It is bound to what stands there by then, and marked.
    Blind,
}

/// How people are reached by mail.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Without a server, messages are files of `folder`.
    pub smtp: Option<Smtp>,
    /// Whom messages are from: `Watchbill <watchbill@example.org>` or the address alone.
    pub from: String,
    /// Where messages are kept while there is no server.
    pub folder: Option<PathBuf>,
    /// What links in messages begin with, without a slash at its end.
    pub base_url: String,
    /// How long each step of an exchange with the server may take.
    pub step_timeout: Duration,
}

/// The server that takes our mail.
#[derive(Clone, Debug)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    /// Certificates in PEM that are trusted besides the machine's own.
    pub ca_file: Option<PathBuf>,
}

/// How the connection to the mail server is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// Plain at first; nothing is sent before the change to TLS.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// Never; for a server on the same machine.
    None,
}

impl SmtpTls {
    /// Every way, with the port that is usual for it.
    pub const ALL: [(Self, &'static str, u16); 3] = [
        (Self::StartTls, "starttls", 587),
        (Self::Tls, "tls", 465),
        (Self::None, "none", 25),
    ];
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            smtp: None,
            from: "Watchbill <watchbill@localhost>".to_owned(),
            folder: None,
            base_url: "http://127.0.0.1:4180".to_owned(),
            step_timeout: Duration::from_secs(20),
        }
    }
}

/// Where messages may go although it is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedReceiver {
    Network(IpNet),
    /// A name, in lower case, wherever it leads.
    Host(String),
}

impl FromStr for AllowedReceiver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        let is_name = !text.is_empty()
            && text.chars().all(|character| {
                character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_')
            });
        if is_name {
            let name = text.strip_suffix('.').unwrap_or(text);
            Ok(Self::Host(name.to_ascii_lowercase()))
        } else {
            Err(format!(
                "'{text}' is neither a network nor a host; write it like 10.0.0.0/8 or hooks.example.org"
            ))
        }
    }
}

/// How many days things are kept; decisions and audit outlive them.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub history_days: u32,
    pub log_days: u32,
    pub skip_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            slots: 8,
            worker_labels: Vec::new(),
            steps_folder: PathBuf::from("."),
            steps_user: None,
            steps: StepsSettings::default(),
            secrets: BTreeMap::new(),
            secret_plans: BTreeMap::new(),
            plans_by_token: NewVersions::default(),
            plans_files: NewVersions::default(),
            log_cap_bytes: 4 * 1024 * 1024,
            artifact_cap_bytes: 64 * 1024 * 1024,
            approvals: ApprovalSettings::default(),
            slack_webhook: None,
            email_webhook: None,
            generic_webhook: None,
            generic_webhook_secret: None,
            generic_webhook_secret_previous: None,
            webhook_allow: Vec::new(),
            slack_signing_secret: None,
            slack_team: None,
            public_url: None,
            mail: MailSettings::default(),
            notices: Vec::new(),
            retention: Retention {
                history_days: 400,
                log_days: 30,
                skip_days: 90,
            },
        }
    }
}
