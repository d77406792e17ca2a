use model::plan::{EnvironmentValue, EnvironmentVariable, Join, PlanTask, Retries, RetryOn, Work};

use super::super::duration;
use super::super::ordered::Ordered;
use super::super::source::Step;
use super::super::types::{
    EnvironmentDocument, JoinWord, RetriesDocument, RetryOnWord, ShellDocument, TaskDocument,
};
use super::{Findings, approval, at, key, names, nth};
use crate::plans::{condition, template};

/// More would not be read by anyone.
const MAX_TASKS: usize = 1_000;
const MAX_TIMEOUT_SECONDS: u64 = 7 * 24 * 60 * 60;
const MAX_ARGUMENTS: usize = 1_000;

pub(super) fn check(findings: &mut Findings, documents: Ordered<TaskDocument>) -> Vec<PlanTask> {
    let path = [key("tasks")];
    if documents.0.is_empty() {
        findings.add(&path, "a plan needs at least one task");
    }
    if documents.0.len() > MAX_TASKS {
        findings.add(
            &path,
            format!("the plan has {} tasks; at most {MAX_TASKS} are allowed, so split it into several plans", documents.0.len()),
        );
        return Vec::new();
    }
    documents
        .0
        .into_iter()
        .map(|(name, document)| one(findings, &at(&path, &name), name, document))
        .collect()
}

fn one(findings: &mut Findings, path: &[Step], name: String, document: TaskDocument) -> PlanTask {
    findings.take(path, names::name("a task's name", &name));
    let description = document.description.unwrap_or_default();
    findings.take(&at(path, "description"), names::description(&description));
    if let Some(when) = &document.when {
        findings.take(&at(path, "when"), condition::check_task(when));
    }
    if document.join.is_some() && document.needs.is_empty() {
        findings.add(
            &at(path, "join"),
            "'join' says how needed tasks must have ended; add 'needs' or remove it",
        );
    }
    let queue = document
        .queue
        .unwrap_or_else(|| PlanTask::DEFAULT_QUEUE.to_owned());
    findings.take(&at(path, "queue"), names::name("a queue's name", &queue));
    let priority = document.priority.unwrap_or(0);
    if !(-1_000..=1_000).contains(&priority) {
        findings.add(
            &at(path, "priority"),
            "a priority is a number from -1000 to 1000",
        );
    }
    labels(findings, &at(path, "labels"), &document.labels);
    if let Some(folder) = &document.working_directory {
        findings.take(&at(path, "working_directory"), relative(folder));
    }
    PlanTask {
        name,
        description,
        needs: document.needs,
        uses: document.uses,
        join: join(document.join),
        when: document.when,
        work: work(findings, path, document.run, document.shell),
        working_directory: document.working_directory,
        environment: environment(findings, &at(path, "environment"), document.environment),
        timeout_seconds: timeout(findings, &at(path, "timeout"), document.timeout.as_deref()),
        retries: document.retries.map_or_else(Retries::default, |retries| {
            self::retries(findings, &at(path, "retries"), retries)
        }),
        approval: document
            .approval
            .map(|gate| approval::check(findings, &at(path, "approval"), gate)),
        queue,
        priority,
        labels: document.labels,
    }
}

fn work(
    findings: &mut Findings,
    path: &[Step],
    run: Option<Vec<String>>,
    shell: Option<ShellDocument>,
) -> Work {
    match (run, shell) {
        (Some(argv), None) => {
            let path = at(path, "run");
            if argv.len() > MAX_ARGUMENTS {
                findings.add(
                    &path,
                    format!("a command has at most {MAX_ARGUMENTS} arguments"),
                );
            }
            match argv.first() {
                None => findings.add(&path, "the command is empty; write a program and its arguments, such as [scripts/check, --strict]"),
                Some(program) if program.trim().is_empty() => {
                    findings.add(&nth(&path, 0), "the program's name is empty");
                }
                Some(program) if argv.len() == 1 && program.contains(' ') && !program.contains("{{") => findings.add(
                    &nth(&path, 0),
                    "no shell splits this into words; write each argument as an element of its own, such as [ls, -l], or use 'shell'",
                ),
                Some(_) => {}
            }
            for (index, argument) in argv.iter().enumerate() {
                findings.take(&nth(&path, index), template::check(argument));
            }
            Work::Run(argv)
        }
        (None, Some(shell)) => {
            let path = at(path, "shell");
            if shell.program.is_empty() || shell.program.contains(char::is_whitespace) {
                findings.add(
                    &at(&path, "program"),
                    "name a shell, such as bash or /bin/sh, without arguments",
                );
            }
            if shell.script.trim().is_empty() {
                findings.add(&at(&path, "script"), "the script is empty");
            }
            Work::Shell {
                program: shell.program,
                script: shell.script,
            }
        }
        (Some(_), Some(_)) => {
            findings.add(
                path,
                "a task has either 'run' or 'shell'; make two tasks of it",
            );
            Work::Run(Vec::new())
        }
        (None, None) => {
            findings.add(
                path,
                "a task needs 'run', such as [scripts/check, --strict], or 'shell'",
            );
            Work::Run(Vec::new())
        }
    }
}

