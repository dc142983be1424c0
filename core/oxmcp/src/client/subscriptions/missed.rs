use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{Notification, RawJson};
use oxmcp_proto::model::{Extra, SubscribeParams};

use crate::client::inbound::Inbound;

/// The lists of a server, by their capability, each with what tells that it changed.
const LISTS: [(&str, Method); 3] = [
    ("tools", Method::ToolListChanged),
    ("resources", Method::ResourceListChanged),
    ("prompts", Method::PromptListChanged),
];

/// What a client keeps of a server that may change.
const KEPT: [Method; 5] = [
    Method::ListTools,
    Method::ListPrompts,
    Method::ListResources,
    Method::ListResourceTemplates,
    Method::ReadResource,
];

impl Inbound {
    /// Takes everything to have changed of which the server would have told, had it been listened to: what was kept is forgotten, and
    /// whoever wants to hear of changes does.
    pub(in crate::client) fn missed(&self) {
        let Some(client) = self.client() else { return };
        client.inner.cache.forget(&KEPT);
        client.inner.catalog.clear();
        self.lists_changed(|list| client.capabilities().declares(&[list, "listChanged"]));
        for uri in client.inner.listening.agreed() {
            let params = RawJson::of(&SubscribeParams { uri, meta: None, extra: Extra::new() }).ok();
            self.notified(Notification { method: Method::ResourceUpdated.into(), params });
        }
    }

    /// Takes those lists to have changed for which `may_have` says so by their capability.
    pub(in crate::client) fn lists_changed(&self, may_have: impl Fn(&str) -> bool) {
        for (list, method) in LISTS {
            if may_have(list) {
                self.notified(Notification { method: method.into(), params: None });
            }
        }
    }
}
