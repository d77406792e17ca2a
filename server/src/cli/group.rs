//! `watchbill group`: named sets of people that a gate may ask for.

use clap::{Args, Subcommand};
use engine::Engine;
use engine::approvals::groups;
use engine::lifecycle::people;
use model::identity::Principal;

/// Manage groups.
#[derive(Debug, Args)]
pub struct GroupArgs {
    #[command(subcommand)]
    verb: GroupVerb,
}

#[derive(Debug, Subcommand)]
enum GroupVerb {
    /// Make a group, or give it these members and no others
    Set {
        name: String,
        #[arg(value_name = "LOGIN")]
        members: Vec<String>,
    },
    /// List the groups with their members
    List,
    /// Remove a group that no request waits for
    Remove { name: String },
}

/// Runs the verb.
///
/// # Errors
/// A sentence for the person at the terminal.
pub async fn run(args: GroupArgs, engine: &Engine) -> anyhow::Result<()> {
    let operator = Principal::system("command line");
    match args.verb {
        GroupVerb::Set { name, members } => {
            let group = people::put_group(engine, &operator, &name, &members).await?;
            println!("{}: {}", group.name, group.members.join(", "));
        }
        GroupVerb::List => {
            for group in groups::list(engine, &operator).await? {
                println!("{:<32} {}", group.name, group.members.join(", "));
            }
        }
        GroupVerb::Remove { name } => {
            groups::delete(engine, &operator, &name).await?;
            println!("removed the group {name}");
        }
    }
    Ok(())
}
