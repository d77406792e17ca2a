//! Who steps are: the user they run as, and the mark that names what belongs to one worker.

pub mod descriptors;
pub mod mark;
pub mod user;

pub use descriptors::raise_descriptors;
pub use mark::Mark;
pub use user::{SandboxReport, StepsIdentity, StepsUser};
