//! What the engine is told by the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use model::identity::Role;
use secrecy::SecretString;

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
    /// Secrets by name, from the environment or a 0600 file.
    pub secrets: BTreeMap<String, SecretString>,
    /// How much of an attempt's output is kept, first and last parts together.
    pub log_cap_bytes: u64,
    /// How much an attempt may leave in its artifact folder.
    pub artifact_cap_bytes: u64,
    /// Who may sign what outside orchestrators report.
    pub reported_signers: Vec<Role>,
    pub slack_webhook: Option<SecretString>,
    pub email_webhook: Option<SecretString>,
    pub generic_webhook: Option<SecretString>,
    /// Signs the generic webhook: `whsec_` and base64, as Standard Webhooks writes it, or plain text.
    pub generic_webhook_secret: Option<SecretString>,
    /// The address under which people reach Watchbill, for links in messages.
    pub public_url: Option<String>,
    /// What the process found at its start that a person should know, in sentences.
    pub notices: Vec<String>,
    /// How many days history, logs and skips are kept.
    pub retention: Retention,
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
            secrets: BTreeMap::new(),
            log_cap_bytes: 4 * 1024 * 1024,
            artifact_cap_bytes: 64 * 1024 * 1024,
            reported_signers: vec![Role::Approver],
            slack_webhook: None,
            email_webhook: None,
            generic_webhook: None,
            generic_webhook_secret: None,
            public_url: None,
            notices: Vec::new(),
            retention: Retention {
                history_days: 400,
                log_days: 30,
                skip_days: 90,
            },
        }
    }
}
