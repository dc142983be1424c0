use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{Prompt, PromptArgument};

use super::PromptHandler;
use crate::server::Texts;
use crate::server::completion::Completers;
use crate::server::registry::Item;
use crate::{Error, Result};

/// A prompt with what writes it.
pub(in crate::server) struct RegisteredPrompt {
    name: Box<str>,
    definition: RawJson,
    pub(super) description: Option<String>,
    arguments: Vec<PromptArgument>,
    pub(in crate::server) completers: Completers,
    pub(super) handler: Box<dyn PromptHandler>,
}

impl Item for RegisteredPrompt {
    fn key(&self) -> &str {
        &self.name
    }

    fn definition(&self) -> &RawJson {
        &self.definition
    }
}

impl RegisteredPrompt {
    pub(super) fn new(
        prompt: Prompt,
        completers: Completers,
        handler: Box<dyn PromptHandler>,
    ) -> Result<Self> {
        let name = &prompt.name;
        if name.is_empty() {
            return Err(Error::misuse("a prompt needs a name"));
        }
        let bad = |why: String| Error::misuse(format!("prompt {name:?}: {why}"));
        let definition = RawJson::of(&prompt).map_err(|error| bad(error.to_string()))?;
        let arguments = prompt.arguments.unwrap_or_default();
        completers.check(arguments.iter().map(|argument| argument.name.as_str())).map_err(bad)?;
        let name = prompt.name.into();
        Ok(Self { name, definition, description: prompt.description, arguments, completers, handler })
    }

    /// Says which arguments are missing.
    pub(super) fn check(&self, arguments: &Texts) -> std::result::Result<(), String> {
        let missing = self.arguments.iter().filter(|argument| argument.required == Some(true));
        let missing: Vec<String> = missing
            .filter(|argument| !arguments.contains_key(&argument.name))
            .map(|argument| format!("`{}`", argument.name))
            .collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("missing required arguments: {}", missing.join(", "))),
        }
    }
}
