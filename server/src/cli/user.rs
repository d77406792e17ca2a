//! `watchbill user`: accounts, from the host that they live on.

use std::io::Read;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use engine::Engine;
use engine::identity::accounts::{self, NewAccount, PasswordChange};
use engine::identity::{Origin, passwords};
use engine::lifecycle::people;
use engine::notify::{self, PreferencesEdit};
use model::id::AccountId;
use model::identity::{Principal, Role};
use secrecy::{ExposeSecret, SecretString};

/// Manage accounts.
#[derive(Debug, Args)]
pub struct UserArgs {
    #[command(subcommand)]
    verb: UserVerb,
}

#[derive(Debug, Subcommand)]
enum UserVerb {
    /// Make an account
    Add {
        login: String,
        /// viewer, approver, operator or admin; may be given several times
        #[arg(long = "role", required = true, value_name = "ROLE")]
        roles: Vec<Role>,
        /// Where mail goes; without one, the login where it is an address itself
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Set where and how a person is notified
    Set {
        login: String,
        #[command(flatten)]
        notifications: NotificationArgs,
    },
    /// List the accounts
    List,
    /// Shut an account out: its sessions end, its tokens are revoked
    Disable { login: String },
    /// Let a disabled account in again
    Enable { login: String },
    /// Set an account's password; its sessions end
    Password {
        login: String,
        /// End its tokens, too
        #[arg(long)]
        end_tokens: bool,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Give an account these roles instead of those it has
    Roles {
        login: String,
        #[arg(required = true, value_name = "ROLE")]
        roles: Vec<Role>,
    },
}

/// An empty text clears what it stands for.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct NotificationArgs {
    /// Where mail goes
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// en or fr
    #[arg(long)]
    language: Option<String>,
    /// An IANA name such as Europe/Paris
    #[arg(long)]
    zone: Option<String>,
    /// `at_once`, digest or none
    #[arg(long)]
    mode: Option<String>,
    /// Local hour of the daily message, 0 to 23
    #[arg(long, value_name = "HOUR")]
    digest_hour: Option<String>,
    /// Local time from which messages wait, such as 22:00
    #[arg(long, value_name = "TIME")]
    quiet_from: Option<String>,
    /// Local time until which messages wait
    #[arg(long, value_name = "TIME")]
    quiet_until: Option<String>,
    /// Tell of tasks that failed after their last retry: true or false
    #[arg(long, value_name = "BOOL")]
    failures: Option<bool>,
    /// Only from this many failures in a row
    #[arg(long, value_name = "COUNT")]
    failures_in_a_row: Option<String>,
    /// Such as "Mon-Fri 09:00-18:00"
    #[arg(long, value_name = "HOURS")]
    working_hours: Option<String>,
    /// The member id that Slack shows under Copy member ID, such as U012AB3CD: clicks of that
    /// member count as this account's own
    #[arg(long, value_name = "ID")]
    slack_user: Option<String>,
}

impl From<NotificationArgs> for PreferencesEdit {
    fn from(args: NotificationArgs) -> Self {
        Self {
            email: args.email,
            language: args.language,
            zone: args.zone,
            mode: args.mode,
            digest_hour: args.digest_hour,
            quiet_from: args.quiet_from,
            quiet_until: args.quiet_until,
            failures: args.failures,
            failures_in_a_row: args.failures_in_a_row,
            working_hours: args.working_hours,
        }
    }
}

#[derive(Debug, Args)]
struct PasswordArgs {
    /// Read the password from the standard input instead of making one up
    #[arg(long)]
    password_stdin: bool,
}

/// Runs the verb.
///
/// # Errors
/// A sentence for the person at the terminal.
pub async fn run(args: UserArgs, engine: &Engine) -> anyhow::Result<()> {
    let operator = Principal::system("command line");
    match args.verb {
        UserVerb::Add {
            login,
            roles,
            email,
            password,
        } => {
            let (password, made_up) = password.take(engine)?;
            let shown = password.clone();
            let new = NewAccount {
                login,
                password,
                roles,
                email,
            };
            let id = accounts::create(engine, &operator, &new).await?;
            let account = accounts::get(engine, &operator, id).await?;
            println!("made the account {}", account.login);
            show(made_up.then_some(&shown));
        }
        UserVerb::Set {
            login,
            notifications,
        } => {
            let id = find(engine, &operator, &login).await?;
            if let Some(user) = &notifications.slack_user {
                let user = Some(user.trim()).filter(|user| !user.is_empty());
                accounts::set_slack_user(engine, &operator, id, user).await?;
                match user {
                    Some(user) => println!("clicks of the Slack member {user} count as {login}'s"),
                    None => println!("no click in Slack counts as {login}'s"),
                }
            }
            let edit = PreferencesEdit::from(notifications);
            if edit != PreferencesEdit::default() {
                let now = notify::set_preferences(engine, &operator, id, &edit).await?;
                let email = now.email.as_deref().unwrap_or("nowhere");
                println!("mail for {login} goes to {email}, {}", now.mode);
            }
        }
        UserVerb::List => list(engine, &operator).await?,
        UserVerb::Disable { login } => {
            let id = find(engine, &operator, &login).await?;
            people::disable(engine, &operator, id).await?;
            println!("{login} is disabled: no session, no token, no login");
        }
        UserVerb::Enable { login } => {
            let id = find(engine, &operator, &login).await?;
            accounts::enable(engine, &operator, id).await?;
            println!("{login} may log in again");
        }
        UserVerb::Password {
            login,
            end_tokens,
            password,
        } => {
            let id = find(engine, &operator, &login).await?;
            let (password, made_up) = password.take(engine)?;
            let change = PasswordChange {
                present: None,
                new: password.clone(),
                end_tokens,
                origin: Origin::default(),
            };
            accounts::set_password(engine, &operator, id, &change).await?;
            let ended = if end_tokens {
                "its sessions and tokens have ended"
            } else {
                "its sessions have ended, its tokens go on"
            };
            println!("set the password of {login}; {ended}");
            show(made_up.then_some(&password));
        }
        UserVerb::Roles { login, roles } => {
            let id = find(engine, &operator, &login).await?;
            people::set_roles(engine, &operator, id, &roles).await?;
            let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            println!("{login} is now {}", names.join(", "));
        }
    }
    Ok(())
}

pub(super) async fn find(
    engine: &Engine,
    operator: &Principal,
    login: &str,
) -> anyhow::Result<AccountId> {
    Ok(accounts::find(engine, operator, login).await?.id)
}

async fn list(engine: &Engine, operator: &Principal) -> anyhow::Result<()> {
    for account in accounts::list(engine, operator).await? {
        let roles: Vec<&str> = account.roles.iter().map(|role| role.as_str()).collect();
        let state = if account.disabled_at.is_some() {
            "disabled"
        } else {
            "active"
        };
        println!("{:<32} {state:<9} {}", account.login, roles.join(", "));
    }
    Ok(())
}

impl PasswordArgs {
    /// The password, and whether nobody knows it yet.
    fn take(&self, engine: &Engine) -> anyhow::Result<(SecretString, bool)> {
        if !self.password_stdin {
            return Ok((passwords::make_up(engine), true));
        }
        let mut text = String::new();
        std::io::stdin()
            .take(4_096)
            .read_to_string(&mut text)
            .context("the standard input cannot be read as text")?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            bail!("there is no password on the standard input");
        }
        Ok((SecretString::from(line), false))
    }
}

fn show(password: Option<&SecretString>) {
    if let Some(password) = password {
        println!("password, shown this once: {}", password.expose_secret());
    }
}
