//! From a claimed task to the command that is started: argv, folder, environment.

use std::path::Path;

use model::plan::Work;
use process::{StepCommand, Walls};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::steps::{Mark, StepsUser, descriptors, mark};
use super::view;
use super::workspace::Workspace;
use crate::Settings;
use crate::plans::template::{self, Rendered, TemplateContext};
use crate::tasks::Claimed;

/// The kernel takes no longer entry than 128 KiB; a larger text goes into a file.
const LONGEST_ENTRY: usize = 96 * 1024;

/// What a step is prepared from, beside its task.
pub struct Surroundings<'a> {
    pub settings: &'a Settings,
    pub workspace: &'a Workspace,
    pub mark: &'a Mark,
    pub user: Option<&'a StepsUser>,
    /// The folder of the files that it uses, if there are any.
    pub uses: Option<&'a Path>,
    /// The search path for programs.
    pub path: &'a str,
    /// What it is walled in by.
    pub walls: Walls,
    /// What templates are filled from, the run's other tasks among it.
    pub context: &'a TemplateContext,
}

/// The command of this attempt.
///
/// # Errors
/// A sentence that says why it cannot be started.
pub fn prepare(claimed: &Claimed, around: &Surroundings<'_>) -> Result<StepCommand, String> {
    let argv = argv(claimed, around.context)?;
    if argv.first().is_none_or(String::is_empty) {
        return Err("it names no command".to_owned());
    }
    if argv.iter().any(|argument| argument.contains('\0')) {
        return Err("an argument of its command holds a NUL character".to_owned());
    }
    let folder = match &claimed.definition.working_directory {
        Some(folder) => view::steps_folder(around.settings).join(folder),
        None => view::steps_folder(around.settings),
    };
    check_folder(&folder)?;
    let limit = descriptors::of_steps();
    Ok(StepCommand {
        argv,
        environment: environment(claimed, around)?,
        user: around.user.map(|user| (user.uid, user.gid)),
        view: view::of(around),
        descriptors: limit.map(|limit| (limit.current, limit.maximum)),
        folder,
    })
}

/// The argv with its templates filled; a shell's script is no template, so that what a
/// step or a person wrote cannot become code.
fn argv(claimed: &Claimed, context: &TemplateContext) -> Result<Vec<String>, String> {
    match &claimed.definition.work {
        Work::Run(_) => {
            template::render_argv(&claimed.definition, context).map_err(|error| error.to_string())
        }
        Work::Shell { program, script } => {
            Ok(vec![program.clone(), "-c".to_owned(), script.clone()])
        }
    }
}

fn check_folder(folder: &Path) -> Result<(), String> {
    match folder.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(format!(
            "its working folder {} is not a folder",
            folder.display()
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(format!(
            "its working folder {} does not exist",
            folder.display()
        )),
        Err(error) => Err(format!(
            "its working folder {} cannot be used: {error}",
            folder.display()
        )),
    }
}

fn environment(
    claimed: &Claimed,
    around: &Surroundings<'_>,
) -> Result<Vec<(String, String)>, String> {
    let mut environment = Environment::default();
    environment.set("PATH", around.path);
    environment.set("HOME", &home(around));
    environment.set("LANG", "C.UTF-8");
    environment.set("TZ", "UTC");
    if let Some(user) = around.user {
        environment.set("USER", &user.name);
        environment.set("LOGNAME", &user.name);
    }
    let given = template::render_environment(&claimed.definition, around.context)
        .map_err(|error| error.to_string())?;
    for (name, value) in given {
        match value {
            Rendered::Text(text) => environment.set(&name, &text),
            Rendered::Secret(secret) => {
                let value = around.settings.secrets.get(&secret).ok_or_else(|| {
                    format!("it needs the secret {secret}, which this worker does not have")
                })?;
                environment.set(&name, value.expose_secret());
            }
        }
    }
    // Last, so that no plan can put something else in their place.
    let lease = claimed.lease;
    environment.set("WATCHBILL_TASK_ID", &lease.task.to_string());
    environment.set("WATCHBILL_TASK", &claimed.name);
    environment.set(
        "WATCHBILL_RUN_ID",
        claimed.run_id.as_deref().unwrap_or_default(),
    );
    environment.set("WATCHBILL_ATTEMPT", &lease.attempt.to_string());
    environment.set("WATCHBILL_IDEMPOTENCY_KEY", &claimed.idempotency_key());
    environment.set(
        "WATCHBILL_REPORT",
        &around.workspace.report().to_string_lossy(),
    );
    environment.set(
        "WATCHBILL_ARTIFACTS",
        &around.workspace.artifacts().to_string_lossy(),
    );
    if let Some(folder) = around.uses {
        environment.set("WATCHBILL_USES", &folder.to_string_lossy());
    }
    if let Some(wanted) = &claimed.changes_wanted {
        environment.set("WATCHBILL_ROUND", &claimed.change_round.to_string());
        environment.set("WATCHBILL_CHANGES", wanted);
    }
    environment.set(mark::VARIABLE, around.mark.as_str());
    if let Value::Object(inputs) = &claimed.inputs {
        for (name, value) in inputs {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other
                @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                    other.to_string()
                }
            };
            environment.set(&format!("WATCHBILL_INPUT_{}", variable_name(name)), &value);
        }
    }
    environment.set_json("WATCHBILL_INPUTS", &claimed.inputs, around)?;
    environment.set_json("WATCHBILL_UPSTREAM", &around.context.tasks, around)?;
    environment.checked()
}

/// A home that the step may write to: its user's, or the attempt's own folder. Behind walls an
/// empty folder of its own stands at that path.
fn home(around: &Surroundings<'_>) -> String {
    view::home(around)
        .unwrap_or_else(|| around.workspace.folder())
        .to_string_lossy()
        .into_owned()
}

/// `max-age` becomes `MAX_AGE`.
fn variable_name(input: &str) -> String {
    input
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}

#[derive(Default)]
struct Environment(Vec<(String, String)>);

impl Environment {
    fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(present, _)| present == name) {
            Some((_, present)) => value.clone_into(present),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The JSON itself, or, where it is too long, a file: `NAME_FILE` has its path.
    fn set_json(
        &mut self,
        name: &str,
        value: &Value,
        around: &Surroundings<'_>,
    ) -> Result<(), String> {
        let text = value.to_string();
        if text.len() <= LONGEST_ENTRY {
            self.set(name, &text);
            return Ok(());
        }
        let path = around
            .workspace
            .write(
                &format!("{}.json", name.to_ascii_lowercase()),
                text.as_bytes(),
            )
            .map_err(|error| format!("its inputs cannot be written to a file: {error}"))?;
        self.set(&format!("{name}_FILE"), &path.to_string_lossy());
        Ok(())
    }

    fn checked(self) -> Result<Vec<(String, String)>, String> {
        for (name, value) in &self.0 {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(format!("its environment has a variable named '{name}'"));
            }
            if value.contains('\0') {
                return Err(format!(
                    "its environment variable {name} holds a NUL character"
                ));
            }
            if value.len() > LONGEST_ENTRY {
                return Err(format!(
                    "its environment variable {name} is longer than 96 KiB"
                ));
            }
        }
        Ok(self.0)
    }
}
