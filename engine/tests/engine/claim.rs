//! Invariant 1: a claim takes at most its limit, and a task has at most one live lease.

use std::collections::HashSet;

use engine::lifecycle::claim;
use engine::tasks::{NewTask, enqueue};
use model::identity::Principal;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{engine, task, worker};

async fn fill(engine: &engine::Engine, count: usize) {
    let tasks: Vec<NewTask> = (0..count)
        .map(|_| NewTask {
            definition: task("noop", &[]),
            inputs: serde_json::json!({}),
        })
        .collect();
    enqueue(engine, &Principal::system("test"), &tasks)
        .await
        .expect("the tasks are made");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_limit_holds_under_every_plan(_: PgPoolOptions, options: PgConnectOptions) {
    let setup = engine(PgPool::connect_with(options.clone()).await.expect("a pool"));
    fill(&setup, 400).await;
    for switched_off in [
        "hashjoin",
        "mergejoin",
        "nestloop",
        "material",
        "indexscan",
        "seqscan",
    ] {
        let forced = options
            .clone()
            .options([(format!("enable_{switched_off}"), "off")]);
        let engine = engine(PgPool::connect_with(forced).await.expect("a pool"));
        let claimed = claim(&engine, &worker(&engine), 1).await.expect("a claim");
        assert_eq!(claimed.len(), 1, "with enable_{switched_off} off");
        let claimed = claim(&engine, &worker(&engine), 7).await.expect("a claim");
        assert_eq!(claimed.len(), 7, "with enable_{switched_off} off");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn many_claimers_never_share_a_task(pool: PgPool) {
    let engine = engine(pool);
    fill(&engine, 640).await;
    let claimers = (0..64).map(|_| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let worker = worker(&engine);
            let mut mine = Vec::new();
            for _ in 0..5 {
                mine.extend(claim(&engine, &worker, 2).await.expect("a claim"));
            }
            mine
        })
    });
    let mut seen = HashSet::new();
    for claimer in claimers.collect::<Vec<_>>() {
        for claimed in claimer.await.expect("the claimer ends") {
            assert!(
                seen.insert(claimed.lease.task),
                "{:?} was claimed twice",
                claimed.lease
            );
        }
    }
    // SKIP LOCKED may pass rows over, so what is left is claimed by one more.
    let rest = claim(&engine, &worker(&engine), 640)
        .await
        .expect("a claim");
    assert_eq!(seen.len() + rest.len(), 640);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_urgent_go_first_and_labels_are_respected(pool: PgPool) {
    let engine = engine(pool);
    let mut urgent = task("urgent", &[]);
    urgent.priority = 5;
    let mut plain = task("plain", &[]);
    plain.labels = vec!["gpu".to_owned()];
    let tasks = [plain, urgent].map(|definition| NewTask {
        definition,
        inputs: serde_json::json!({}),
    });
    enqueue(&engine, &Principal::system("test"), &tasks)
        .await
        .expect("the tasks are made");
    let names = |claimed: Vec<engine::tasks::Claimed>| -> Vec<String> {
        claimed.into_iter().map(|claimed| claimed.name).collect()
    };
    let plain_worker = worker(&engine);
    assert_eq!(
        names(claim(&engine, &plain_worker, 9).await.expect("a claim")),
        ["urgent"]
    );
    let mut gpu_worker = worker(&engine);
    gpu_worker.labels = vec!["gpu".to_owned()];
    assert_eq!(
        names(claim(&engine, &gpu_worker, 9).await.expect("a claim")),
        ["plain"]
    );
}
