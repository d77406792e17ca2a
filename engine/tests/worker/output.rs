//! What a step says: live, masked, capped, byte for byte.

use model::task::Outcome;
use sqlx::PgPool;

use crate::support::{Worker, argv, shell};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn both_streams_stand_in_the_order_in_which_they_were_written(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let seen = worker
        .run(shell(
            "for n in 1 2 3 4 5; do echo out $n; echo err $n >&2; done",
        ))
        .await;
    let expected = (1..=5)
        .map(|n| format!("out {n}\nerr {n}\n"))
        .collect::<Vec<_>>()
        .concat();
    assert_eq!(seen.text(), expected);
    assert_eq!(seen.output_bytes, 60);
    assert_eq!(seen.excerpt.unwrap(), expected.trim_end());
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_flood_is_capped_and_the_exit_code_kept(pool: PgPool) {
    let worker = Worker::start(&pool, |settings, _| settings.log_cap_bytes = 1 << 20);
    for (flood, bytes) in [
        ("head -c 100000000 /dev/zero | tr '\\0' x", 100_000_000),
        ("yes flood | head -n 10000000", 60_000_000),
    ] {
        let script = format!("echo start; {flood}; echo; echo end; exit 7");
        let seen = worker.run(shell(&script)).await;
        assert_eq!(
            (seen.outcome, seen.exit_code),
            (Some(Outcome::Failed), Some(7))
        );
        assert_eq!(seen.output_bytes, bytes + 11);
        assert_eq!(seen.omitted_bytes, bytes + 11 - (1 << 20));
        let (head, tail) = (&seen.log[..40], &seen.log[seen.log.len() - 40..]);
        let ends = format!("{} … {}", head.escape_ascii(), tail.escape_ascii());
        assert!(
            head.starts_with(b"start\n") && tail.ends_with(b"\nend\n"),
            "{ends}"
        );
        assert!(seen.log.len() < (1 << 20) + 100, "{}", seen.log.len());
        let excerpt = seen.excerpt.unwrap();
        assert!(excerpt.starts_with("start") && excerpt.ends_with("end") && excerpt.len() <= 2_000);
    }
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_address_is_found_behind_a_progress_bar_and_in_what_the_cap_leaves_out(pool: PgPool) {
    let worker = Worker::start(&pool, |settings, _| settings.log_cap_bytes = 1 << 12);
    let script = "bar() { i=0; while [ $i -lt 2000 ]; do printf '%s%%\\r' $i; i=$((i + 1)); done; }
        bar; printf 'outputs_uri=https://h/pull/9\\r'; bar; bar; echo 'the end'";
    let seen = worker.run(shell(script)).await;
    assert!(seen.omitted_bytes > 0 && !seen.text().contains("outputs_uri"));
    assert_eq!(seen.outputs_uri.as_deref(), Some("https://h/pull/9"));
    assert_eq!(seen.excerpt.as_deref(), Some("the end"));
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_secret_is_masked_though_split_over_two_writes(pool: PgPool) {
    let worker = Worker::start(&pool, |settings, _| {
        settings
            .secrets
            .insert("KEY".to_owned(), "correct-horse".into());
    });
    let script = "printf 'a correct-'; sleep 0.4; echo horse b; printf correct-horse | base64
        echo outputs_uri=https://h/?k=correct-horse
        echo '{\"outputs\": {\"k\": \"correct-horse\"}, \"summary\": \"correct-horse\"}' > $WATCHBILL_REPORT";
    let seen = worker.run(shell(script)).await;
    assert_eq!(seen.text(), "a *** b\n***\noutputs_uri=https://h/?k=***\n");
    assert_eq!(seen.outputs_uri.as_deref(), Some("https://h/?k=***"));
    assert_eq!(seen.outputs, Some(serde_json::json!({"k": "***"})));
    assert!(!seen.excerpt.unwrap().contains("horse"));
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn bytes_that_are_no_text_survive(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let seen = worker.run(argv(&["printf", "a\\377\\000b\\n"])).await;
    assert_eq!(seen.log, b"a\xff\0b\n");
    assert_eq!(seen.excerpt.as_deref(), Some("a\u{fffd}b"));
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_page_can_follow_while_the_step_runs(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let flag = tempfile::NamedTempFile::new().unwrap();
    let path = flag.path().to_owned();
    let script = format!(
        "echo first; while [ -e {} ]; do sleep 0.02; done; echo last",
        path.display()
    );
    let task = worker.enqueue(shell(&script)).await;
    worker.said(task, "first").await;
    drop(flag);
    assert_eq!(worker.finished(task).await.text(), "first\nlast\n");
    worker.stop().await;
}
