//! Passwords: what is accepted, how it is stored, and how it is compared.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::common_passwords::is_common;
use crate::{Engine, Error, Result};

/// Characters that a password needs while there is no second factor.
pub const SHORTEST: usize = 15;
/// Bytes that a password may have; nothing is ever cut off.
pub const LONGEST: usize = 1024;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Each hash takes 19 MiB and a core: many logins at once wait their turn here.
static SLOTS: Semaphore = Semaphore::const_new(BUSY);
const BUSY: usize = 2;
/// How many wait for a slot; whoever comes then is told to come again.
const WAITING: usize = 16;
/// Strangers have a queue of their own, so that they do not fill that of everybody else.
static STRANGERS: Semaphore = Semaphore::const_new(BUSY + WAITING);
static OTHERS: Semaphore = Semaphore::const_new(BUSY + WAITING);
const RETRY_SECONDS: u64 = 2;

/// The hash of nothing in particular, with today's parameters. A login to an account
/// that does not exist is compared with it, so that it takes as long as any other.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$d2F0Y2hiaWxsLWR1bW15IQ$gj/cL7zsmGAyASBU9y8FQuJdJLXH+8CVwVeC1LZ4wFE";

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Wrong,
    Right,
    /// Right, but stored with parameters that are no longer today's: hash it again.
    RightButOutdated,
}

/// A place in the queue before the slots; it is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: SemaphorePermit<'static>,
}

/// Takes a place in the queue of strangers, or in that of known browsers and people who are
/// logged in.
///
/// # Errors
/// [`Error::TooMany`] where the queue is full.
pub(super) fn place(is_stranger: bool) -> Result<Place> {
    let queue = if is_stranger { &STRANGERS } else { &OTHERS };
    queue
        .try_acquire()
        .map(|permit| Place { _permit: permit })
        .map_err(|_| Error::TooMany {
            message: "Many people are logging in at this moment. Try again in a few seconds."
                .to_owned(),
            retry_seconds: RETRY_SECONDS,
        })
}

/// Refuses a password that is too short, too long or too easily guessed.
pub fn check(login: &str, password: &SecretString) -> Result<()> {
    let text = password.expose_secret();
    let problem = if text.len() > LONGEST {
        Some(format!(
            "The password is longer than {LONGEST} bytes; write a shorter one."
        ))
    } else if text.chars().count() < SHORTEST {
        Some(format!(
            "The password has fewer than {SHORTEST} characters; write a longer one, such as four or five unrelated words."
        ))
    } else if is_common(login, text) {
        Some(
            "The password is among those that are tried first; write one that nobody else would."
                .to_owned(),
        )
    } else {
        None
    };
    problem.map_or(Ok(()), |message| Err(Error::invalid("password", message)))
}

/// A password that a person can read and type, with 100 random bits.
#[must_use]
pub fn make_up(engine: &Engine) -> SecretString {
    super::secret::readable_password(&*engine.random)
}

/// Hashes a password for storing, in PHC form.
///
/// # Errors
/// [`Error::TooMany`] where too many wait.
pub async fn hash(engine: &Engine, password: &SecretString) -> Result<String> {
    let place = place(false)?;
    let mut salt = [0; 16];
    engine.random.fill(&mut salt);
    let password = password.clone();
    on_a_slot(place, move || {
        let hash = hasher()?
            .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
            .map_err(|error| anyhow!("hashing a password failed: {error}"))?;
        Ok(hash.to_string())
    })
    .await
}

/// Compares with what is stored; without it, takes the same time and finds it wrong.
pub(super) async fn compare(
    place: Place,
    password: &SecretString,
    stored: Option<&str>,
) -> Result<Comparison> {
    let password = password.clone();
    let known = stored.is_some();
    let stored: Arc<str> = stored.unwrap_or(DUMMY).into();
    on_a_slot(place, move || {
        let hash = PasswordHash::new(&stored)
            .map_err(|error| anyhow!("accounts.password_hash is not in PHC form: {error}"))?;
        // The longest is refused before it is hashed, but only here, where it costs the same.
        let bytes = password.expose_secret().as_bytes();
        let fits = bytes.len() <= LONGEST;
        let matches = hasher()?
            .verify_password(if fits { bytes } else { b"" }, &hash)
            .is_ok();
        Ok(if !(matches && known && fits) {
            Comparison::Wrong
        } else if is_current(&hash) {
            Comparison::Right
        } else {
            Comparison::RightButOutdated
        })
    })
    .await
}

