//! The data of errors of revision 2026-07-28.

use serde::{Deserialize, Serialize};

use super::{ClientCapabilities, Extra};

/// The data of a `MissingRequiredClientCapability` error (`-32021`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MissingCapabilityData {
    /// What the client would have had to declare.
    pub required_capabilities: ClientCapabilities,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The data of an `UnsupportedProtocolVersion` error (`-32022`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnsupportedVersionData {
    /// The revisions the server speaks.
    pub supported: Vec<String>,
    /// The revision the request asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}
