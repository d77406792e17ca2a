mod list_runs;
mod load_run;

pub use list_runs::list_runs;
pub use load_run::load_run;
