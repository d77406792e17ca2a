//! Files that earlier tasks of a run left, as a later one is given them: those of the attempt
//! that counts, and no others than were signed.

use std::collections::BTreeMap;

use anyhow::Context as _;
use model::id::{ApprovalId, AttemptNumber, RunKey, TaskId};
use model::plan::Gate;
use model::task::GatePhase;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::signed::{digest_of, result_of};
use crate::tasks::Claimed;
use crate::tasks::digest::{self, Digest, hex};
use crate::{Engine, Result};

/// A file that an earlier task left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedFile {
    /// Its row in `artifacts`.
    pub id: i64,
    pub task: String,
    /// Below the task's folder, as it was kept.
    pub path: String,
    pub bytes: u64,
    pub sha256: Digest,
}

/// An earlier task that has ended with a result that stands, and what it left.
struct UsedTask {
    id: TaskId,
    name: String,
    attempt: AttemptNumber,
    /// Of its result, as it was recorded.
    recorded: Option<Vec<u8>>,
    /// The request about its result that was approved, and what that was bound to.
    signed: Option<(ApprovalId, Vec<u8>)>,
    files: Vec<UsedFile>,
}

/// The earlier tasks whose files a task finds: those it names, and those it needs whose result
/// is for a person to sign. `gate` and `asked` tell of a needed task which gate its plan has,
/// and if a person was asked about it.
pub(super) fn givers<'a>(
    named: &[String],
    needs: &[String],
    gate: impl Fn(&str) -> Option<&'a Gate>,
    asked: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut givers = named.to_vec();
    for need in needs {
        let gated = match gate(need) {
            Some(gate) => gate.phase == GatePhase::AfterResult,
            // The step itself asked in its report.
            None => asked(need),
        };
        if gated && !givers.contains(need) {
            givers.push(need.clone());
        }
    }
    givers
}

/// The files of the tasks that this one uses, in the order of their names and paths; none where
/// they left none.
///
/// What a person refused, or nobody signed in time, is not among them.
///
/// # Errors
/// The inner one is a sentence: what is stored by now is not what was recorded or signed.
pub async fn used_files(
    engine: &Engine,
    claimed: &Claimed,
) -> Result<std::result::Result<Vec<UsedFile>, String>> {
    let Some(run) = claimed.run.filter(|_| !claimed.uses.is_empty()) else {
        return Ok(Ok(Vec::new()));
    };
    let mut connection = engine.pool.acquire().await?;
    let tasks = used_tasks(&mut connection, run, &claimed.uses).await?;
    let named = &claimed.definition.uses;
    if named.is_empty() && tasks.iter().all(|task| task.files.is_empty()) {
        return Ok(Ok(Vec::new()));
    }
    for task in &tasks {
        if let Some(difference) = difference(&mut connection, task).await? {
            return Ok(Err(difference));
        }
    }
    let gate = claimed.definition.approval.as_ref();
    if !named.is_empty()
        && gate.is_some_and(|gate| gate.phase == GatePhase::BeforeStart)
        && let Some(asked) = asked_about(&mut connection, claimed.lease.task).await?
        && asked != listed(named, &tasks)
    {
        return Ok(Err(
            "the files that it uses are not those that its start was approved with; retry the run, and it is asked again"
                .to_owned(),
        ));
    }
    Ok(Ok(tasks.into_iter().flat_map(|task| task.files).collect()))
}

/// Tells a request before a start of the files that the task names: by task and path their
/// hashes.
pub(super) async fn used_fields(
    connection: &mut PgConnection,
    run: RunKey,
    named: &[String],
) -> Result<Value> {
    let tasks = used_tasks(connection, run, named).await?;
    Ok(listed(named, &tasks))
}

/// One chunk of a file, after the one that is given; `None` past its end.
///
/// # Errors
/// When the database cannot be read.
pub async fn used_chunk(
    engine: &Engine,
    file: &UsedFile,
    after: Option<i32>,
) -> Result<Option<(i32, Vec<u8>)>> {
    let row = sqlx::query!(
        "SELECT seq, content FROM artifact_chunks WHERE artifact_id = $1 AND seq > $2 ORDER BY seq LIMIT 1",
        file.id,
        after.unwrap_or(-1),
    )
    .fetch_optional(&engine.pool)
    .await?;
    Ok(row.map(|row| (row.seq, row.content)))
}

