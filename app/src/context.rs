//! What the server puts beside a request: the engine and who is asking.

use engine::Engine;
use leptos::prelude::use_context;
use model::identity::Principal;

use crate::error::PageError;
use crate::visit::Visit;

/// The engine and the caller of the request at hand.
///
/// # Errors
/// [`PageError::SignedOut`] where nobody is logged in.
pub fn caller() -> Result<(Engine, Principal), PageError> {
    let engine = use_context::<Engine>().ok_or(PageError::Internal);
    let principal = use_context::<Visit>()
        .and_then(|visit| visit.principal)
        .ok_or(PageError::SignedOut);
    match (engine, principal) {
        (Ok(engine), Ok(principal)) => Ok((engine, principal)),
        (Err(error), _) | (_, Err(error)) => {
            error.announce();
            Err(error)
        }
    }
}
