mod list_deliveries;

pub use list_deliveries::list_deliveries;