/// The runs among these that have not ended.
///
/// # Errors
/// When the database cannot be read.
pub async fn open_runs(engine: &Engine, runs: &[RunKey]) -> Result<Vec<RunKey>> {
    let ids: Vec<i64> = runs.iter().map(|run| run.0).collect();
    let open = sqlx::query_scalar!(
        "SELECT id FROM runs WHERE id = ANY($1) AND finished_at IS NULL",
        &ids
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(open.into_iter().map(RunKey).collect())
}

/// Those of the named tasks that ended with a result that stands.
///
/// A task that was left out, or fell back to waiting, has the number of an attempt whose result
/// counts no more; its start is forgotten then.
async fn used_tasks(
    connection: &mut PgConnection,
    run: RunKey,
    named: &[String],
) -> Result<Vec<UsedTask>> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.name, t.attempt, a.digest, p.id AS "approval?", p.digest AS "signed?",
                  f.id AS "file?", f.path AS "path?", f.bytes AS "bytes?", f.sha256 AS "sha256?"
           FROM tasks t
           JOIN attempts a ON a.task_id = t.id AND a.number = t.attempt
           LEFT JOIN LATERAL (
               SELECT id, digest FROM approvals
               WHERE task_id = t.id AND attempt = t.attempt AND phase = 'after_result' AND state = 'approved'
               ORDER BY id DESC LIMIT 1
           ) p ON true
           LEFT JOIN artifacts f ON f.task_id = t.id AND f.attempt = t.attempt
           WHERE t.run = $1 AND t.name = ANY($2) AND t.origin = 'native' AND t.state IN ('succeeded', 'failed')
             AND t.started_at IS NOT NULL AND coalesce(t.approval_state, 'approved') = 'approved'
           ORDER BY t.name, f.path"#,
        run.0,
        named
    )
    .fetch_all(connection)
    .await?;
    let mut tasks: Vec<UsedTask> = Vec::new();
    for row in rows {
        let id = TaskId(row.id);
        if tasks.last().is_none_or(|last| last.id != id) {
            tasks.push(UsedTask {
                id,
                name: row.name.clone(),
                attempt: AttemptNumber(row.attempt),
                recorded: row.digest,
                signed: row.approval.map(ApprovalId).zip(row.signed),
                files: Vec::new(),
            });
        }
        let (Some(task), Some(file), Some(path), Some(sha256)) =
            (tasks.last_mut(), row.file, row.path, row.sha256)
        else {
            continue;
        };
        task.files.push(UsedFile {
            id: file,
            task: row.name,
            path,
            bytes: u64::try_from(row.bytes.unwrap_or_default())
                .with_context(|| format!("artifacts.bytes of row {file} is below nothing"))?,
            sha256: digest_of(&sha256, id)?,
        });
    }
    Ok(tasks)
}

/// Compares what is stored with what was signed, or else with what was recorded; a sentence
/// where they differ.
async fn difference(connection: &mut PgConnection, task: &UsedTask) -> Result<Option<String>> {
    let files = task.files.iter();
    let files = files.map(|file| (file.path.clone(), file.sha256)).collect();
    let now = match result_of(connection, task.id, task.attempt, files).await? {
        Some(result) => hex(&digest::of(&result)?),
        None => return Ok(None),
    };
    let name = &task.name;
    let (what, stood) = match (&task.signed, &task.recorded) {
        (Some((approval, signed)), _) => (format!("approval {approval} was for"), hex(signed)),
        (None, Some(recorded)) => ("it left".to_owned(), hex(recorded)),
        (None, None) => return Ok(None),
    };
    Ok((stood != now).then(|| {
        format!(
            "the result of {name}, whose files it uses, is not what it was: {what} sha256:{stood}, and what is there now is sha256:{now}"
        )
    }))
}

/// By name and path the hashes; a task that left nothing, or whose result does not stand, has no
/// files.
fn listed(named: &[String], tasks: &[UsedTask]) -> Value {
    let files = |name: &String| -> BTreeMap<&str, String> {
        let of = tasks.iter().filter(|task| task.name == *name);
        of.flat_map(|task| &task.files)
            .map(|file| (file.path.as_str(), hex(&file.sha256)))
            .collect()
    };
    json!(
        named
            .iter()
            .map(|name| (name, files(name)))
            .collect::<BTreeMap<_, _>>()
    )
}

/// Reads from the signature that let the task start which files it was for; `None` where nobody
/// was asked.
async fn asked_about(connection: &mut PgConnection, task: TaskId) -> Result<Option<Value>> {
    let asked = sqlx::query_scalar!(
        r#"SELECT a.result -> 'uses' AS "uses?"
           FROM approvals a JOIN tasks t ON t.id = a.task_id
           WHERE t.id = $1 AND t.approval_state = 'approved' AND a.phase = 'before_start' AND a.state = 'approved'
           ORDER BY a.id DESC LIMIT 1"#,
        task.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(asked.flatten())
}
