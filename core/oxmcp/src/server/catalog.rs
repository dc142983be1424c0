use std::sync::atomic::{AtomicBool, Ordering};

use super::List;
use super::prompts::RegisteredPrompt;
use super::registry::Registry;
use super::resources::{RegisteredResource, RegisteredTemplate};
use super::tools::Tools;

/// What a server has for its clients. It may change while the server runs.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub(super) tools: Tools,
    pub(super) resources: Registry<RegisteredResource>,
    pub(super) templates: Registry<RegisteredTemplate>,
    pub(super) prompts: Registry<RegisteredPrompt>,
    /// Whether values were ever proposed for anything.
    completions: AtomicBool,
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

    /// Whether clients are told of a capability, by its name. A server that nothing was ever added to or declared of has tools: what it has is
    /// still to come, and that is what most servers have.
    pub(super) fn declares(&self, capability: &str) -> bool {
        let has_resources = || self.resources.is_declared() || self.templates.is_declared();
        match capability {
            "tools" => self.tools.is_declared() || !(has_resources() || self.prompts.is_declared()),
            "resources" => has_resources(),
            "prompts" => self.prompts.is_declared(),
            "completions" => self.completions.load(Ordering::Relaxed),
            _ => false,
        }
    }

    /// Writes the members of `capabilities` for what is declared; there is always one.
    pub(super) fn write_capabilities(&self, out: &mut Vec<u8>) {
        let mut comma = "";
        for (name, value) in [("tools", "{}"), ("resources", "{}"), ("prompts", "{}"), ("completions", "{}")]
        {
            if self.declares(name) {
                out.extend_from_slice(format!("{comma}\"{name}\":{value}").as_bytes());
                comma = ",";
            }
        }
    }
}
