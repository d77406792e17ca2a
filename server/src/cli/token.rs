//! `watchbill token`: access tokens of people, from the host.

use clap::{Args, Subcommand};
use engine::Engine;
use engine::identity::Presence;
use engine::identity::tokens::{self, NewToken};
use engine::lifecycle::people;
use model::id::TokenId;
use model::identity::{Principal, Scope};
use secrecy::ExposeSecret;

use super::user::find;

/// Manage access tokens.
#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    verb: TokenVerb,
}

#[derive(Debug, Subcommand)]
enum TokenVerb {
    /// Make a token that stands for a person; it is shown once
    Create {
        /// Whose token it is
        #[arg(long, value_name = "LOGIN")]
        user: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// read, report, run, plans, decide or admin; may be given several times
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// After how many days it ends, 3650 at most
        #[arg(long, value_name = "DAYS", default_value_t = tokens::DEFAULT_LIFETIME_DAYS)]
        days: u32,
    },
    /// List tokens, without their secrets
    List {
        /// Of this person alone
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
    },
    /// End a token
    Revoke { id: TokenId },
}

/// Runs the verb.
///
/// # Errors
/// A sentence for the person at the terminal.
pub async fn run(args: TokenArgs, engine: &Engine) -> anyhow::Result<()> {
    let operator = Principal::system("command line");
    match args.verb {
        TokenVerb::Create {
            user,
            name,
            scopes,
            days,
        } => {
            let account = find(engine, &operator, &user).await?;
            let new = NewToken {
                name,
                scopes,
                lifetime_days: Some(days),
            };
            let nothing = Presence::default();
            let issued = people::create_token(engine, &operator, account, &new, &nothing).await?;
            println!("{}", issued.value.expose_secret());
            let end = issued.expires_at.format("%F");
            eprintln!("token {} of {user} until {end}, shown this once", issued.id);
        }
        TokenVerb::List { user } => {
            let account = match user {
                Some(login) => Some(find(engine, &operator, &login).await?),
                None => None,
            };
            for token in tokens::list(engine, &operator, account).await? {
                let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
                let end = match (token.revoked_at, token.expires_at) {
                    (Some(at), _) => format!("revoked {}", at.format("%F")),
                    (None, Some(at)) => format!("until {}", at.format("%F")),
                    (None, None) => "no end".to_owned(),
                };
                println!(
                    "{:>6}  {:<24} {:<24} {end:<18} {}",
                    token.id.0,
                    token.login,
                    token.name,
                    scopes.join(", ")
                );
            }
        }
        TokenVerb::Revoke { id } => {
            tokens::revoke(engine, &operator, id).await?;
            println!("token {id} is revoked");
        }
    }
    Ok(())
}
