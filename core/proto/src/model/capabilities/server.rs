use serde::{Deserialize, Serialize};

use super::super::Extra;
use super::super::member::declared;
use super::{declares, object_declares};

/// What a server can do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerCapabilities {
    /// It has tools.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolsCapability>,
    /// It has resources.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesCapability>,
    /// It has prompts.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PromptsCapability>,
    /// It proposes values of arguments (2025-03-26 on).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub completions: Option<Extra>,
    /// It sends log messages (deprecated since 2026-07-28).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub logging: Option<Extra>,
    /// It can run requests as tasks (2025-11-25).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub tasks: Option<ServerTasksCapability>,
    /// Extensions and their settings, by their identifiers (2026-07-28).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Extra>,
    /// What no specification says.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub experimental: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ServerCapabilities {
    /// Whether a capability is declared.
    ///
    /// ```
    /// let capabilities = serde_json::json!({"tools": {}, "resources": {"subscribe": true, "listChanged": false}});
    /// let capabilities: oxmcp_proto::model::ServerCapabilities = serde_json::from_value(capabilities).unwrap();
    /// assert!(capabilities.declares(&["tools"]) && capabilities.declares(&["resources", "subscribe"]));
    /// assert!(!capabilities.declares(&["resources", "listChanged"]) && !capabilities.declares(&["logging"]));
    /// ```
    pub fn declares(&self, capability: &[&str]) -> bool {
        let Some((first, path)) = capability.split_first() else { return true };
        match *first {
            "tools" => self.tools.as_ref().is_some_and(|tools| tools.declares(path)),
            "resources" => self.resources.as_ref().is_some_and(|resources| resources.declares(path)),
            "prompts" => self.prompts.as_ref().is_some_and(|prompts| prompts.declares(path)),
            "completions" => object_declares(self.completions.as_ref(), path),
            "logging" => object_declares(self.logging.as_ref(), path),
            "tasks" => self.tasks.as_ref().is_some_and(|tasks| tasks.declares(path)),
            "extensions" => object_declares(self.extensions.as_ref(), path),
            "experimental" => object_declares(self.experimental.as_ref(), path),
            _ => declares(&self.extra, capability),
        }
    }
}

/// How a server has tools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolsCapability {
    /// It tells when the list changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_changed: Option<bool>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ToolsCapability {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["listChanged"] => self.list_changed == Some(true),
            path => declares(&self.extra, path),
        }
    }
}

/// How a server has resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourcesCapability {
    /// It tells when one that was subscribed to changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscribe: Option<bool>,
    /// It tells when the list changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_changed: Option<bool>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ResourcesCapability {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["subscribe"] => self.subscribe == Some(true),
            ["listChanged"] => self.list_changed == Some(true),
            path => declares(&self.extra, path),
        }
    }
}

/// How a server has prompts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptsCapability {
    /// It tells when the list changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_changed: Option<bool>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl PromptsCapability {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["listChanged"] => self.list_changed == Some(true),
            path => declares(&self.extra, path),
        }
    }
}

/// How a server runs requests as tasks (2025-11-25).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTasksCapability {
    /// It answers `tasks/list`.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub list: Option<Extra>,
    /// It answers `tasks/cancel`.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Extra>,
    /// Which requests it runs as tasks.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub requests: Option<ServerTaskRequests>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ServerTasksCapability {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["list", path @ ..] => object_declares(self.list.as_ref(), path),
            ["cancel", path @ ..] => object_declares(self.cancel.as_ref(), path),
            ["requests", path @ ..] => self.requests.as_ref().is_some_and(|requests| requests.declares(path)),
            path => declares(&self.extra, path),
        }
    }
}

/// Which requests a server runs as tasks (2025-11-25).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTaskRequests {
    /// Those of tools.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolTasks>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ServerTaskRequests {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["tools"] => self.tools.is_some(),
            ["tools", "call", path @ ..] => {
                object_declares(self.tools.as_ref().and_then(|tasks| tasks.call.as_ref()), path)
            }
            path => declares(&self.extra, path),
        }
    }
}

/// Which requests of tools a server runs as tasks (2025-11-25).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolTasks {
    /// `tools/call`.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub call: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_to_declare_is_understood() {
        let read = |json| serde_json::from_value::<ServerCapabilities>(json).unwrap();
        let declared = read(json!({
            "tools": true, "resources": {"subscribe": null}, "prompts": {"listChanged": true}, "logging": false,
            "completions": {}, "tasks": {"cancel": {}, "requests": {"tools": {"call": {}}}},
            "extensions": {"io.modelcontextprotocol/tasks": {}, "a.b/off": null},
        }));
        assert!(declared.declares(&["tools"]) && !declared.declares(&["tools", "listChanged"]));
        assert!(declared.declares(&["resources"]) && !declared.declares(&["resources", "subscribe"]));
        assert!(declared.declares(&["prompts", "listChanged"]) && !declared.declares(&["logging"]));
        assert!(
            declared.declares(&["completions"]) && declared.declares(&["tasks", "requests", "tools", "call"])
        );
        assert!(declared.declares(&["tasks", "cancel"]) && !declared.declares(&["tasks", "list"]));
        assert!(declared.declares(&["extensions", "io.modelcontextprotocol/tasks"]));
        assert!(!declared.declares(&["extensions", "a.b/off"]) && !declared.declares(&["experimental"]));
    }
}
