//! Wrong tries: counted apart for each side that they could come from, and refused beyond
//! a limit of its own, so that no stranger's tries shut the owner out.
//!
//! A browser that has logged in before is counted alone. So is whoever is logged in and
//! gives their present password. Everybody else is a stranger, and counts against the
//! account, the address, and the two together.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::{Engine, Error, Result};

/// Strangers' wrong tries within the window, for one account.
const ACCOUNT_LIMIT: usize = 30;
/// The same for an address that has not tried this account within the window: it has a try
/// though others used up theirs, so that the owner waits for the window at most.
const ACCOUNT_LIMIT_OF_FIRST_TRIES: usize = 230;
/// Wrong tries within the window, from one address.
const ADDRESS_LIMIT: usize = 50;
/// Those from one address for one account.
const PAIR_LIMIT: usize = 10;
/// Those in one known browser for one account.
const DEVICE_LIMIT: usize = 10;
/// Those of whoever is logged in and gives their present password.
const PRESENT_LIMIT: usize = 10;
const WINDOW_MINUTES: i32 = 15;

/// Who tries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trying<'a> {
    /// A browser in which this account was logged in before, by the digest of its cookie.
    Known { login: &'a str, device: &'a [u8] },
    /// Anybody else; without a login where no account can have it.
    Stranger {
        login: Option<&'a str>,
        address: IpAddr,
    },
    /// Whoever is logged in already, with their present password.
    Present { login: &'a str },
}

impl Trying<'_> {
    /// The counters: for a stranger the address first, then the account and the two together.
    fn subjects(&self) -> Vec<String> {
        match self {
            Self::Known { login, device } => {
                vec![format!("device:{}:{login}", URL_SAFE_NO_PAD.encode(device))]
            }
            Self::Stranger { login, address } => {
                let address = network(*address);
                let mut subjects = vec![format!("address:{address}")];
                if let Some(login) = login {
                    subjects.push(format!("account:{login}"));
                    subjects.push(format!("pair:{login}:{address}"));
                }
                subjects
            }
            Self::Present { login } => vec![format!("present:{login}")],
        }
    }

    /// How long until another try is taken; `None` is at once. `tries` are those within the
    /// window, oldest first, in the order of the counters.
    fn wait(&self, tries: &[Vec<DateTime<Utc>>], now: DateTime<Utc>) -> Option<TimeDelta> {
        let wait = |index: usize, limit: usize| wait(tries.get(index)?, limit, now);
        match self {
            Self::Known { .. } => wait(0, DEVICE_LIMIT),
            Self::Present { .. } => wait(0, PRESENT_LIMIT),
            Self::Stranger { .. } => {
                let account = match wait(2, 1) {
                    None => wait(1, ACCOUNT_LIMIT_OF_FIRST_TRIES),
                    // Once its own tries are past, the address has its first one again.
                    Some(first_again) => wait(1, ACCOUNT_LIMIT).map(|it| it.min(first_again)),
                };
                wait(0, ADDRESS_LIMIT).max(account).max(wait(2, PAIR_LIMIT))
            }
        }
    }
}

/// Refuses whoever has no try left, without counting: a flood costs one question a try.
pub(super) async fn look(engine: &Engine, trying: &Trying<'_>) -> Result<()> {
    let subjects = trying.subjects();
    let (tries, now) = counted(&mut *engine.readers.acquire().await?, &subjects).await?;
    refuse(trying.wait(&tries, now))
}

