//! What tasks on their own are to do, as it is stored with each of them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use model::plan::PlanTask;
use serde_json::value::RawValue;
use sqlx::types::Json;

use crate::Result;

/// `tasks.definition`, unread.
pub(crate) type StoredDefinition = Json<Box<RawValue>>;

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
    use model::plan::Work;

    use super::*;

    fn stored(text: &str) -> StoredDefinition {
        Json(RawValue::from_string(text.to_owned()).expect("JSON"))
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
