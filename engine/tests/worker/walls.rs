//! What a hostile step tries on others: its neighbours, those after it, and the server.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use engine::Settings;
use engine::lifecycle::cancel;
use engine::settings::WantedWalls;
use model::identity::Principal;
use model::task::Outcome;
use sqlx::PgPool;
use tempfile::TempDir;

use crate::support::{Trace, Worker, shell, until};

/// Both ways of this machine: where it lets us build no walls, they are the same.
const WALLS: [WantedWalls; 2] = [WantedWalls::Auto, WantedWalls::None];

fn worker(pool: &PgPool, walls: WantedWalls, folder: &Path) -> Worker {
    Worker::start(pool, |settings: &mut Settings, options| {
        settings.steps.walls = walls;
        folder.clone_into(&mut settings.steps_folder);
        options.slots = 2;
    })
}

/// A working folder that everybody may write.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).expect("ours");
    folder
}

/// Whether steps see only what is theirs: not where this machine has no namespaces for us.
async fn sees_itself_alone(worker: &Worker) -> bool {
    let seen = worker
        .run(shell("test -d /proc/self && ls -d /proc/[0-9]* | wc -l"))
        .await;
    let processes: usize = seen.text().trim().parse().expect("a number");
    if processes > 6 {
        eprintln!("skipped: this machine lets us build no walls");
    }
    processes <= 6
}

/// A process leaves session, group, parents, environment, folder and descriptors, while another
/// attempt is alive: it ends with its own attempt, and the other goes on.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_hides_in_every_way_ends_with_its_attempt_beside_another(pool: PgPool) {
    for walls in WALLS {
        let folder = folder();
        let worker = worker(&pool, walls, folder.path());
        let (hides, other) = (Trace::new(), Trace::new());
        let neighbour = worker
            .enqueue(other.on(shell("echo there; sleep 300")))
            .await;
        worker.said(neighbour, "there").await;
        // Our trace is all that is left of its environment.
        let script = "(cd /; env -i TRACE=$TRACE setsid bash -c \
                      'exec <&- >&- 2>&-; trap \"\" TERM HUP; sleep 300 & sleep 300; sleep 300' &)
            until [ -n \"$(pgrep -f '^sleep 300')\" ]; do :; done; echo ready";
        let task = worker.enqueue(hides.on(shell(script))).await;
        assert_eq!(
            worker.finished(task).await.outcome,
            Some(Outcome::Succeeded),
            "{walls:?}"
        );
        assert_eq!(hides.living(), [0; 0], "{walls:?}");
        assert!(!other.living().is_empty(), "{walls:?}");
        let person = Principal::system("test");
        cancel(&worker.engine, &person, neighbour, None)
            .await
            .expect("cancelled");
        worker.finished(neighbour).await;
        worker.stop().await;
    }
}