/// Counts a try before the password is looked at, so that parallel ones cannot slip past, or
/// refuses it. Says whether it was the last one.
pub(super) async fn reserve(engine: &Engine, trying: &Trying<'_>) -> Result<bool> {
    let subjects = trying.subjects();
    let mut tx = engine.pool.begin().await?;
    // Always the address first, then the account: two logins never wait for each other. The
    // account's lock holds for the counter of both, too.
    for subject in subjects.iter().take(2) {
        sqlx::query!(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            subject
        )
        .execute(&mut *tx)
        .await?;
    }
    let (mut tries, now) = counted(&mut tx, &subjects).await?;
    refuse(trying.wait(&tries, now))?;
    sqlx::query!(
        "INSERT INTO login_failures (subject) SELECT unnest($1::text[])",
        &subjects
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    for counter in &mut tries {
        counter.push(now);
    }
    Ok(trying.wait(&tries, now).is_some())
}

/// A success clears what was counted where its owner tried, and takes this one try back
/// elsewhere: it must buy nobody more guesses at this account or at the rest.
pub(super) async fn succeeded(connection: &mut PgConnection, trying: &Trying<'_>) -> Result<()> {
    let subjects = trying.subjects();
    let (shared, own) = match trying {
        Trying::Known { .. } | Trying::Present { .. } => subjects.split_at(0),
        Trying::Stranger { .. } => subjects.split_at(subjects.len().min(2)),
    };
    sqlx::query!("DELETE FROM login_failures WHERE subject = ANY($1)", own)
        .execute(&mut *connection)
        .await?;
    give_back(connection, shared).await
}

/// Clears what strangers used up, since the password is another one now.
pub(super) async fn forget(connection: &mut PgConnection, login: &str) -> Result<()> {
    sqlx::query!(
        "DELETE FROM login_failures
         WHERE subject = ANY(ARRAY['account:' || $1, 'present:' || $1])
            OR starts_with(subject, 'pair:' || $1 || ':')",
        login
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes tries that no longer count. Returns how many.
pub(super) async fn prune(engine: &Engine) -> Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM login_failures WHERE at <= watchbill_now() - make_interval(mins => $1)",
        WINDOW_MINUTES
    )
    .execute(&engine.pool)
    .await?;
    Ok(gone.rows_affected())
}

async fn give_back(connection: &mut PgConnection, subjects: &[String]) -> Result<()> {
    for subject in subjects {
        sqlx::query!(
            "DELETE FROM login_failures WHERE ctid = (
                 SELECT ctid FROM login_failures WHERE subject = $1 ORDER BY at DESC LIMIT 1)",
            subject
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The tries of each subject within the window, oldest first, and the present moment.
async fn counted(
    connection: &mut PgConnection,
    subjects: &[String],
) -> Result<(Vec<Vec<DateTime<Utc>>>, DateTime<Utc>)> {
    let rows = sqlx::query!(
        r#"SELECT array(SELECT f.at FROM login_failures f
                        WHERE f.subject = s.subject
                          AND f.at > watchbill_now() - make_interval(mins => $2)
                        ORDER BY f.at) AS "tries!",
                  watchbill_now() AS "now!"
           FROM unnest($1::text[]) WITH ORDINALITY AS s (subject, position)
           ORDER BY s.position"#,
        subjects,
        WINDOW_MINUTES
    )
    .fetch_all(connection)
    .await?;
    let now = rows.first().map(|row| row.now).unwrap_or_default();
    Ok((rows.into_iter().map(|row| row.tries).collect(), now))
}

fn refuse(wait: Option<TimeDelta>) -> Result<()> {
    let Some(wait) = wait else {
        return Ok(());
    };
    let retry_seconds = wait.num_seconds().max(0).unsigned_abs() + 1;
    let minutes = match retry_seconds.div_ceil(60) {
        0 | 1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    };
    Err(Error::TooMany {
        message: format!("Too many tries went wrong. Try again in {minutes}."),
        retry_seconds,
    })
}

/// Until fewer than `limit` of the tries are within the window.
fn wait(tries: &[DateTime<Utc>], limit: usize, now: DateTime<Utc>) -> Option<TimeDelta> {
    let frees = tries.get(tries.len().checked_sub(limit)?)?;
    Some(*frees + TimeDelta::minutes(WINDOW_MINUTES.into()) - now)
}

/// Whoever has an IPv6 address has a /64 of them: it counts as one.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX));
            format!("{network}/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: Trying<'_> = Trying::Stranger {
        login: Some("approver"),
        address: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    };
    const KNOWN: Trying<'_> = Trying::Known {
        login: "approver",
        device: &[1],
    };

    /// So many tries, the first this many minutes ago and all others a minute ago.
    fn tries(count: usize, minutes: i64) -> Vec<DateTime<Utc>> {
        let ago = |minutes| DateTime::UNIX_EPOCH - TimeDelta::minutes(minutes);
        let mut tries = vec![ago(1); count];
        if let Some(first) = tries.first_mut() {
            *first = ago(minutes);
        }
        tries
    }

    #[test]
    fn each_side_has_its_limit() {
        let minutes = |trying: Trying<'_>, counts: &[(usize, i64)]| {
            let tries: Vec<_> = counts.iter().map(|&(n, first)| tries(n, first)).collect();
            let wait = trying.wait(&tries, DateTime::UNIX_EPOCH);
            wait.map(|wait| wait.num_minutes())
        };
        // Address, account, both together.
        for (counts, expected) in [
            ([(0, 0), (0, 0), (0, 0)], None),
            ([(49, 9), (29, 9), (9, 9)], None),
            ([(50, 9), (0, 0), (0, 0)], Some(6)),
            ([(10, 9), (10, 9), (10, 9)], Some(6)),
            // Strangers used up the account's: an address has its first try all the same,
            ([(0, 0), (229, 9), (0, 0)], None),
            ([(0, 0), (230, 9), (0, 0)], Some(6)),
            // and the next when the account has one again, or its own are past.
            ([(1, 4), (30, 9), (1, 4)], Some(6)),
            ([(1, 4), (79, 9), (1, 4)], Some(11)),
            ([(50, 2), (79, 9), (1, 4)], Some(13)),
        ] {
            assert_eq!(minutes(STRANGER, &counts), expected, "{counts:?}");
        }
        assert_eq!(minutes(KNOWN, &[(9, 9)]), None);
        assert_eq!(minutes(KNOWN, &[(10, 9)]), Some(6));
        let nobody = Trying::Stranger {
            login: None,
            address: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        };
        assert_eq!(minutes(nobody, &[(49, 9)]), None);
        assert_eq!(minutes(nobody, &[(50, 9)]), Some(6));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ] {
            assert_eq!(network(address.parse().unwrap()), expected);
        }
    }
}
