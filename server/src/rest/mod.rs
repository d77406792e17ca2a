//! The REST API.

pub mod error;
pub mod json;

pub use error::ApiError;
pub use json::ApiJson;
