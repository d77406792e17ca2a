//! How attempts end, told apart.

use model::id::TaskId;
use model::identity::Principal;
use model::plan::{EnvironmentValue, PlanTask};
use model::task::{Outcome, TaskState};
use serde_json::Value;
use sqlx::PgPool;

use crate::support::{Worker, argv, shell, with_variable};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn outcomes_are_told_apart(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let locked = tempfile::NamedTempFile::new().unwrap();
    let locked = locked.path().to_str().unwrap();
    let in_folder = |folder: &str| PlanTask {
        working_directory: Some(folder.to_owned()),
        ..argv(&["true"])
    };
    let secret = EnvironmentValue::Secret("NO_SUCH".to_owned());
    let long = "x".repeat(200_000);
    let table = [
        (argv(&["true"]), Outcome::Succeeded, Some(0), None, ""),
        (shell("exit 3"), Outcome::Failed, Some(3), None, "code 3"),
        (
            shell("no-such-command-x"),
            Outcome::NotFound,
            Some(127),
            None,
            "127",
        ),
        (
            argv(&["no-such-command-x"]),
            Outcome::NotFound,
            Some(127),
            None,
            "no-such-command-x was not found",
        ),
        (
            argv(&["./no/such/script"]),
            Outcome::NotFound,
            Some(127),
            None,
            "was not found",
        ),
        (
            shell("kill -SEGV $$"),
            Outcome::Signalled,
            None,
            Some(11),
            "SIGSEGV",
        ),
        (
            shell("kill -KILL $$"),
            Outcome::Signalled,
            None,
            Some(9),
            "SIGKILL",
        ),
        (
            argv(&[locked]),
            Outcome::CouldNotStart,
            None,
            None,
            "may not execute",
        ),
        (
            argv(&["/etc"]),
            Outcome::CouldNotStart,
            None,
            None,
            "may not execute",
        ),
        (
            in_folder("no-such-folder"),
            Outcome::CouldNotStart,
            None,
            None,
            "no-such-folder does not exist",
        ),
        (
            in_folder("/etc/passwd"),
            Outcome::CouldNotStart,
            None,
            None,
            "is not a folder",
        ),
        (
            with_variable(argv(&["true"]), "A", secret),
            Outcome::CouldNotStart,
            None,
            None,
            "the secret NO_SUCH",
        ),
        (
            argv(&["true", &long]),
            Outcome::CouldNotStart,
            None,
            None,
            "could not be started",
        ),
        (argv(&[]), Outcome::CouldNotStart, None, None, "no command"),
    ];
    for (task, outcome, code, signal, reason) in table {
        let work = format!("{:.80?}", task.work);
        let seen = worker.run(task).await;
        assert_eq!(seen.outcome, Some(outcome), "{work}: {:?}", seen.reason);
        assert_eq!((seen.exit_code, seen.signal), (code, signal), "{work}");
        let state = if outcome == Outcome::Succeeded {
            TaskState::Succeeded
        } else {
            TaskState::Failed
        };
        assert_eq!(seen.state, state, "{work}");
        let said = seen.reason.unwrap_or_default();
        assert!(said.contains(reason), "{work}: {said}");
    }
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn arguments_are_data(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let arguments = ["a b", "$(id)", ";", "*", "\"'", "`", "-n", "", "é"];
    let mut all = vec!["printf", "<%s>"];
    all.extend(arguments);
    let seen = worker.run(argv(&all)).await;
    let expected = arguments
        .iter()
        .map(|it| format!("<{it}>"))
        .collect::<Vec<_>>()
        .concat();
    assert_eq!(seen.text(), expected);
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_environment_is_clean_and_the_input_closed(pool: PgPool) {
    let worker = Worker::start(&pool, |settings, _| {
        settings
            .secrets
            .insert("KEY".to_owned(), "the-secret-key".into());
    });
    let task = argv(&["env"]);
    let task = with_variable(task, "PLAIN", EnvironmentValue::Text("text".to_owned()));
    let task = with_variable(task, "KEY", EnvironmentValue::Secret("KEY".to_owned()));
    let task = with_variable(
        task,
        "WATCHBILL_TASK_ID",
        EnvironmentValue::Text("forged".to_owned()),
    );
    let inputs = serde_json::json!({"since": "yesterday", "max-age": 3});
    let id = worker.enqueue_with(task, inputs).await;
    let seen = worker.finished(id).await;
    let text = seen.text();
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        // There only where the machine has a user for steps.
        .filter(|name| !["LOGNAME", "USER"].contains(name))
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "HOME",
            "KEY",
            "LANG",
            "PATH",
            "PLAIN",
            "TZ",
            "WATCHBILL_ARTIFACTS",
            "WATCHBILL_ATTEMPT",
            "WATCHBILL_IDEMPOTENCY_KEY",
            "WATCHBILL_INPUTS",
            "WATCHBILL_INPUT_MAX_AGE",
            "WATCHBILL_INPUT_SINCE",
            "WATCHBILL_MARK",
            "WATCHBILL_REPORT",
            "WATCHBILL_RUN_ID",
            "WATCHBILL_TASK",
            "WATCHBILL_TASK_ID",
            "WATCHBILL_UPSTREAM",
        ]
    );
    for expected in [
        "PLAIN=text",
        "KEY=***",
        "TZ=UTC",
        "WATCHBILL_ATTEMPT=1",
        "WATCHBILL_INPUT_MAX_AGE=3",
        "WATCHBILL_INPUT_SINCE=yesterday",
        "WATCHBILL_TASK=step",
        "WATCHBILL_UPSTREAM={}",
        &format!("WATCHBILL_TASK_ID={id}"),
        &format!("WATCHBILL_IDEMPOTENCY_KEY=watchbill-task-{id}"),
    ] {
        assert!(
            text.lines().any(|line| line == expected),
            "{expected} is not in {text}"
        );
    }

    let seen = worker
        .run(shell(
            "if read x; then echo got $x; else echo closed; fi; ps -o sid=,pgid= $$; echo $$",
        ))
        .await;
    let numbers: Vec<String> = seen
        .text()
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect();
    assert_eq!(numbers[0], "closed");
    assert!(
        numbers[1..].iter().all(|number| *number == numbers[3]),
        "{numbers:?}"
    );
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn as_root_steps_run_as_their_own_user(pool: PgPool) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not root: steps cannot run as another user here");
        return;
    }
    let worker = Worker::start(&pool, |settings, _| {
        settings.steps_user = Some("nobody".to_owned());
    });
    let script = "id -u; id -G; grep NoNewPrivs /proc/self/status; cat /etc/shadow >/dev/null || echo refused
        echo '{\"outputs\": {\"a\": 1}}' > $WATCHBILL_REPORT; echo kept > $WATCHBILL_ARTIFACTS/file
        ln /etc/passwd $WATCHBILL_ARTIFACTS/hard; ls -ld $WATCHBILL_ARTIFACTS; echo said > /dev/stderr; touch $HOME/x";
    let seen = worker.run(shell(script)).await;
    let text = seen.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["65534", "65534"], "{text}");
    assert!(lines[2].ends_with('1'), "{text}");
    assert!(
        text.contains("refused") && text.contains("drwx------") && text.contains("said"),
        "{text}"
    );
    assert_eq!(seen.outputs, Some(serde_json::json!({"a": 1})));
    assert_eq!(seen.artifacts.keys().collect::<Vec<_>>(), ["file"]);
    assert_eq!(seen.outcome, Some(Outcome::Succeeded), "{text}");
    // In a folder that its user may not search, a missing command is still "not found".
    assert_eq!(
        worker.run(argv(&["no-such-command-x"])).await.outcome,
        Some(Outcome::NotFound)
    );
    worker.stop().await;
}

