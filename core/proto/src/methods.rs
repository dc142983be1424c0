//! The table of all methods. Capability checks, HTTP headers, documentation and tests read it; no other place lists
//! methods.

use crate::version::ProtocolVersion;
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
    /// Either.
    Both,
}

/// A capability as it is declared: the path of members in the capabilities object.
pub type Capability = &'static [&'static str];

/// What the table says of one method.
#[derive(Clone, Copy, Debug)]
pub struct MethodInfo {
    /// The method.
    pub method: Method,
    /// Its name on the wire.
    pub name: &'static str,
    /// Request or notification.
    pub kind: Kind,
    /// Who sends it.
    pub sender: Sender,
    /// What the server must have declared, if anything.
    pub server_capability: Option<Capability>,
    /// What the client must have declared, if anything.
    pub client_capability: Option<Capability>,
    /// The first revision that has it.
    pub since: ProtocolVersion,
    /// The last revision that has it.
    pub until: ProtocolVersion,
    /// Whether its results may be cached (2026-07-28, `CacheableResult`).
    pub cacheable: bool,
    /// Whether it may be answered with `input_required` (2026-07-28, MRTR).
    pub may_require_input: bool,
    /// The member of `params` that HTTP mirrors in `Mcp-Name`.
    pub name_param: Option<&'static str>,
}

macro_rules! methods {
    ($($variant:ident $name:literal $kind:ident from $sender:ident $since:ident..$until:ident
        $({ $($field:ident: $value:expr),* $(,)? })?;)*) => {
        /// A method that the spec has, in whichever revision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        cacheable: false,
        may_require_input: false,
        name_param: None,
    }
}

methods! {
    Initialize "initialize" Request from Client V2024_11_05..V2025_11_25;
    Initialized "notifications/initialized" Notification from Client V2024_11_05..V2025_11_25;
    Discover "server/discover" Request from Client V2026_07_28..V2026_07_28 { cacheable: true };
    Ping "ping" Request from Both V2024_11_05..V2025_11_25;
    Cancelled "notifications/cancelled" Notification from Both V2024_11_05..V2026_07_28;
    Progress "notifications/progress" Notification from Both V2024_11_05..V2026_07_28;
    ListTools "tools/list" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["tools"]), cacheable: true };
    CallTool "tools/call" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["tools"]), may_require_input: true, name_param: Some("name") };
    ToolListChanged "notifications/tools/list_changed" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["tools", "listChanged"]) };
    ListResources "resources/list" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources"]), cacheable: true };
    ListResourceTemplates "resources/templates/list" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources"]), cacheable: true };
    ReadResource "resources/read" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources"]), cacheable: true, may_require_input: true, name_param: Some("uri") };
    SubscribeResource "resources/subscribe" Request from Client V2024_11_05..V2025_11_25
        { server_capability: Some(&["resources", "subscribe"]) };
    UnsubscribeResource "resources/unsubscribe" Request from Client V2024_11_05..V2025_11_25
        { server_capability: Some(&["resources", "subscribe"]) };
    ResourceListChanged "notifications/resources/list_changed" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources", "listChanged"]) };
    ResourceUpdated "notifications/resources/updated" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["resources", "subscribe"]) };
    ListPrompts "prompts/list" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["prompts"]), cacheable: true };
    GetPrompt "prompts/get" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["prompts"]), may_require_input: true, name_param: Some("name") };
    PromptListChanged "notifications/prompts/list_changed" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["prompts", "listChanged"]) };
    Complete "completion/complete" Request from Client V2024_11_05..V2026_07_28
        { server_capability: Some(&["completions"]) };
    SetLogLevel "logging/setLevel" Request from Client V2024_11_05..V2025_11_25
        { server_capability: Some(&["logging"]) };
    LogMessage "notifications/message" Notification from Server V2024_11_05..V2026_07_28
        { server_capability: Some(&["logging"]) };
    Listen "subscriptions/listen" Request from Client V2026_07_28..V2026_07_28;
    SubscriptionAcknowledged "notifications/subscriptions/acknowledged" Notification from Server
        V2026_07_28..V2026_07_28;
    ListRoots "roots/list" Request from Server V2024_11_05..V2025_11_25 { client_capability: Some(&["roots"]) };
    RootsListChanged "notifications/roots/list_changed" Notification from Client V2024_11_05..V2025_11_25
        { client_capability: Some(&["roots", "listChanged"]) };
    CreateMessage "sampling/createMessage" Request from Server V2024_11_05..V2025_11_25
        { client_capability: Some(&["sampling"]) };
    Elicit "elicitation/create" Request from Server V2025_06_18..V2025_11_25
        { client_capability: Some(&["elicitation"]) };
    ElicitationComplete "notifications/elicitation/complete" Notification from Server V2025_11_25..V2025_11_25
        { client_capability: Some(&["elicitation", "url"]) };
    GetTask "tasks/get" Request from Both V2025_11_25..V2025_11_25;
    TaskResult "tasks/result" Request from Both V2025_11_25..V2025_11_25;
    ListTasks "tasks/list" Request from Both V2025_11_25..V2025_11_25;
    CancelTask "tasks/cancel" Request from Both V2025_11_25..V2025_11_25;
    TaskStatus "notifications/tasks/status" Notification from Both V2025_11_25..V2025_11_25;
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

    /// What the server must have declared in a revision, if anything.
    pub fn server_capability(self, version: ProtocolVersion) -> Option<Capability> {
        match self {
            // Completion is older than its capability (2025-03-26, "Key Changes").
            Self::Complete if version == V2024_11_05 => None,
            _ => self.info().server_capability,
        }
    }

    /// Whether a revision has it.
    pub fn is_in(self, version: ProtocolVersion) -> bool {
        let info = self.info();
        info.since <= version && version <= info.until
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
    }
}
