//! Values that only their holder knows, and the digests that the database keeps of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::Random;

/// A fresh 256-bit value behind a prefix that tells what it is.
pub(super) fn generate(random: &dyn Random, prefix: &str) -> SecretString {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    SecretString::from(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is stored of it. The value has 256 random bits, so a plain hash suffices,
/// and looking it up by the hash leaks nothing through timing.
pub(super) fn digest(value: &str) -> Vec<u8> {
    Sha256::digest(value.as_bytes()).to_vec()
}

/// A password that a person can read and type: four groups of five letters and digits
/// out of 32 that are not mistaken for each other, so 100 bits.
pub(super) fn readable_password(random: &dyn Random) -> SecretString {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    let groups: Vec<String> = bytes
        .chunks(5)
        .map(|group| {
            group
                .iter()
                .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
                .collect()
        })
        .collect();
    SecretString::from(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::SystemRandom;

    #[test]
    fn values_carry_256_bits_and_differ() {
        let one = generate(&SystemRandom, "wbt_");
        let two = generate(&SystemRandom, "wbt_");
        assert_ne!(one.expose_secret(), two.expose_secret());
        assert!(one.expose_secret().starts_with("wbt_"));
        assert_eq!(one.expose_secret().len(), 4 + 43);
    }

    #[test]
    fn a_readable_password_meets_the_rules() {
        let password = readable_password(&SystemRandom);
        assert_eq!(password.expose_secret().len(), 23);
        assert!(super::super::passwords::check("admin", &password).is_ok());
    }
}
