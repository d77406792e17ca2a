use serde::{Deserialize, Serialize};

use crate::id::ArtifactId;
use crate::visible::FileText;

/// A file of a result that is shown as a patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchText {
    pub artifact: ArtifactId,
    pub path: String,
    /// All of it, unless some is left out at its end.
    pub text: FileText,
    /// How many bytes at its end are not in the text; 0 where it is whole.
    pub left_out: u64,
}

/// The result of an earlier task that a start is signed with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NeededResult {
    pub task: String,
    /// SHA-256 in hexadecimal, as it is signed; none where the task left no result.
    pub digest: Option<String>,
    /// None where it told none, and where the result of that digest is not kept any more.
    pub outputs: Option<serde_json::Value>,
    pub outputs_uri: Option<String>,
}
