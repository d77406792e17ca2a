//! What a person should know of plans that ask for people who are not there.

use model::plan::Signer;

use super::findings::Finding;
use crate::approvals::lacking;
use crate::{Engine, Result};

/// How many gates are told one by one.
const MOST_LISTED: usize = 20;

/// Gates that name nobody, or ask for more people than there are: their requests would wait.
pub(super) async fn plans_without_signers(engine: &Engine, found: &mut Vec<Finding>) -> Result<()> {
    let mut connection = engine.pool.acquire().await?;
    for gate in lacking(&mut connection)
        .await?
        .into_iter()
        .take(MOST_LISTED)
    {
        let of = format!("Plan {}, task {}", gate.plan, gate.task);
        let mut told: Vec<String> = gate.nobody.iter().map(nobody).collect();
        if gate.able < gate.most {
            let up_to = if gate.required < gate.most {
                "up to "
            } else {
                ""
            };
            told.push(format!(
                "{up_to}{} must sign and {} could",
                gate.most, gate.able
            ));
        }
        let message = format!(
            "{of}: {}. Make the account or the group, or give the role, before a request waits for it.",
            told.join(", ")
        );
        found.push(if gate.able < gate.required {
            Finding::warning("plan.signers", message)
        } else {
            Finding::notice("plan.signers", message)
        });
    }
    Ok(())
}

fn nobody(signer: &Signer) -> String {
    match signer {
        Signer::Role(_) => format!("nobody has {signer} yet"),
        Signer::Group(_) => format!("nobody who may sign is in {signer} yet"),
        Signer::User(_) => format!("{signer} is nobody who may sign yet"),
    }
}
