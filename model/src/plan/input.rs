use serde::{Deserialize, Serialize};

/// A typed value that whoever starts a run may give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InputDefinition {
    /// `[a-z][a-z0-9_]{0,63}`.
    pub name: String,
    pub description: String,
    pub kind: InputKind,
    pub required: bool,
    /// Used where nobody gives one; of the declared kind.
    pub default: Option<serde_json::Value>,
}

/// What an input may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    String,
    Integer,
    Number,
    Boolean,
    /// One of these texts.
    Choice(Vec<String>),
}
