//! The table of all methods. Capability checks, HTTP headers, documentation and tests read it; no other place lists
//! methods.

use crate::version::{Era, ProtocolVersion};
use ProtocolVersion::{V2024_11_05, V2025_06_18, V2025_11_25, V2026_07_28};

/// Whether a method wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It does.
    Request,
    /// It does not.
    Notification,
}

/// Who sends a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Either. Of the capabilities that such a method needs, a request wants the receiver's and a notification the sender's.
    Both,
}

/// A capability as it is declared: the path of members in the capabilities object.
pub type Capability = &'static [&'static str];

/// The extension of tasks (2026-07-28).
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// What both sides declare for an extension.
const TASKS_EXTENSION_CAPABILITY: Option<Capability> = Some(&["extensions", TASKS_EXTENSION]);

/// The experimental tasks of 2025-11-25.
const TASKS: Option<Capability> = Some(&["tasks"]);

/// What the table says of one method.
#[derive(Clone, Copy, Debug)]
pub struct MethodInfo {
    /// The method.
    pub method: Method,
    /// Its name on the wire.
    pub name: &'static str,
    /// Request or notification.
    pub kind: Kind,
    /// Who sends it; [`Method::sender`] knows where revisions differ.
    pub sender: Sender,
    /// What the server must have declared, if anything; [`Method::server_capability`] knows where revisions differ.
    pub server_capability: Option<Capability>,
    /// What the client must have declared, if anything; [`Method::client_capability`] knows where revisions differ.
    pub client_capability: Option<Capability>,
    /// The first revision that has it.
    pub since: ProtocolVersion,
    /// The last revision that has it.
    pub until: ProtocolVersion,
    /// The extension that brings it to revisions of the stateless era, if one does. Both sides must have declared it.
    pub extension: Option<&'static str>,
    /// The first revision in which a server asks for it inside of an answer (2026-07-28, MRTR), if there is one.
    pub input_since: Option<ProtocolVersion>,
    /// Whether its results may be cached (2026-07-28, `CacheableResult`).
    pub cacheable: bool,
    /// Whether it may be answered with `input_required` (2026-07-28, MRTR).
    pub may_require_input: bool,
    /// The member of `params` that HTTP mirrors in `Mcp-Name`.
    pub name_param: Option<&'static str>,
    /// Whether a request may be made again when nobody knows what came of it: done twice, it is as if it were done once.
    pub repeatable: bool,
}

