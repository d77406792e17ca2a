//! `watchbill user`: accounts, from the host that they live on.

use std::io::Read;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use engine::Engine;
use engine::identity::accounts::{self, NewAccount};
use engine::identity::passwords;
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
        #[command(flatten)]
        password: PasswordArgs,
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
            password,
        } => {
            let (password, made_up) = password.take(engine)?;
            let shown = password.clone();
            let new = NewAccount {
                login,
                password,
                roles,
            };
            let id = accounts::create(engine, &operator, &new).await?;
            let account = accounts::get(engine, &operator, id).await?;
            println!("made the account {}", account.login);
            show(made_up.then_some(&shown));
        }
        UserVerb::List => list(engine, &operator).await?,
        UserVerb::Disable { login } => {
            let id = find(engine, &operator, &login).await?;
            accounts::disable(engine, &operator, id).await?;
            println!("{login} is disabled: no session, no token, no login");
        }
        UserVerb::Enable { login } => {
            let id = find(engine, &operator, &login).await?;
            accounts::enable(engine, &operator, id).await?;
            println!("{login} may log in again");
        }
        UserVerb::Password { login, password } => {
            let id = find(engine, &operator, &login).await?;
            let (password, made_up) = password.take(engine)?;
            accounts::set_password(engine, &operator, id, None, &password).await?;
            println!("set the password of {login}; its sessions have ended");
            show(made_up.then_some(&password));
        }
        UserVerb::Roles { login, roles } => {
            let id = find(engine, &operator, &login).await?;
            accounts::set_roles(engine, &operator, id, &roles).await?;
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
