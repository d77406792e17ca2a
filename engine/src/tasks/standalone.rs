//! What tasks on their own are to do, as it is stored with each of them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use model::plan::PlanTask;
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::types::Json;

use crate::Result;

/// `tasks.definition`, unread.
pub(crate) type StoredDefinition = Json<Box<RawValue>>;

/// Members that are read as empty where they are missing.
const MAY_BE_MISSING: [&str; 9] = [
    "description",
    "needs",
    "uses",
    "when",
    "working_directory",
    "environment",
    "approval",
    "priority",
    "labels",
];

/// The definition as it is stored, without what is empty: half the row of a simple task.
///
/// # Errors
/// Where it cannot be written as JSON.
pub(super) fn to_store(definition: &PlanTask) -> Result<Value> {
    let mut stored = serde_json::to_value(definition).map_err(anyhow::Error::new)?;
    if let Some(members) = stored.as_object_mut() {
        members.retain(|name, member| {
            let is_empty = match member {
                Value::Null => true,
                Value::Number(number) => number.as_i64() == Some(0),
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Bool(_) | Value::Object(_) => false,
            };
            !(is_empty && MAY_BE_MISSING.contains(&name.as_str()))
        });
    }
    Ok(stored)
}

/// Reads definitions. Tasks that were enqueued together mostly have the same, so the last
/// one is remembered.
#[derive(Default)]
pub struct Definitions(Mutex<Option<(Box<RawValue>, Arc<PlanTask>)>>);

impl Definitions {
    /// The definition of the task with this id.
    ///
    /// # Errors
    /// Names the row where there is none, or where it cannot be read.
    pub(crate) fn read(
        &self,
        task: i64,
        stored: Option<&StoredDefinition>,
    ) -> Result<Arc<PlanTask>> {
        let Json(text) =
            stored.with_context(|| format!("tasks.definition of row {task} is missing"))?;
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, definition)) = last.as_ref()
            && known.get() == text.get()
        {
            return Ok(Arc::clone(definition));
        }
        let definition: PlanTask = serde_json::from_str(text.get())
            .with_context(|| format!("tasks.definition of row {task} is not a task"))?;
        let definition = Arc::new(definition);
        *last = Some((text.clone(), Arc::clone(&definition)));
        Ok(definition)
    }
}

#[cfg(test)]
mod tests {
    use model::plan::{EnvironmentValue, EnvironmentVariable, Join, Retries, Work};

    use super::*;

    fn stored(text: &str) -> StoredDefinition {
        Json(RawValue::from_string(text.to_owned()).expect("JSON"))
    }

    #[test]
    fn what_is_stored_is_read_as_it_was() {
        let full = PlanTask {
            description: "why".to_owned(),
            needs: vec!["other".to_owned()],
            uses: vec!["other".to_owned()],
            join: Join::AllDone,
            when: Some("true".to_owned()),
            working_directory: Some("here".to_owned()),
            environment: vec![EnvironmentVariable {
                name: "NAME".to_owned(),
                value: EnvironmentValue::Text(String::new()),
            }],
            timeout_seconds: 1,
            retries: Retries::default(),
            approval: None,
            queue: "other".to_owned(),
            priority: -3,
            labels: vec!["large".to_owned()],
            ..PlanTask::new("full", Work::run(["true"]))
        };
        let empty = PlanTask {
            timeout_seconds: 0,
            queue: String::new(),
            ..PlanTask::new("", Work::run([""; 0]))
        };
        let simple = PlanTask::new("simple", Work::run(["true"]));
        for task in [full, empty, simple] {
            let text = to_store(&task).expect("JSON").to_string();
            let read = Definitions::default().read(1, Some(&stored(&text)));
            assert_eq!(*read.expect("a task"), task, "{text}");
        }
    }

    #[test]
    fn each_task_gets_its_own_definition_whoever_was_read_before() {
        let definitions = Definitions::default();
        let texts: Vec<String> = ["first", "second"]
            .map(|name| PlanTask::new(name, Work::run(["true"])))
            .iter()
            .map(|task| serde_json::to_string(task).expect("JSON"))
            .collect();
        for place in [0, 0, 1, 0, 1, 1] {
            let read = definitions
                .read(7, Some(&stored(&texts[place])))
                .expect("a task");
            assert_eq!(read.name, ["first", "second"][place]);
        }
        let unread = definitions
            .read(8, Some(&stored("{}")))
            .expect_err("no task");
        assert!(format!("{unread:?}").contains("row 8"), "{unread:?}");
        assert!(definitions.read(9, None).is_err());
        let again = definitions
            .read(7, Some(&stored(&texts[0])))
            .expect("a task");
        assert_eq!(again.name, "first");
    }
}