async fn on_a_slot<T: Send + 'static>(
    place: Place,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let slot = SLOTS
        .acquire()
        .await
        .context("the password slots are closed")?;
    tokio::task::spawn_blocking(move || {
        let outcome = work();
        // Freed with the work, not with the caller, who may have gone.
        drop((slot, place));
        outcome
    })
    .await
    .context("the password work was cut short")?
}

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| anyhow!("the password parameters are wrong: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn is_current(hash: &PasswordHash) -> bool {
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(hash).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
        })
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;
    use crate::Settings;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[sqlx::test(migrations = false)]
    async fn the_stored_form_has_the_promised_parameters(pool: PgPool) {
        let engine = Engine::new(pool, Settings::default());
        let stored = hash(&engine, &secret("seven grey herons stand"))
            .await
            .unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        let again = hash(&engine, &secret("seven grey herons stand"))
            .await
            .unwrap();
        assert_ne!(stored, again, "each hash has its own salt");
        let found = |password| {
            let stored = stored.clone();
            async move {
                compare(place(false).unwrap(), &secret(password), Some(&stored))
                    .await
                    .unwrap()
            }
        };
        assert_eq!(found("seven grey herons stand").await, Comparison::Right);
        assert_eq!(found("seven grey herons stanD").await, Comparison::Wrong);
        assert_eq!(found("").await, Comparison::Wrong);
    }

    #[sqlx::test(migrations = false)]
    async fn nothing_is_cut_off(pool: PgPool) {
        let engine = Engine::new(pool, Settings::default());
        for length in [64, 72, 73, LONGEST] {
            let text: String = "añ7k".chars().cycle().take(length).collect();
            let text = &text[..text.floor_char_boundary(length)];
            let stored = hash(&engine, &secret(text)).await.unwrap();
            assert_eq!(
                compare(place(false).unwrap(), &secret(text), Some(&stored))
                    .await
                    .unwrap(),
                Comparison::Right
            );
            let shorter = &text[..text.floor_char_boundary(text.len() - 1)];
            assert_eq!(
                compare(place(false).unwrap(), &secret(shorter), Some(&stored))
                    .await
                    .unwrap(),
                Comparison::Wrong
            );
        }
    }

    #[tokio::test]
    async fn the_dummy_has_todays_parameters_and_never_matches() {
        assert!(is_current(&PasswordHash::new(DUMMY).unwrap()));
        for password in ["", "watchbill-dummy!", "nobody has this password"] {
            assert_eq!(
                compare(place(false).unwrap(), &secret(password), None)
                    .await
                    .unwrap(),
                Comparison::Wrong
            );
        }
    }

    #[tokio::test]
    async fn older_parameters_are_noticed() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(1024, 1, 1, None).unwrap(),
        )
        .hash_password_with_salt(b"seven grey herons stand", b"0123456789abcdef")
        .unwrap()
        .to_string();
        let found = compare(
            place(false).unwrap(),
            &secret("seven grey herons stand"),
            Some(&weak),
        )
        .await
        .unwrap();
        assert_eq!(found, Comparison::RightButOutdated);
    }

    #[tokio::test]
    async fn sixteen_wait_and_the_next_is_told_to_come_again() {
        let strangers: Vec<Place> = (0..BUSY + WAITING).map(|_| place(true).unwrap()).collect();
        assert!(matches!(
            place(true),
            Err(Error::TooMany {
                retry_seconds: RETRY_SECONDS,
                ..
            })
        ));
        let known = place(false).expect("strangers fill their own queue alone");
        compare(known, &secret("wrong"), None).await.unwrap();
        drop(strangers);
        place(true).expect("there is room again");
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        for (password, reason) in [
            ("short", "fewer than 15"),
            ("fourteen chars", "fewer than 15"),
            ("passwordpassword", "tried first"),
            ("Password12345678", "tried first"),
            ("aaaaaaaaaaaaaaaaaaaa", "tried first"),
            ("1234567890123456", "tried first"),
            ("correcthorsebatterystaple", "tried first"),
            ("approver@example.org1", "tried first"),
            ("watchbillwatchbill", "tried first"),
        ] {
            let error = check("approver@example.org", &secret(password)).unwrap_err();
            assert!(error.to_string().contains(reason), "{password}: {error}");
            assert!(!error.to_string().contains(password));
        }
        assert!(
            check("approver", &secret(&"x7 é".repeat(257))).is_err(),
            "1,285 bytes"
        );
        for password in [
            "seven grey herons stand",
            "åäö-ßçñ-żółć-猫犬",
            &"x7 ép".repeat(12),
        ] {
            assert!(check("approver", &secret(password)).is_ok(), "{password}");
        }
    }
}
