//! The nightly plan as a newcomer meets it: prepared at the first start, signed, applied.

use std::path::Path;
use std::process::Command;

use engine::Engine;
use engine::lifecycle::{Channel, Decide, decide};
use model::approval::Verdict;
use model::id::{AccountId, ApprovalId, TaskId};
use model::identity::{Principal, PrincipalKind, Role};
use model::view::TaskDetail;

use crate::support::{Home, look, until};

/// The task of this name, once it is there.
async fn task(engine: &Engine, name: &str) -> Option<TaskDetail> {
    let id: i64 = sqlx::query_scalar("SELECT id FROM tasks WHERE name = $1")
        .bind(name)
        .fetch_optional(&engine.pool)
        .await
        .ok()??;
    look(engine, TaskId(id)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nightly_repair_is_prepared_signed_and_applied() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let runs = |program| Command::new(program).arg("--version").output().is_ok();
    if !checkout.join(".git").exists() || !runs("git") || !runs("node") {
        eprintln!("skipped: the demonstration needs a git checkout, git and node");
        return;
    }
    let home = Home::new();
    let mut served = home.serve_checkout(checkout);
    let (engine, cluster) = home.engine().await;
    let (waiting, _) = until("the repair to wait for a signature", async || {
        sqlx::query_as::<_, (i64, i64)>(
            "SELECT p.id, a.id FROM approvals p, accounts a
             WHERE p.task_name = 'dx.integrate' AND p.state = 'pending' AND a.login = 'admin'",
        )
        .fetch_optional(&engine.pool)
        .await
        .ok()?
    })
    .await;
    let admin = Principal {
        kind: PrincipalKind::Session {
            account: AccountId(waiting.1),
        },
        name: "admin".to_owned(),
        roles: vec![Role::Admin],
    };
    let looked_at: Vec<u8> = sqlx::query_scalar("SELECT digest FROM approvals WHERE id = $1")
        .bind(waiting.0)
        .fetch_one(&engine.pool)
        .await
        .expect("a digest");
    let prepared = task(&engine, "dx.integrate").await.expect("it waits");
    let yes = Decide {
        approval: ApprovalId(waiting.0),
        digest: Some(looked_at.try_into().expect("32 bytes")),
        verdict: Verdict::Approve,
        note: None,
        inputs: None,
        channel: Channel::Api,
    };
    decide(&engine, &admin, &yes).await.expect("it is signed");
    let (applied, _) = until("the repair to be applied", async || {
        let task = task(&engine, "dx.apply").await?;
        task.row.state.is_finished().then_some(task)
    })
    .await;
    assert_eq!(
        applied.row.state.as_str(),
        "succeeded",
        "{:?}: {:?}",
        applied.row.reason,
        applied.row.log_excerpt
    );
    let outputs = |task: &TaskDetail, name: &str| {
        let outputs = task.outputs.clone().unwrap_or_default();
        outputs[name].as_str().map(str::to_owned)
    };
    let (signed, done) = (
        outputs(&prepared, "patch_sha256"),
        outputs(&applied, "patch_sha256"),
    );
    assert!(signed.is_some() && signed == done, "{signed:?} {done:?}");

    served.terminate();
    engine.pool.close().await;
    cluster.leave().await;
    // Run as root it stands where the steps' user can work, and not in the home.
    if let Some(repository) = outputs(&prepared, "repository").map(std::path::PathBuf::from)
        && let Some(folder) = repository.parent()
        && folder.starts_with("/var/lib/watchbill-demonstration")
    {
        std::fs::remove_dir_all(folder).expect("it is removed");
    }
}