fn environment(
    findings: &mut Findings,
    path: &[Step],
    documents: Ordered<EnvironmentDocument>,
) -> Vec<EnvironmentVariable> {
    if documents.0.len() > 200 {
        findings.add(path, "a task has at most 200 variables");
        return Vec::new();
    }
    documents
        .0
        .into_iter()
        .map(|(name, value)| {
            let path = at(path, &name);
            findings.take(&path, names::variable("a variable's name", &name));
            if name.starts_with("WATCHBILL_") {
                findings.add(&path, "variables that start with WATCHBILL_ are set by Watchbill; choose another name");
            }
            let value = match value {
                EnvironmentDocument::Text(text) => {
                    findings.take(&path, template::check(&text));
                    EnvironmentValue::Text(text)
                }
                EnvironmentDocument::Secret(secret) => {
                    findings.take(&at(&path, "secret"), names::variable("a secret's name", &secret.secret));
                    EnvironmentValue::Secret(secret.secret)
                }
            };
            EnvironmentVariable { name, value }
        })
        .collect()
}

fn retries(findings: &mut Findings, path: &[Step], document: RetriesDocument) -> Retries {
    let defaults = Retries::default();
    if document.max > 100 {
        findings.add(&at(path, "max"), "at most 100 retries");
    }
    let mut seconds = |name: &str, text: Option<String>, default: u64| {
        text.map_or(default, |text| {
            findings
                .take(&at(path, name), duration::seconds(&text))
                .unwrap_or(default)
        })
    };
    let backoff_seconds = seconds("backoff", document.backoff, defaults.backoff_seconds);
    let ceiling_seconds = seconds(
        "ceiling",
        document.ceiling,
        defaults.ceiling_seconds.max(backoff_seconds),
    );
    if ceiling_seconds < backoff_seconds {
        findings.add(
            &at(path, "ceiling"),
            "the ceiling is shorter than the first pause; make it at least as long as 'backoff'",
        );
    }
    if ceiling_seconds > MAX_TIMEOUT_SECONDS {
        findings.add(&at(path, "ceiling"), "no pause is longer than 7d");
    }
    Retries {
        max: document.max,
        backoff_seconds,
        ceiling_seconds,
        on: document
            .on
            .map_or(defaults.on, |on| on.into_iter().map(retry_on).collect()),
    }
}

fn timeout(findings: &mut Findings, path: &[Step], text: Option<&str>) -> u64 {
    let Some(text) = text else {
        return PlanTask::DEFAULT_TIMEOUT_SECONDS;
    };
    match findings.take(path, duration::seconds(text)) {
        Some(seconds) if (1..=MAX_TIMEOUT_SECONDS).contains(&seconds) => seconds,
        Some(_) => {
            findings.add(path, "a timeout is between 1s and 7d");
            PlanTask::DEFAULT_TIMEOUT_SECONDS
        }
        None => PlanTask::DEFAULT_TIMEOUT_SECONDS,
    }
}

fn labels(findings: &mut Findings, path: &[Step], labels: &[String]) {
    if labels.len() > 16 {
        findings.add(path, "a task has at most 16 labels");
    }
    for (index, label) in labels.iter().enumerate() {
        findings.take(&nth(path, index), names::name("a label", label));
    }
}

fn relative(folder: &str) -> Result<(), String> {
    if folder.is_empty() || folder.starts_with('/') || folder.split('/').any(|part| part == "..") {
        Err("write a folder relative to the one in which steps run, without '..', such as site/public".to_owned())
    } else {
        Ok(())
    }
}

fn join(word: Option<JoinWord>) -> Join {
    word.map_or(Join::default(), |word| match word {
        JoinWord::AllSucceeded => Join::AllSucceeded,
        JoinWord::AllDone => Join::AllDone,
        JoinWord::AnySucceeded => Join::AnySucceeded,
    })
}

fn retry_on(word: RetryOnWord) -> RetryOn {
    match word {
        RetryOnWord::Failure => RetryOn::Failure,
        RetryOnWord::Timeout => RetryOn::Timeout,
        RetryOnWord::Signal => RetryOn::Signal,
        RetryOnWord::NotFound => RetryOn::NotFound,
    }
}
