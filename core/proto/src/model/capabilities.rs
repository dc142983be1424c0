use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Extra;
use crate::methods::Capability;

/// What a server can do. A member that is there, even as `{}`, is declared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerCapabilities {
    /// It has tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Value>,
    /// It has resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Value>,
    /// It has prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Value>,
    /// Everything else that is declared.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ServerCapabilities {
    /// Whether a capability is declared. A member that is `null` or `false` declares nothing.
    ///
    /// ```
    /// let capabilities = serde_json::json!({"tools": {}, "resources": {"subscribe": true, "listChanged": false}});
    /// let capabilities: oxmcp_proto::model::ServerCapabilities = serde_json::from_value(capabilities).unwrap();
    /// assert!(capabilities.declares(&["tools"]) && capabilities.declares(&["resources", "subscribe"]));
    /// assert!(!capabilities.declares(&["resources", "listChanged"]) && !capabilities.declares(&["logging"]));
    /// ```
    pub fn declares(&self, capability: Capability) -> bool {
        let Some((first, rest)) = capability.split_first() else { return true };
        let declared = match *first {
            "tools" => self.tools.as_ref(),
            "resources" => self.resources.as_ref(),
            "prompts" => self.prompts.as_ref(),
            other => self.extra.get(other),
        };
        let declared = rest.iter().fold(declared, |value, name| value?.get(name));
        !matches!(declared, None | Some(Value::Null | Value::Bool(false)))
    }
}

/// What a client can do. A member that is there, even as `{}`, is declared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCapabilities {
    /// It can ask its user for input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elicitation: Option<Value>,
    /// It can ask a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Value>,
    /// It can tell root directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<Value>,
    /// Everything else that is declared.
    #[serde(flatten)]
    pub extra: Extra,
}
