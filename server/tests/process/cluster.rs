//! The private database: shared, stopped by the last to leave, up again after a kill.

use nix::sys::signal::{Signal, kill};

use crate::support::{Home, until};

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_it_and_the_last_one_stops_it() {
    let home = Home::new();
    let (mut first, mut second) = (home.serve(), home.serve());
    assert_eq!(first.status("/ready"), Some(200), "{}", home.log());
    assert_eq!(second.status("/ready"), Some(200));
    let postmaster = home.postmaster();
    assert!(first.terminate().success());
    assert_eq!(
        second.status("/ready"),
        Some(200),
        "the other one still uses it"
    );
    assert_eq!(home.postmaster(), postmaster, "it is the same server");
    assert!(second.terminate().success());
    assert_eq!(home.postmaster(), None, "the last one stopped it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_user_is_not_counted_and_a_killed_database_comes_back() {
    let home = Home::new();
    let (mut first, mut second) = (home.serve(), home.serve());
    first.kill();
    let postmaster = home.postmaster().expect("it runs");
    kill(postmaster, Signal::SIGKILL).expect("killed");
    let ((), took) = until("the database to come back", async || {
        (second.status("/ready") == Some(200)
            && home.postmaster().is_some_and(|pid| pid != postmaster))
        .then_some(())
    })
    .await;
    println!("the database was back after {took:?}");
    assert!(second.terminate().success(), "{}", home.log());
    assert_eq!(home.postmaster(), None, "the killed one was not waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_killed_and_started_again() {
    let home = Home::new();
    let mut first = home.serve();
    let postmaster = home.postmaster().expect("it runs");
    first.kill();
    kill(postmaster, Signal::SIGKILL).expect("killed");
    let mut second = home.serve();
    assert_eq!(second.status("/ready"), Some(200), "{}", home.log());
    assert!(second.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_restored_and_nothing_is_overwritten_unasked() {
    let home = Home::new();
    let mut served = home.serve();
    let password = home.data().join("admin-password");
    let mode = std::fs::metadata(&password)
        .map(|file| std::os::unix::fs::PermissionsExt::mode(&file.permissions()));
    assert_eq!(mode.expect("it was written") & 0o777, 0o600);
    let secret = std::fs::read_to_string(&password).expect("readable by us");
    assert!(
        !home.log().contains(secret.trim()),
        "no log has the password"
    );
    let file = home.data().join("a.dump");
    let run = |verb: &str, more: &[&str]| {
        let output = home
            .command(verb)
            .arg(&file)
            .args(more)
            .output()
            .expect("it runs");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (done, said) = run("backup", &[]);
    assert!(done, "beside a running server: {said}");
    assert!(!run("backup", &[]).0, "a file that exists stays");
    let (done, said) = run("restore", &["--replace"]);
    assert!(!done && said.contains("stop watchbill"), "{said}");
    assert!(served.terminate().success());
    let (done, said) = run("restore", &[]);
    assert!(!done && said.contains("--replace"), "{said}");
    let (done, said) = run("restore", &["--replace"]);
    assert!(done, "{said}");
    let (engine, cluster) = home.engine().await;
    let principal = model::identity::Principal::system("test");
    let accounts = engine::identity::accounts::list(&engine, &principal)
        .await
        .expect("a list");
    assert_eq!(accounts[0].login, "admin");
    engine.pool.close().await;
    cluster.leave().await;
}
