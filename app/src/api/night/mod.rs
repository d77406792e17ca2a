mod count_waiting;
mod load_night;

pub use count_waiting::count_waiting;
pub use load_night::load_night;
