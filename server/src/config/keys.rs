//! Every setting, once: its name in the file, its environment variables, its default.
//!
//! The command line, the file, `config check` and docs/OPERATIONS.md follow this table.

use super::key::{Key, key, secret};

/// The table.
pub static KEYS: &[Key] = &[
    key(
        "listen",
        &["WATCHBILL_LISTEN"],
        "127.0.0.1:4180",
        "Address and port of the web server",
    ),
    key(
        "public_url",
        &["WATCHBILL_PUBLIC_URL", "PUBLIC_URL"],
        "http:// and the address listened on",
        "The address under which people reach Watchbill; links in messages begin with it",
    ),
    secret(
        "database_url",
        &["WATCHBILL_DATABASE_URL", "DATABASE_URL"],
        "a private PostgreSQL in the data folder",
        "The database, as the role that the running application uses",
    ),
    secret(
        "database_owner_url",
        &["WATCHBILL_DATABASE_OWNER_URL"],
        "the same role as database_url",
        "The database, as the role that owns the tables and migrates them",
    ),
    key(
        "data_folder",
        &["WATCHBILL_DATA_FOLDER"],
        "/var/lib/watchbill as root, else $XDG_DATA_HOME/watchbill, else $HOME/.local/share/watchbill",
        "The private database, its passwords, dumps, messages without a mail server",
    ),
    key(
        "plans_folder",
        &["WATCHBILL_PLANS_FOLDER"],
        "plans in the working folder, where there is one",
        "Folder of plan files to follow",
    ),
    key(
        "steps_folder",
        &["WATCHBILL_STEPS_FOLDER"],
        "the working folder",
        "Where steps start; relative folders of plans begin here",
    ),
    key(
        "steps_user",
        &["WATCHBILL_STEPS_USER"],
        "watchbill-steps as root, else the same user",
        "User that steps run as; root only by name",
    ),
    key(
        "steps.walls",
        &["WATCHBILL_STEPS_WALLS"],
        "auto",
        "auto: each step has processes and files of its own where the kernel lets us; none: it has not",
    ),
    key(
        "steps.require",
        &["WATCHBILL_STEPS_REQUIRE"],
        "none",
        "namespace: no step starts where it would have no processes and files of its own",
    ),
    key(
        "steps.shared",
        &["WATCHBILL_STEPS_SHARED"],
        "none",
        "Folders, besides the working folder, that all steps may write, where their user may",
    ),
    key(
        "steps.visible",
        &["WATCHBILL_STEPS_VISIBLE"],
        "none",
        "What steps may read of a home, of /tmp, or of what is hidden from them",
    ),
    key(
        "slots",
        &["WATCHBILL_SLOTS"],
        "8",
        "How many tasks this process runs at once; 0 leaves them to other workers",
    ),
    key(
        "lease",
        &["WATCHBILL_LEASE"],
        "30s",
        "How long a claim holds without renewal, 2s to 10m",
    ),
    key(
        "worker_labels",
        &["WATCHBILL_WORKER_LABELS"],
        "none",
        "Labels of this worker; tasks may ask for them",
    ),
    key(
        "log_cap",
        &["WATCHBILL_LOG_CAP"],
        "4MiB",
        "How much of an attempt's output is kept",
    ),
    key(
        "artifact_cap",
        &["WATCHBILL_ARTIFACT_CAP"],
        "64MiB",
        "How much an attempt may leave in its artifact folder",
    ),
    key(
        "secrets_file",
        &["WATCHBILL_SECRETS_FILE"],
        "none",
        "TOML file of NAME = \"value\", mode 0600; WATCHBILL_SECRET_<NAME> adds to it",
    ),
    key(
        "retention.history_days",
        &["WATCHBILL_RETENTION_HISTORY_DAYS"],
        "400",
        "Days that finished runs and tasks are kept; decisions and audit stay",
    ),
    key(
        "retention.log_days",
        &["WATCHBILL_RETENTION_LOG_DAYS"],
        "30",
        "Days that the output of steps and messages sent are kept",
    ),
    key(
        "retention.skip_days",
        &["WATCHBILL_RETENTION_SKIP_DAYS"],
        "90",
        "Days that records of skipped occurrences are kept",
    ),
    secret(
        "notify.slack_webhook",
        &["WATCHBILL_SLACK_WEBHOOK", "SLACK_WEBHOOK"],
        "none",
        "Slack incoming webhook",
    ),
    secret(
        "notify.email_webhook",
        &["WATCHBILL_EMAIL_WEBHOOK", "EMAIL_WEBHOOK"],
        "none",
        "Webhook of a mail service, with the reference's payload",
    ),
    secret(
        "notify.webhook",
        &["WATCHBILL_WEBHOOK"],
        "none",
        "Webhook of anything else",
    ),
    secret(
        "notify.webhook_secret",
        &["WATCHBILL_WEBHOOK_SECRET"],
        "none",
        "Signing secret of notify.webhook (Standard Webhooks, whsec_…)",
    ),
    secret(
        "notify.webhook_secret_previous",
        &["WATCHBILL_WEBHOOK_SECRET_PREVIOUS"],
        "none",
        "The former signing secret, while receivers change over: messages then carry both signatures",
    ),
    key(
        "notify.webhook_allow",
        &["WATCHBILL_WEBHOOK_ALLOW"],
        "none",
        "CIDRs and host names inside your network that messages may be posted to",
    ),
    secret(
        "notify.slack_signing_secret",
        &["WATCHBILL_SLACK_SIGNING_SECRET"],
        "none",
        "Signing secret of your Slack app; with it Slack messages carry buttons where the policy lets one answer, and /slack/actions answers",
    ),
    key(
        "notify.slack_team",
        &["WATCHBILL_SLACK_TEAM"],
        "any",
        "Id of the only Slack workspace whose buttons count (T…)",
    ),
    key(
        "notify.mail_from",
        &["WATCHBILL_MAIL_FROM"],
        "Watchbill <watchbill@ the host of public_url>",
        "Whom mail is from",
    ),
    secret(
        "notify.smtp.url",
        &["WATCHBILL_SMTP_URL", "SMTP_URL"],
        "none",
        "Mail server in one line: smtp://user:password@host:587 (STARTTLS), smtps://… (TLS), smtp://…?tls=none",
    ),
    key(
        "notify.smtp.host",
        &["WATCHBILL_SMTP_HOST"],
        "none: messages become files of the data folder",
        "Mail server",
    ),
    key(
        "notify.smtp.port",
        &["WATCHBILL_SMTP_PORT"],
        "587 with starttls, 465 with tls, 25 with none",
        "Port of the mail server",
    ),
    key(
        "notify.smtp.tls",
        &["WATCHBILL_SMTP_TLS"],
        "starttls",
        "starttls, tls or none; nothing is sent before the connection is encrypted, unless it is none",
    ),
    key(
        "notify.smtp.user",
        &["WATCHBILL_SMTP_USER"],
        "none",
        "Login at the mail server",
    ),
    secret(
        "notify.smtp.password",
        &["WATCHBILL_SMTP_PASSWORD"],
        "none",
        "Password at the mail server",
    ),
    key(
        "notify.smtp.ca_file",
        &["WATCHBILL_SMTP_CA_FILE"],
        "none",
        "PEM file of certificates that the mail server may have, besides those the machine trusts",
    ),
    key(
        "http.connections",
        &["WATCHBILL_HTTP_CONNECTIONS"],
        "512",
        "How many connections there may be at once, 8 to 100000",
    ),
    key(
        "http.connections_per_address",
        &["WATCHBILL_HTTP_CONNECTIONS_PER_ADDRESS"],
        "64",
        "How many of them may come from one address; behind a trusted proxy, how many requests",
    ),
    key(
        "http.trusted_proxies",
        &["WATCHBILL_HTTP_TRUSTED_PROXIES"],
        "none",
        "CIDRs of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto count",
    ),
    key(
        "http.allowed_hosts",
        &["WATCHBILL_HTTP_ALLOWED_HOSTS"],
        "the host of public_url, and loopback names",
        "Host names that requests may carry",
    ),
    key(
        "http.cors_origins",
        &["WATCHBILL_HTTP_CORS_ORIGINS"],
        "none",
        "Origins whose pages may call the API",
    ),
    key(
        "api.trust_report_from",
        &["WATCHBILL_API_TRUST_REPORT_FROM"],
        "none",
        "CIDRs of old reporters that may create and patch reported tasks without a token",
    ),
    key(
        "approvals.reported",
        &["WATCHBILL_APPROVALS_REPORTED"],
        "approver",
        "Roles that may sign what outside orchestrators report, and what steps without a gate ask for",
    ),
    key(
        "approvals.reported_requester",
        &["WATCHBILL_APPROVALS_REPORTED_REQUESTER"],
        "forbidden",
        "Whether who reports a task may sign it: forbidden, unless nobody else could, or allowed",
    ),
    key(
        "approvals.reported_without_digest",
        &["WATCHBILL_APPROVALS_REPORTED_WITHOUT_DIGEST"],
        "blind",
        "Answers that do not say what was looked at, to what outside orchestrators report: blind (taken and marked) or refuse",
    ),
    key(
        "approvals.native_without_digest",
        &["WATCHBILL_APPROVALS_NATIVE_WITHOUT_DIGEST"],
        "refuse",
        "The same, to what Watchbill ran itself: refuse or blind",
    ),
    key(
        "plans.by_token",
        &["WATCHBILL_PLANS_BY_TOKEN"],
        "effective",
        "What becomes of the versions that tokens store: effective, where they weaken no gate, or proposed, whatever they say",
    ),
    key(
        "plans.files",
        &["WATCHBILL_PLANS_FILES"],
        "effective",
        "What becomes of files of the plans folder and of plan apply: effective, whatever they say, or proposed, where they weaken a gate after the first start",
    ),
    key(
        "metrics.from",
        &["WATCHBILL_METRICS_FROM"],
        "127.0.0.0/8, ::1/128",
        "CIDRs that may read /metrics without a token, never through a proxy",
    ),
];

/// The setting of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
