mod list_plans;
mod load_plan;

pub use list_plans::list_plans;
pub use load_plan::load_plan;
