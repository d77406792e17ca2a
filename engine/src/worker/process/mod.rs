//! Processes of steps: started apart, ended to the last one.

pub mod descriptors;
pub mod family;
mod launch;
#[cfg(test)]
mod launch_tests;
pub mod leader;
pub mod mark;
pub mod procfs;
pub mod spawn;
pub mod user;

pub use descriptors::raise_descriptors;
pub use family::{Family, become_subreaper};
pub use leader::Leader;
pub use mark::Mark;
pub use spawn::{Spawner, Started, StepCommand};
pub use user::{SandboxReport, StepsIdentity, StepsUser};
