use std::sync::Arc;

use oxmcp_proto::jsonrpc::RawJson;

use super::known_tool::KnownTool;
use crate::Error;

/// A result that breaks the `outputSchema` that its tool had when it was listed.
pub(in crate::client) struct Doubt {
    pub(in crate::client) result: RawJson,
    pub(super) tool: Arc<KnownTool>,
    pub(super) name: String,
    pub(in crate::client) error: Error,
}
