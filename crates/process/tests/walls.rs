//! Attempts of a real launcher, with walls and without, and what a hostile step tries.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::Instant;

use process::{Attempt, Cell, Launcher, Network, NotStarted, StepCommand, View, Walls};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

/// This program is its own launcher.
#[ctor::ctor(unsafe)]
fn enter() {
    process::enter_if_asked();
}

/// The walls that this machine lets us build.
async fn found(launcher: &Launcher) -> Walls {
    let folder = tempfile::tempdir().expect("a folder");
    let found = launcher.find(folder.path(), None).await;
    if let Some(refused) = &found.refused {
        eprintln!("this machine has no walls: {refused}");
    }
    found.walls
}

fn launcher() -> Launcher {
    Launcher::start(None).expect("a launcher")
}

fn shell(script: &str, view: View) -> StepCommand {
    StepCommand {
        argv: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
        folder: "/".into(),
        environment: vec![(
            "PATH".to_owned(),
            "/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        )],
        user: user(),
        view,
        descriptors: None,
    }
}

/// Nobody, where we are root: a step that is root passes all walls.
fn user() -> Option<(u32, u32)> {
    nix::unistd::geteuid().is_root().then_some((65534, 65534))
}

/// A folder for an attempt's `/tmp`.
fn tmp() -> (TempDir, View) {
    let folder = tempfile::tempdir().expect("a folder");
    open(folder.path());
    let view = View {
        own: ["/tmp", "/var/tmp"]
            .map(|place| (folder.path().to_owned(), place.into()))
            .into(),
        ..View::default()
    };
    (folder, view)
}

/// Everyone may write here.
fn open(folder: &Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    std::fs::set_permissions(folder, mode).expect("it is ours");
}

async fn said(attempt: &mut Attempt) -> String {
    let mut output = attempt.output().expect("taken once");
    let mut text = String::new();
    output.read_to_string(&mut text).await.expect("text");
    text
}

/// Runs a script to its end; returns what it said and its code.
async fn run(launcher: &Launcher, walls: Walls, script: &str, view: View) -> (String, i32) {
    let cell = launcher.cell(walls, Network::Host).await.expect("walls");
    let mut attempt = cell.run(shell(script, view)).await.expect("started");
    let text = said(&mut attempt).await;
    let ended = attempt.ended().await.expect("it ended");
    attempt.empty().await;
    (text, ended.status.into_raw())
}

async fn every(launcher: &Launcher) -> Vec<Walls> {
    let mut every = vec![Walls::None, found(launcher).await];
    every.dedup();
    every
}

#[tokio::test]
async fn a_command_says_what_it_says_and_how_it_ended() {
    let launcher = launcher();
    for walls in every(&launcher).await {
        let (_folder, view) = tmp();
        let (text, status) = run(&launcher, walls, "echo out; echo err >&2; exit 3", view).await;
        assert_eq!((text.as_str(), status), ("out\nerr\n", 3 << 8), "{walls:?}");
        let (_folder, view) = tmp();
        let (text, status) = run(&launcher, walls, "kill -TERM $$; echo on", view).await;
        assert_eq!((text.as_str(), status), ("", 15), "{walls:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let launcher = launcher();
    for walls in every(&launcher).await {
        let start = async |change: fn(&mut StepCommand)| {
            let (_folder, view) = tmp();
            let mut command = shell("true", view);
            change(&mut command);
            let cell = launcher.cell(walls, Network::Host).await.expect("walls");
            cell.run(command).await.expect_err("it cannot be")
        };
        let missing = start(|command| command.argv = vec!["no-such-program".to_owned()]).await;
        assert!(
            matches!(&missing, NotStarted::Program(error) if error.kind() == std::io::ErrorKind::NotFound),
            "{missing:?}"
        );
        let nowhere = start(|command| command.folder = "/no/such/folder".into()).await;
        assert!(matches!(nowhere, NotStarted::Folder(_)), "{nowhere:?}");
    }
}

/// Waits until nothing answers to this name any more; the test runner bounds it.
async fn gone(name: &str) {
    while living(name) > 0 {
        tokio::task::yield_now().await;
    }
}

/// How many processes have this argument.
fn living(name: &str) -> usize {
    let has = |process: &process::procfs::Process| {
        let line = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        !process.is_zombie
            && line
                .split(|&byte| byte == 0)
                .any(|part| part == name.as_bytes())
    };
    process::procfs::all()
        .iter()
        .filter(|process| has(process))
        .count()
}

/// A daemon that leaves session, group, parents, environment, folder and descriptors behind.
fn daemon(name: &str) -> String {
    format!(
        "setsid env -i sh -c 'cd /; exec <&- >&- 2>&-; (setsid sleep {name} &) ; exit 0' & \
         while ! pgrep -f '^sleep {name}' >/dev/null; do :; done; echo there"
    )
}

#[tokio::test]
async fn nobody_outlives_an_attempt_beside_another() {
    let launcher = launcher();
    for (walls, name) in every(&launcher).await.into_iter().zip(["86001", "86002"]) {
        let (_folder, view) = tmp();
        let cell = launcher.cell(walls, Network::Host).await.expect("walls");
        let other = cell
            .run(shell("exec sleep 86100", view))
            .await
            .expect("started");
        let (_folder, view) = tmp();
        let cell = launcher.cell(walls, Network::Host).await.expect("walls");
        let mut attempt = cell.run(shell(&daemon(name), view)).await.expect("started");
        attempt.ended().await.expect("it ended");
        assert_eq!(living(name), 1, "{walls:?}");
        attempt.terminate();
        attempt.kill();
        attempt.empty().await;
        assert_eq!(living(name), 0, "{walls:?}");
        assert_eq!(living("86100"), 1, "{walls:?}: the other goes on");
        drop(other);
        gone("86100").await;
    }
}

#[tokio::test]
async fn who_drops_an_attempt_ends_it() {
    let launcher = launcher();
    for (walls, name) in every(&launcher).await.into_iter().zip(["86003", "86004"]) {
        let (_folder, view) = tmp();
        let cell = launcher.cell(walls, Network::Host).await.expect("walls");
        let script = format!("trap '' TERM; {}; sleep 86200", daemon(name));
        let mut attempt = cell.run(shell(&script, view)).await.expect("started");
        let mut first = [0; 6];
        let mut output = attempt.output().expect("its output");
        output.read_exact(&mut first).await.expect("it is there");
        drop(attempt);
        gone(name).await;
        gone("86200").await;
    }
}

#[tokio::test]
async fn a_launcher_that_was_killed_is_started_again() {
    let launcher = launcher();
    for walls in every(&launcher).await {
        let (_folder, view) = tmp();
        let cell = launcher.cell(walls, Network::Host).await.expect("walls");
        let mut before = cell
            .run(shell("read line < $FIFO", view))
            .await
            .expect("started");
        let pid = i32::try_from(launcher.pid()).expect("a pid");
        let process = nix::unistd::Pid::from_raw(pid);
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).expect("killed");
        while process::procfs::read(pid).is_some_and(|process| !process.is_zombie) {
            tokio::task::yield_now().await;
        }
        let (_folder, view) = tmp();
        assert_eq!(run(&launcher, walls, "echo on", view).await.0, "on\n");
        before.kill();
        before.empty().await;
    }
}

#[tokio::test]
async fn walls_hide_other_attempts_and_the_server() {
    let launcher = launcher();
    let walls = found(&launcher).await;
    if walls == Walls::None {
        return;
    }
    let (_folder, view) = tmp();
    let cell = launcher.cell(walls, Network::Host).await.expect("walls");
    let other = cell
        .run(shell("exec sleep 86300", view))
        .await
        .expect("started");
    let (_folder, view) = tmp();
    let script = "ls /proc | grep -c '^[0-9]*$'; pgrep -x sleep | wc -l; kill -STOP -1 2>/dev/null; kill -KILL 1 2>/dev/null; \
                  cat /proc/1/environ 2>/dev/null | wc -c; ls /proc/1/fd 2>&1 | grep -c denied; echo $$ | grep -c '^1$'";
    let (text, _) = run(&launcher, walls, script, view).await;
    // sh, ls and grep are there, with the init.
    assert_eq!(text, "4\n0\n0\n1\n0\n", "{walls:?}");
    assert_eq!(living("86300"), 1);
    drop(other);
}

#[tokio::test]
async fn walls_leave_nothing_writable_but_what_is_named() {
    let launcher = launcher();
    let walls = found(&launcher).await;
    if walls == Walls::None {
        return;
    }
    // Not below what the attempt's own folder covers, where there is such a place.
    let place = if user().is_some() {
        "/srv"
    } else {
        env!("CARGO_TARGET_TMPDIR")
    };
    if place.starts_with("/tmp") || place.starts_with("/var/tmp") {
        eprintln!("skipped: nothing of this build lies outside of {place}");
        return;
    }
    let outside = tempfile::tempdir_in(place).expect("a folder");
    open(outside.path());
    let (named, hidden) = (outside.path().join("named"), outside.path().join("hidden"));
    for folder in [&named, &hidden, &hidden.join("visible")] {
        std::fs::create_dir(folder).expect("a folder");
        open(folder);
    }
    std::fs::write(hidden.join("secret"), "x").expect("a file");
    std::fs::write(hidden.join("visible/file"), "seen").expect("a file");
    std::fs::write("/tmp/watchbill-walls-canary", "x").expect("a file");
    let (folder, mut view) = tmp();
    view.writable = vec![named.clone()];
    view.hidden = vec![hidden.clone()];
    view.visible = vec![hidden.join("visible")];
    let (named, hidden) = (named.display(), hidden.display());
    let script = format!(
        "for f in /etc/x /usr/x /var/x /run/x {hidden}/x {hidden}/visible/x /dev/x; do touch $f 2>/dev/null && echo wrote $f; done; \
         ls {hidden}; cat {hidden}/visible/file; echo; ls /tmp/watchbill-walls-canary 2>/dev/null; ls /var/tmp | grep -v tmp; \
         touch {named}/x /tmp/y /dev/shm/z && echo wrote; mount --bind /etc {named} 2>/dev/null && echo mounted; \
         umount {hidden} 2>/dev/null && echo unmounted; \
         unshare --user --mount sh -c 'umount {hidden}; mount -o remount,rw,bind /; touch /etc/x' 2>/dev/null && echo broke; true"
    );
    let (text, status) = run(&launcher, walls, &script, view).await;
    assert_eq!((text.as_str(), status), ("visible\nseen\nwrote\n", 0));
    assert!(outside.path().join("named/x").exists() && folder.path().join("y").exists());
    assert!(!Path::new("/dev/shm/z").exists());
    std::fs::remove_file("/tmp/watchbill-walls-canary").expect("removed");
}

/// What is hidden is hidden also where a step renames the folder that it stands in.
#[tokio::test]
async fn what_is_hidden_stays_so_by_another_name() {
    let launcher = launcher();
    let walls = found(&launcher).await;
    let place = if user().is_some() {
        "/srv"
    } else {
        env!("CARGO_TARGET_TMPDIR")
    };
    if walls == Walls::None || place.starts_with("/tmp") || place.starts_with("/var/tmp") {
        eprintln!("skipped: no walls here, or nothing that lies outside of /tmp");
        return;
    }
    let outside = tempfile::tempdir_in(place).expect("a folder");
    let data = outside.path().join("share/data");
    std::fs::create_dir_all(&data).expect("folders");
    std::fs::write(data.join("secret"), "x").expect("a file");
    for folder in [outside.path(), &outside.path().join("share"), &data] {
        open(folder);
    }
    let (_folder, mut view) = tmp();
    view.writable = vec![outside.path().to_owned()];
    view.hidden = vec![data];
    let script = format!(
        "cd {}; mv share other 2>/dev/null && echo moved; mv share/data away 2>/dev/null && echo taken; \
         cat */*/secret */secret 2>/dev/null; touch share/beside && echo wrote",
        outside.path().display()
    );
    let (text, _) = run(&launcher, walls, &script, view).await;
    assert_eq!(text, "wrote\n");
}

/// Terminals and keyrings are an attempt's own, or empty.
#[tokio::test]
async fn nothing_is_found_in_terminals_and_keyrings() {
    let launcher = launcher();
    let walls = found(&launcher).await;
    if walls == Walls::None {
        return;
    }
    let script = "python3 - <<'E'
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
master, slave = os.openpty()
print(sorted(os.listdir('/dev/pts')))
for ring in (-4, -5):
    print(c.syscall(250, 10, ring, b'user', b'watchbill-canary', 0) > 0)
for ring in (-4, -5):
    c.syscall(248, b'user', b'watchbill-canary', b'x', 1, ring)
E";
    for _ in 0..2 {
        let (_folder, view) = tmp();
        let (text, _) = run(&launcher, walls, script, view).await;
        if text.is_empty() {
            eprintln!("skipped: there is no python3 here");
            return;
        }
        assert_eq!(text, "['0', 'ptmx']\nFalse\nFalse\n");
    }
}

#[tokio::test]
async fn without_a_network_there_is_a_loopback_alone() {
    let launcher = launcher();
    let walls = found(&launcher).await;
    if walls == Walls::None {
        return;
    }
    let (_folder, view) = tmp();
    let cell = launcher.cell(walls, Network::None).await.expect("walls");
    let script = "cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '; cat /sys/class/net/lo/flags 2>/dev/null; cat /proc/net/route | wc -l";
    let mut attempt = cell.run(shell(script, view)).await.expect("started");
    let text = said(&mut attempt).await;
    assert!(text.starts_with("lo\n"), "{text}");
}

/// Prints what a start costs; asserts nothing of it.
#[tokio::test]
async fn starts_are_measured() {
    let launcher = launcher();
    for walls in every(&launcher).await {
        let (_folder, view) = tmp();
        let mut spent = std::time::Duration::ZERO;
        let rounds = 50;
        for _ in 0..rounds {
            let began = Instant::now();
            let cell: Cell = launcher.cell(walls, Network::Host).await.expect("walls");
            let built = began.elapsed();
            let mut command = shell("", view.clone());
            command.argv = vec!["true".to_owned()];
            let mut attempt = cell.run(command).await.expect("started");
            let ended = attempt.ended().await.expect("it ended");
            attempt.empty().await;
            assert!(ended.status.success());
            spent += began.elapsed();
            if spent == began.elapsed() {
                println!("{walls:?}: built in {built:?}");
            }
        }
        println!(
            "{walls:?}: {:?} a start of `true`, to its end",
            spent / rounds
        );
    }
}
