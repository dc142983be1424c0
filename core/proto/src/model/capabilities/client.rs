use serde::{Deserialize, Serialize};

use super::super::Extra;
use super::super::member::declared;
use super::{declares, object_declares};

/// What a client can do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCapabilities {
    /// It can tell root directories (deprecated since 2026-07-28).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub roots: Option<RootsCapability>,
    /// It can ask a model (deprecated since 2026-07-28).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub sampling: Option<SamplingCapability>,
    /// It can ask its user for input (2025-06-18 on).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub elicitation: Option<ElicitationCapability>,
    /// It can run requests as tasks (2025-11-25).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub tasks: Option<ClientTasksCapability>,
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

impl ClientCapabilities {
    /// Whether a capability is declared. An `elicitation` that names no mode means forms (2025-11-25, elicitation, "Capabilities").
    ///
    /// ```
    /// let capabilities = serde_json::json!({"elicitation": {}, "sampling": {"tools": {}}, "extensions": {"a.b/c": {}}});
    /// let capabilities: oxmcp_proto::model::ClientCapabilities = serde_json::from_value(capabilities).unwrap();
    /// assert!(capabilities.declares(&["elicitation", "form"]) && !capabilities.declares(&["elicitation", "url"]));
    /// assert!(capabilities.declares(&["sampling", "tools"]) && capabilities.declares(&["extensions", "a.b/c"]));
    /// assert!(!capabilities.declares(&["sampling", "context"]) && !capabilities.declares(&["roots"]));
    /// ```
    pub fn declares(&self, capability: &[&str]) -> bool {
        let Some((first, path)) = capability.split_first() else { return true };
        match *first {
            "roots" => self.roots.as_ref().is_some_and(|roots| roots.declares(path)),
            "sampling" => self.sampling.as_ref().is_some_and(|sampling| sampling.declares(path)),
            "elicitation" => self.elicitation.as_ref().is_some_and(|elicitation| elicitation.declares(path)),
            "tasks" => self.tasks.as_ref().is_some_and(|tasks| tasks.declares(path)),
            "extensions" => object_declares(self.extensions.as_ref(), path),
            "experimental" => object_declares(self.experimental.as_ref(), path),
            _ => declares(&self.extra, capability),
        }
    }
}

/// How a client tells root directories.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RootsCapability {
    /// It tells when they change (through 2025-11-25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_changed: Option<bool>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl RootsCapability {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["listChanged"] => self.list_changed == Some(true),
            path => declares(&self.extra, path),
        }
    }
}

/// How a client asks a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SamplingCapability {
    /// It can add the context of servers: `includeContext` (2025-11-25 on, deprecated).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub context: Option<Extra>,
    /// The model can use tools: `tools` and `toolChoice` (2025-11-25 on).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub tools: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SamplingCapability {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["context", path @ ..] => object_declares(self.context.as_ref(), path),
            ["tools", path @ ..] => object_declares(self.tools.as_ref(), path),
            path => declares(&self.extra, path),
        }
    }
}

/// How a client asks its user for input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElicitationCapability {
    /// With a form. If no mode is named, forms are meant.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub form: Option<Extra>,
    /// With a page to visit (2025-11-25 on).
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub url: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ElicitationCapability {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["form"] => self.form.is_some() || self.url.is_none(),
            ["form", path @ ..] => object_declares(self.form.as_ref(), path),
            ["url", path @ ..] => object_declares(self.url.as_ref(), path),
            path => declares(&self.extra, path),
        }
    }
}

/// How a client runs requests as tasks (2025-11-25).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientTasksCapability {
    /// It answers `tasks/list`.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub list: Option<Extra>,
    /// It answers `tasks/cancel`.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Extra>,
    /// Which requests it runs as tasks.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub requests: Option<ClientTaskRequests>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ClientTasksCapability {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["list", path @ ..] => object_declares(self.list.as_ref(), path),
            ["cancel", path @ ..] => object_declares(self.cancel.as_ref(), path),
            ["requests", path @ ..] => self.requests.as_ref().is_some_and(|requests| requests.declares(path)),
            path => declares(&self.extra, path),
        }
    }
}

/// Which requests a client runs as tasks (2025-11-25).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientTaskRequests {
    /// Those of sampling.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub sampling: Option<SamplingTasks>,
    /// Those of elicitation.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub elicitation: Option<ElicitationTasks>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ClientTaskRequests {
    fn declares(&self, path: &[&str]) -> bool {
        match path {
            ["sampling"] => self.sampling.is_some(),
            ["sampling", "createMessage", path @ ..] => {
                object_declares(self.sampling.as_ref().and_then(|tasks| tasks.create_message.as_ref()), path)
            }
            ["elicitation"] => self.elicitation.is_some(),
            ["elicitation", "create", path @ ..] => {
                object_declares(self.elicitation.as_ref().and_then(|tasks| tasks.create.as_ref()), path)
            }
            path => declares(&self.extra, path),
        }
    }
}

/// Which requests of sampling a client runs as tasks (2025-11-25).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SamplingTasks {
    /// `sampling/createMessage`.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub create_message: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Which requests of elicitation a client runs as tasks (2025-11-25).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElicitationTasks {
    /// `elicitation/create`.
    #[serde(default, deserialize_with = "declared", skip_serializing_if = "Option::is_none")]
    pub create: Option<Extra>,
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
        let read = |json| serde_json::from_value::<ClientCapabilities>(json).unwrap();
        let loose = read(
            json!({"sampling": true, "roots": false, "elicitation": null, "own": {"a": true, "b": false}}),
        );
        assert!(loose.declares(&["sampling"]) && !loose.declares(&["sampling", "tools"]));
        assert!(!loose.declares(&["roots"]) && !loose.declares(&["elicitation"]));
        assert!(loose.declares(&["own", "a"]) && !loose.declares(&["own", "b"]));

        let modes = |json| {
            let read = read(json!({"elicitation": json}));
            (read.declares(&["elicitation", "form"]), read.declares(&["elicitation", "url"]))
        };
        assert_eq!(modes(json!({})), (true, false));
        assert_eq!(modes(json!({"form": {}})), (true, false));
        assert_eq!(modes(json!({"url": {}})), (false, true));
        assert_eq!(modes(json!({"form": {}, "url": {}})), (true, true));

        let tasks =
            read(json!({"tasks": {"list": {}, "requests": {"elicitation": {"create": {}}, "sampling": {}}}}));
        assert!(tasks.declares(&["tasks", "list"]) && !tasks.declares(&["tasks", "cancel"]));
        assert!(tasks.declares(&["tasks", "requests", "elicitation", "create"]));
        assert!(!tasks.declares(&["tasks", "requests", "sampling", "createMessage"]));
        let odd = read(json!({"sampling": "yes", "roots": {"listChanged": "true"}, "extensions": []}));
        assert!(
            odd.declares(&["sampling"])
                && odd.declares(&["roots"])
                && !odd.declares(&["roots", "listChanged"])
        );
    }
}
