use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oxmcp_proto::methods::Capability;

use super::List;
use super::prompts::RegisteredPrompt;
use super::registry::Registry;
use super::resources::{RegisteredResource, RegisteredTemplate};
use super::subscriptions::{Hub, Kinds};
use super::tools::Tools;

/// What a server has for its clients. It may change while the server runs.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) tools: Tools,
    pub(super) resources: Registry<RegisteredResource>,
    pub(super) templates: Registry<RegisteredTemplate>,
    pub(super) prompts: Registry<RegisteredPrompt>,
    /// Whether values were ever proposed for anything.
    completions: AtomicBool,
    pub(super) hub: Arc<Hub>,
}

impl Default for Catalog {
    fn default() -> Self {
        let hub = Arc::<Hub>::default();
        Self {
            tools: Registry::new(List::Tools, &hub),
            resources: Registry::new(List::Resources, &hub),
            templates: Registry::new(List::ResourceTemplates, &hub),
            prompts: Registry::new(List::Prompts, &hub),
            completions: AtomicBool::new(false),
            hub,
        }
    }
}

impl Catalog {
    /// Tells clients from now on that the server has a list, even while nothing is in it.
    pub(super) fn declare(&self, list: List) {
        match list {
            List::Tools => self.tools.declare(),
            List::Resources => self.resources.declare(),
            List::ResourceTemplates => self.templates.declare(),
            List::Prompts => self.prompts.declare(),
        }
    }

    /// Tells clients from now on that the server proposes values.
    pub(super) fn declare_completions(&self) {
        self.completions.store(true, Ordering::Relaxed);
    }

    /// Of which lists clients are told. A server that nothing was ever added to or declared of has tools: what it has is still to come, and
    /// that is what most servers have.
    pub(super) fn kinds(&self) -> Kinds {
        let resources = self.resources.is_declared() || self.templates.is_declared();
        let prompts = self.prompts.is_declared();
        Kinds { tools: self.tools.is_declared() || !(resources || prompts), resources, prompts }
    }

    /// Whether clients are told of a capability.
    pub(super) fn declares(&self, capability: Capability) -> bool {
        match capability {
            ["tools", ..] => self.kinds().tools,
            ["resources", "subscribe"] => self.kinds().resources && self.hub.tells_updates(),
            ["resources", ..] => self.kinds().resources,
            ["prompts", ..] => self.kinds().prompts,
            ["completions"] => self.completions.load(Ordering::Relaxed),
            _ => false,
        }
    }

    /// Writes the members of `capabilities` for what is declared; there is always one.
    pub(super) fn write_capabilities(&self, out: &mut Vec<u8>) {
        let resources = match self.hub.tells_updates() {
            true => r#""resources":{"subscribe":true,"listChanged":true}"#,
            false => r#""resources":{"listChanged":true}"#,
        };
        let members: [(Capability, &str); 4] = [
            (&["tools"], r#""tools":{"listChanged":true}"#),
            (&["resources"], resources),
            (&["prompts"], r#""prompts":{"listChanged":true}"#),
            (&["completions"], r#""completions":{}"#),
        ];
        let declared = members.iter().filter(|(capability, _)| self.declares(capability));
        let declared: Vec<&str> = declared.map(|(_, member)| *member).collect();
        out.extend_from_slice(declared.join(",").as_bytes());
    }
}
