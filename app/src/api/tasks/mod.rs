mod list_tasks;
mod load_task;
mod read_log;

pub use list_tasks::list_tasks;
pub use load_task::load_task;
pub use read_log::read_log;