macro_rules! methods {
    ($($variant:ident $name:literal $kind:ident from $sender:ident $since:ident..$until:ident
        $({ $($field:ident: $value:expr),* $(,)? })?;)*) => {
        /// A method that the spec has, in whichever revision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Method {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        /// Every method, in the order of [`Method`]'s variants.
        pub static METHODS: &[MethodInfo] = &[$(
            #[allow(clippy::needless_update)]
            MethodInfo { $($($field: $value,)*)? ..row(Method::$variant, $name, Kind::$kind, Sender::$sender, $since, $until) },
        )*];

        impl Method {
            /// Looks a name up; the case matters.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

const fn row(
    method: Method,
    name: &'static str,
    kind: Kind,
    sender: Sender,
    since: ProtocolVersion,
    until: ProtocolVersion,
) -> MethodInfo {
    MethodInfo {
        method,
        name,
        kind,
        sender,
        server_capability: None,
        client_capability: None,
        since,
        until,
        extension: None,
        input_since: None,
        cacheable: false,
        may_require_input: false,
        name_param: None,
        repeatable: false,
    }
}

methods! {
    Initialize "initialize" Request from Client V2024_11_05..V2025_11_25;
    Initialized "notifications/initialized" Notification from Client V2024_11_05..V2025_11_25;
    Discover "server/discover" Request from Client V2026_07_28..V2026_07_28 { cacheable: true, repeatable: true };
    Ping "ping" Request from Both V2024_11_05..V2025_11_25 { repeatable: true };
    Cancelled "notifications/cancelled" Notification from Both V2024_11_05..V2026_07_28;
    Progress "notifications/progress" Notification from Both V2024_11_05..V2026_07_28;
    ListTools "tools/list" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["tools"]), cacheable: true, repeatable: true };
    CallTool "tools/call" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["tools"]), may_require_input: true, name_param: Some("name") };
    ToolListChanged "notifications/tools/list_changed" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["tools", "listChanged"]) };
    ListResources "resources/list" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources"]), cacheable: true, repeatable: true };
    ListResourceTemplates "resources/templates/list" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources"]), cacheable: true, repeatable: true };
    ReadResource "resources/read" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources"]), cacheable: true, may_require_input: true, name_param: Some("uri"), repeatable: true };
    SubscribeResource "resources/subscribe" Request from Client V2024_11_05..V2025_11_25
        { server_capability: Some(&["resources", "subscribe"]), repeatable: true };
    UnsubscribeResource "resources/unsubscribe" Request from Client V2024_11_05..V2025_11_25
        { server_capability: Some(&["resources", "subscribe"]), repeatable: true };
    ResourceListChanged "notifications/resources/list_changed" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources", "listChanged"]) };
    ResourceUpdated "notifications/resources/updated" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources", "subscribe"]) };
    ListPrompts "prompts/list" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["prompts"]), cacheable: true, repeatable: true };
    GetPrompt "prompts/get" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["prompts"]), may_require_input: true, name_param: Some("name"), repeatable: true };
    PromptListChanged "notifications/prompts/list_changed" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["prompts", "listChanged"]) };
    Complete "completion/complete" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["completions"]), repeatable: true };
    SetLogLevel "logging/setLevel" Request from Client V2024_11_05..V2025_11_25
        { server_capability: Some(&["logging"]), repeatable: true };
    LogMessage "notifications/message" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["logging"]) };
    Listen "subscriptions/listen" Request from Client V2026_07_28..V2026_07_28;
    SubscriptionAcknowledged "notifications/subscriptions/acknowledged" Notification from Server
        V2026_07_28..V2026_07_28;
    ListRoots "roots/list" Request from Server V2024_11_05..V2025_11_25
        { client_capability: Some(&["roots"]), input_since: Some(V2026_07_28) };
    RootsListChanged "notifications/roots/list_changed" Notification from Client V2024_11_05..V2025_11_25
        { client_capability: Some(&["roots", "listChanged"]) };
    CreateMessage "sampling/createMessage" Request from Server V2024_11_05..V2025_11_25
        { client_capability: Some(&["sampling"]), input_since: Some(V2026_07_28) };
    Elicit "elicitation/create" Request from Server V2025_06_18..V2025_11_25
        { client_capability: Some(&["elicitation"]), input_since: Some(V2026_07_28) };
    ElicitationComplete "notifications/elicitation/complete" Notification from Server V2025_11_25..V2025_11_25
        { client_capability: Some(&["elicitation", "url"]) };
    GetTask "tasks/get" Request from Both V2025_11_25..V2026_07_28
        { server_capability: TASKS, client_capability: TASKS, extension: Some(TASKS_EXTENSION), name_param: Some("taskId"), repeatable: true };
    TaskResult "tasks/result" Request from Both V2025_11_25..V2025_11_25
        { server_capability: TASKS, client_capability: TASKS, repeatable: true };
    ListTasks "tasks/list" Request from Both V2025_11_25..V2025_11_25
        { server_capability: Some(&["tasks", "list"]), client_capability: Some(&["tasks", "list"]), repeatable: true };
    UpdateTask "tasks/update" Request from Client V2026_07_28..V2026_07_28
        { extension: Some(TASKS_EXTENSION), name_param: Some("taskId") };
    CancelTask "tasks/cancel" Request from Both V2025_11_25..V2026_07_28
        { server_capability: Some(&["tasks", "cancel"]), client_capability: Some(&["tasks", "cancel"]),
          extension: Some(TASKS_EXTENSION), name_param: Some("taskId") };
    TaskStatus "notifications/tasks/status" Notification from Both V2025_11_25..V2025_11_25
        { server_capability: TASKS, client_capability: TASKS };
    TaskUpdated "notifications/tasks" Notification from Server V2026_07_28..V2026_07_28
        { extension: Some(TASKS_EXTENSION) };
}