const RELAY: &str = r#"plan: relay
tasks:
  first:
    shell:
      program: sh
      script: printf '{"outputs":{"count":3}}' > "$WATCHBILL_REPORT"
  second:
    needs: [first]
    run: [printenv, WATCHBILL_UPSTREAM]
"#;

/// Without a template, too: steps read it from their environment.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_step_sees_what_the_tasks_before_it_came_to(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let (engine, test) = (&worker.engine, Principal::system("test"));
    let origin = engine::plans::PlanOrigin::Api;
    engine::lifecycle::save(engine, &test, "relay", RELAY, None, origin)
        .await
        .expect("it is a plan");
    engine::lifecycle::start(engine, &test, "relay", serde_json::json!({}))
        .await
        .expect("it starts");
    let second = sqlx::query_scalar("SELECT id FROM tasks WHERE name = 'second'")
        .fetch_one(&pool)
        .await
        .map(TaskId)
        .expect("it waits");
    let seen = worker.finished(second).await;
    let upstream: Value = serde_json::from_str(&seen.text()).expect("JSON");
    assert_eq!(upstream["first"]["status"], "succeeded", "{upstream}");
    assert_eq!(upstream["first"]["outputs"]["count"], 3, "{upstream}");
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn steps_keep_the_limit_of_open_files_that_the_server_raised_for_itself(pool: PgPool) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(700);
    setrlimit(Resource::Nofile, limit).unwrap();
    engine::worker::raise_descriptors();
    assert_eq!(getrlimit(Resource::Nofile).current, limit.maximum);
    let worker = Worker::start(&pool, |_, _| {});
    let seen = worker.run(shell("ulimit -S -n")).await;
    assert_eq!(seen.text(), "700\n");
    worker.stop().await;
}
