//! How many files and sockets may be open at once: many for the server, as before for steps.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What this process was started with, where it has been raised.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Raises the limit of this process to the most that it may have, and returns that; `None` where
/// there is no limit. Steps still start with the former one: programs that use select(2) break
/// with descriptors above 1,024.
pub fn raise_descriptors() -> Option<u64> {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => {
            // Called again it would remember the raised limit.
            let _ = BEFORE.set(before);
            before.maximum
        }
        Err(error) => {
            tracing::warn!("the limit of open files cannot be raised: {error}");
            before.current
        }
    }
}

/// What steps start with, where it is not what this process has.
pub fn of_steps() -> Option<Rlimit> {
    BEFORE.get().copied()
}