impl Method {
    /// What the table says of it.
    pub fn info(self) -> &'static MethodInfo {
        &METHODS[self as usize]
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Who sends it in a revision.
    pub fn sender(self, version: ProtocolVersion) -> Sender {
        match self {
            // A stateless server is asked and does not ask (2026-07-28, progress; extension tasks).
            Self::Progress if version.era() == Era::Stateless => Sender::Server,
            Self::GetTask | Self::CancelTask if version.era() == Era::Stateless => Sender::Client,
            _ => self.info().sender,
        }
    }

    /// What the server must have declared in a revision, if anything.
    pub fn server_capability(self, version: ProtocolVersion) -> Option<Capability> {
        match self {
            // Completion is older than its capability (2025-03-26, "Key Changes").
            Self::Complete if version == V2024_11_05 => None,
            _ => self.extension_capability(version).or(self.info().server_capability),
        }
    }

    /// What the client must have declared in a revision, if anything.
    pub fn client_capability(self, version: ProtocolVersion) -> Option<Capability> {
        self.extension_capability(version).or(self.info().client_capability)
    }

    fn extension_capability(self, version: ProtocolVersion) -> Option<Capability> {
        match self.info().extension {
            Some(TASKS_EXTENSION) if version.era() == Era::Stateless => TASKS_EXTENSION_CAPABILITY,
            _ => None,
        }
    }

    /// Whether a revision has it as a message, by itself or with an extension.
    pub fn is_in(self, version: ProtocolVersion) -> bool {
        let info = self.info();
        info.since <= version && version <= info.until
    }

    /// Whether a server may ask for it inside of an answer in a revision (2026-07-28, MRTR).
    ///
    /// ```
    /// use oxmcp_proto::{Method, ProtocolVersion};
    ///
    /// assert!(Method::Elicit.is_input_request_in(ProtocolVersion::V2026_07_28));
    /// assert!(!Method::Elicit.is_input_request_in(ProtocolVersion::V2025_11_25));
    /// assert!(!Method::CallTool.is_input_request_in(ProtocolVersion::V2026_07_28));
    /// ```
    pub fn is_input_request_in(self, version: ProtocolVersion) -> bool {
        self.info().input_since.is_some_and(|since| since <= version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_method_looks_for_them() {
        for info in METHODS {
            assert_eq!(info.method.info().name, info.name);
            assert_eq!(Method::from_name(info.name), Some(info.method));
            assert!(info.since <= info.until);
        }
        assert_eq!(Method::from_name("Tools/call"), None);
    }

    #[test]
    fn a_revision_has_the_methods_of_its_era() {
        assert!(Method::Ping.is_in(ProtocolVersion::V2025_03_26) && !Method::Ping.is_in(V2026_07_28));
        assert!(Method::Discover.is_in(V2026_07_28) && !Method::Discover.is_in(V2025_11_25));
        assert!(!Method::Elicit.is_in(ProtocolVersion::V2025_03_26) && Method::Elicit.is_in(V2025_06_18));
        assert!(Method::UpdateTask.is_in(V2026_07_28) && !Method::TaskResult.is_in(V2026_07_28));
    }

    #[test]
    fn tasks_are_a_capability_in_one_revision_and_an_extension_in_the_next() {
        let extension: Capability = &["extensions", "io.modelcontextprotocol/tasks"];
        for method in [Method::GetTask, Method::UpdateTask, Method::CancelTask, Method::TaskUpdated] {
            assert_eq!(method.server_capability(V2026_07_28), Some(extension));
            assert_eq!(method.client_capability(V2026_07_28), Some(extension));
        }
        let cancel: Capability = &["tasks", "cancel"];
        assert_eq!(Method::CancelTask.client_capability(V2025_11_25), Some(cancel));
        assert_eq!(Method::CancelTask.sender(V2025_11_25), Sender::Both);
        assert_eq!(Method::CancelTask.sender(V2026_07_28), Sender::Client);
        assert_eq!(Method::CallTool.client_capability(V2026_07_28), None);
    }
}
