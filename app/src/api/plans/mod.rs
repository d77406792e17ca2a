mod list_plans;
mod load_plan;
mod what_if;

pub use list_plans::list_plans;
pub use load_plan::load_plan;
pub use what_if::ask_what_if;
