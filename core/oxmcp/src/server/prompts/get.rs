use std::sync::Arc;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::ErrorObject;
use oxmcp_proto::model::GetPromptParams;

use super::PromptGet;
use crate::server::guard::guard;
use crate::server::incoming::{Incoming, invalid_params};
use crate::server::input;
use crate::server::{Answer, Context, Core, Peer};

impl Core {
    /// Answers `prompts/get`.
    pub(in crate::server) fn get_prompt(
        self: &Arc<Self>,
        incoming: Incoming,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        let params = incoming.params();
        let (name, arguments) = match params.to::<GetPromptParams<'_>>() {
            Ok(get) => (get.name.into_owned(), get.arguments.unwrap_or_default()),
            Err(error) => return Answer::Ready(Err(invalid_params(&error))),
        };
        let unknown = |name: &str| ErrorObject::invalid_params(format!("unknown prompt: {name}"));
        let Some(prompt) = self.catalog.prompts.find(&name) else {
            return Answer::Ready(Err(unknown(&name)));
        };
        if let Err(problem) = prompt.check(&arguments) {
            return Answer::Ready(Err(ErrorObject::invalid_params(problem)));
        }
        let version = incoming.version;
        let context = match Context::open(self, Method::GetPrompt, incoming, peer()) {
            Ok(context) => context,
            Err(error) => return Answer::Ready(Err(error)),
        };
        let core = self.clone();
        Answer::Later(Box::pin(async move {
            let get = PromptGet { arguments, context: context.clone() };
            let output = match input::run(&context, guard("prompt", || prompt.handler.get(get))).await {
                Ok(output) => output?,
                Err(asked) => return asked,
            };
            match output {
                Ok(output) => {
                    let result = output.into_json(prompt.description.as_ref())?;
                    core.results.complete(version, &result, "messages", None)
                }
                Err(error) => Err(error.into_rpc(|| unknown(&name))),
            }
        }))
    }
}
