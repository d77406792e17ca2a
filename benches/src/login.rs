//! Whether the time of a refused login tells which names exist.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine::Engine;
use engine::identity::accounts::{NewAccount, create};
use engine::identity::{LoginAttempt, login};
use model::identity::{Principal, Role};
use secrecy::SecretString;

use crate::database::Database;
use crate::report::{Report, median};

const SAMPLES: usize = 1_000;

pub async fn measure(report: &mut Report) -> Result<()> {
    let engine = Database::fresh("login").await?.engine(2).await?;
    let known = NewAccount {
        login: "known".to_owned(),
        password: SecretString::from("four unrelated words here"),
        roles: vec![Role::Viewer],
        email: None,
    };
    create(&engine, &Principal::system("bench"), &known).await?;
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        // In turn, so that a busy moment of the machine meets both alike.
        wrong.push(refused(&engine, "known").await?);
        unknown.push(refused(&engine, "unknown").await?);
    }
    report.duration(
        "login refused, unknown name; the limit: wrong password",
        median(&mut unknown),
        Some(median(&mut wrong)),
    );
    // Both are sorted by now.
    report.duration(
        "the same, nine of ten are faster",
        unknown[SAMPLES * 9 / 10],
        Some(wrong[SAMPLES * 9 / 10]),
    );
    Ok(())
}

async fn refused(engine: &Engine, name: &str) -> Result<Duration> {
    // Else the limits on wrong tries would answer.
    sqlx::query("DELETE FROM login_failures")
        .execute(&engine.pool)
        .await?;
    let attempt = LoginAttempt {
        login: name.to_owned(),
        password: SecretString::from("not the password of anybody"),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        previous: None,
        user_agent: None,
        device: None,
    };
    let from = Instant::now();
    let answer = login(engine, &attempt).await;
    ensure!(answer.is_err(), "nobody has this password");
    Ok(from.elapsed())
}