/// Folders that are kept for attempts to come are nobody's: a report that is laid into one, or a
/// link at which a file will be written, would be the next attempt's.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn nothing_is_prepared_for_the_next_attempt(pool: PgPool) {
    for walls in WALLS {
        let folder = folder();
        let worker = worker(&pool, walls, folder.path());
        // The first leaves its folder untouched, so that it is kept.
        worker.run(shell("true")).await;
        // Of this worker alone: beside it other tests' attempts are under way.
        let ours = format!("/tmp/watchbill-step-*-{}-*", std::process::id());
        let script = format!(
            "for d in {ours}/step {ours}; do
            case $WATCHBILL_REPORT in $d/*) continue;; esac
            ln -s /etc/passwd $d/watchbill_upstream.json 2>/dev/null && echo linked $d
            echo '{{\"outputs\": {{\"forged\": 1}}}}' 2>/dev/null > $d/report.json && echo forged $d
        done; true"
        );
        let seen = worker.run(shell(&script)).await;
        if walls == WantedWalls::None && !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: steps are this user, and nothing keeps them apart");
        } else {
            assert!(
                !seen.text().contains("linked"),
                "{walls:?}: {}",
                seen.text()
            );
            assert!(
                !seen.text().contains("forged "),
                "{walls:?}: {}",
                seen.text()
            );
        }
        let next = worker.run(shell("true")).await;
        assert_eq!(next.outputs, None, "{walls:?}");
        worker.stop().await;
    }
}

/// One signal to everybody once stopped the whole server.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_signal_to_everybody_reaches_no_other_attempt(pool: PgPool) {
    let folder = folder();
    let worker = worker(&pool, WantedWalls::Auto, folder.path());
    if !sees_itself_alone(&worker).await {
        return worker.stop().await;
    }
    let stops = worker
        .enqueue(shell(
            "echo on; while :; do kill -STOP -1 2>/dev/null; done",
        ))
        .await;
    worker.said(stops, "on").await;
    for _ in 0..20 {
        let seen = worker.run(shell("exit 0")).await;
        assert_eq!(seen.outcome, Some(Outcome::Succeeded));
    }
    let person = Principal::system("test");
    cancel(&worker.engine, &person, stops, None)
        .await
        .expect("cancelled");
    assert_eq!(
        worker.finished(stops).await.outcome,
        Some(Outcome::Cancelled)
    );
    worker.stop().await;
}

/// Outside its own folders everything is read-only, a home is an attempt's own, and what steps
/// remember is there again.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_step_leaves_nothing_but_where_it_may(pool: PgPool) {
    let folder = folder();
    let worker = worker(&pool, WantedWalls::Auto, folder.path());
    if !sees_itself_alone(&worker).await {
        return worker.stop().await;
    }
    let script = "echo mine > ~/.gitconfig; echo mine > /tmp/left; echo mine > /dev/shm/left; echo kept > here
        for place in /etc /usr /var /var/lib /run /srv /dev /sys; do
            touch $place/watchbill-canary 2>/dev/null && echo wrote $place
        done; true";
    let first = worker.run(shell(script)).await;
    assert_eq!(
        (first.outcome, first.text().as_str()),
        (Some(Outcome::Succeeded), "")
    );
    let script =
        "cat here; ls -A ~ | grep -v '^.local$'; ls -A /tmp | grep left; ls -A /dev/shm; true";
    let second = worker.run(shell(script)).await;
    assert_eq!(second.text(), "kept\n");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("here")).expect("kept"),
        "kept\n"
    );
    worker.stop().await;
}

/// The folder is where the server was started, unless it is named: also a step's then.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_relative_folder_is_the_servers(pool: PgPool) {
    let folder = folder();
    let relative = std::env::current_dir()
        .expect("a folder")
        .ancestors()
        .skip(1)
        .fold(std::path::PathBuf::new(), |path, _| path.join(".."))
        .join(folder.path().strip_prefix("/").expect("absolute"));
    let worker = worker(&pool, WantedWalls::Auto, &relative);
    let seen = worker.run(shell("echo kept > here && cat here")).await;
    assert_eq!(seen.text(), "kept\n", "{:?}", seen.reason);
    assert!(folder.path().join("here").exists());
    worker.stop().await;
}

/// A step that can write where others start puts a link there: it leads into the next one's own
/// folders, and never out of its walls.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_link_as_working_folder_opens_nothing(pool: PgPool) {
    let folder = folder();
    let worker = worker(&pool, WantedWalls::Auto, folder.path());
    if !sees_itself_alone(&worker).await {
        return worker.stop().await;
    }
    for (name, target) in [("tmp", "/tmp"), ("etc", "/etc"), ("out", "/var/tmp")] {
        let link = format!("ln -s {target} {name}");
        assert_eq!(
            worker.run(shell(&link)).await.outcome,
            Some(Outcome::Succeeded)
        );
        let canary = format!("watchbill-canary-{}", std::process::id());
        let mut task = shell(&format!(
            "touch {canary} 2>/dev/null; ls | grep -c watchbill-step; true"
        ));
        task.working_directory = Some(name.to_owned());
        let seen = worker.run(task).await;
        assert_eq!(
            seen.outcome,
            Some(Outcome::Succeeded),
            "{name}: {:?}",
            seen.reason
        );
        let others: usize = seen.text().trim().parse().expect("a number");
        assert!(others <= 1, "{name}: it sees {others} folders of attempts");
        assert!(!Path::new(target).join(&canary).exists(), "{name}");
    }
    worker.stop().await;
}

/// Neither memory nor descriptors of what watches over a step are the step's to look at.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_watches_over_a_step_is_closed_to_it(pool: PgPool) {
    for walls in WALLS {
        let folder = folder();
        let worker = worker(&pool, walls, folder.path());
        let script = "p=$(cut -d' ' -f4 /proc/$$/stat)
            for f in environ mem maps; do head -c1 /proc/$p/$f >/dev/null 2>&1 && echo read $f; done
            ls /proc/$p/fd >/dev/null 2>&1 && echo listed; true";
        let seen = worker.run(shell(script)).await;
        assert_eq!(seen.text(), "", "{walls:?}");
        worker.stop().await;
    }
}

/// Whatever a worker had started ends with it, though nobody tells it to.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_worker_that_is_gone_leaves_no_process(pool: PgPool) {
    for walls in WALLS {
        let folder = folder();
        let worker = worker(&pool, walls, folder.path());
        let trace = Trace::new();
        let script = "trap '' TERM; (setsid sleep 300 &); echo ready; sleep 300; sleep 300";
        let task = worker.enqueue(trace.on(shell(script))).await;
        worker.said(task, "ready").await;
        worker.abandon().await;
        until("all have ended", async || {
            trace.living().is_empty().then_some(())
        })
        .await;
    }
}
