//! Randomness, injected, so that a test can repeat what it saw.

use uuid::Uuid;

/// Gives random bytes that nobody can foresee.
pub trait Random: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);

    /// A number in `0.0 .. 1.0`, for jitter.
    fn fraction(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }

    /// A random (version 4) UUID: a fencing token, a worker's identity.
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// The operating system's generator.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness there are no safe sessions or tokens: nothing can go on.
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}
