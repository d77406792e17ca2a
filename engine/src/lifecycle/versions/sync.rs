//! Plans from the files of a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use model::identity::Principal;

use super::save::{Storing, store_version};
use crate::plans::document::{self, MAX_BYTES, PlanProblem};
use crate::plans::{NewVersions, PlanOrigin};
use crate::{Engine, Error, Result};

/// More files would hold the start up.
const MAX_FILES: usize = 1_000;

/// A file that was not stored, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncProblem {
    pub file: PathBuf,
    pub problem: PlanProblem,
}

impl std::fmt::Display for SyncProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.problem)
    }
}

/// Stores every `*.yaml` and `*.yml` of the folder that changed.
///
/// A faulty file does not hold the others up, and a plan that was stored
/// through the API is never overwritten: both come back as problems. A plan
/// whose file is gone stays as it is. No folder means no plans.
///
/// # Errors
/// Where the folder cannot be listed or the database cannot be used.
pub async fn sync_folder(engine: &Engine, folder: &Path) -> Result<Vec<SyncProblem>> {
    let principal = Principal::system("plans folder");
    let trusted = engine.settings.plans_files == NewVersions::Effective || is_first(engine).await?;
    let mut problems = Vec::new();
    let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in files(folder).await? {
        let outcome = store(engine, &principal, &file, trusted, &mut seen).await?;
        problems.extend(outcome.into_iter().map(|problem| SyncProblem {
            file: file.clone(),
            problem,
        }));
    }
    Ok(problems)
}

async fn store(
    engine: &Engine,
    principal: &Principal,
    file: &Path,
    trusted: bool,
    seen: &mut BTreeMap<String, PathBuf>,
) -> Result<Vec<PlanProblem>> {
    let text = match read(file).await {
        Ok(text) => text,
        Err(message) => return Ok(vec![whole(message)]),
    };
    let plan = match document::parse(&text) {
        Ok(plan) => plan,
        Err(problems) => return Ok(problems),
    };
    if let Some(other) = seen.insert(plan.name.clone(), file.to_owned()) {
        return Ok(vec![whole(format!(
            "the plan {} is in {} as well; keep one of the files",
            plan.name,
            other.display()
        ))]);
    }
    let storing = Storing {
        name: &plan.name,
        text: &text,
        expected_version: None,
        origin: PlanOrigin::File,
        trusted,
    };
    match store_version(engine, principal, &storing).await {
        Ok(_) => Ok(Vec::new()),
        Err(Error::Conflict(message)) => Ok(vec![whole(message)]),
        Err(other) => Err(other),
    }
}

/// Tells if no plan was ever stored here: the files of the first start are how it is set up.
async fn is_first(engine: &Engine) -> Result<bool> {
    let stored = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM plan_versions) AS "stored!""#)
        .fetch_one(&engine.pool)
        .await?;
    Ok(!stored)
}

/// The plan files, in the order of their names.
async fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(anyhow::Error::new(error)
                .context(format!(
                    "the plans folder {} cannot be listed",
                    folder.display()
                ))
                .into());
        }
    };
    let mut files = Vec::new();
    while let Some(entry) = entries
        .next_entry()
        .await
        .with_context(|| format!("the plans folder {} cannot be listed", folder.display()))?
    {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let yaml = path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml");
        if yaml && !hidden && path.is_file() && files.len() < MAX_FILES {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

async fn read(file: &Path) -> std::result::Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the file cannot be read: {error}");
    let bytes = tokio::fs::metadata(file).await.map_err(unreadable)?.len();
    if bytes > MAX_BYTES as u64 {
        return Err(format!(
            "the file is {bytes} bytes long; at most {MAX_BYTES} are read"
        ));
    }
    let content = tokio::fs::read(file).await.map_err(unreadable)?;
    String::from_utf8(content).map_err(|_| "the file is not UTF-8; save it as UTF-8".to_owned())
}

fn whole(message: String) -> PlanProblem {
    PlanProblem {
        line: 1,
        column: 1,
        path: String::new(),
        message,
    }
}
