use std::sync::Arc;

use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::{CompleteParams, Completion, CompletionReference};

use super::{Completer, Completing};
use crate::server::guard::guard;
use crate::server::incoming::{Incoming, invalid_params};
use crate::server::result::Own;
use crate::server::{Answer, Context, Core, Outcome, Peer};

impl Core {
    /// Answers `completion/complete`.
    pub(in crate::server) fn complete(
        self: &Arc<Self>,
        incoming: Incoming,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        let params: CompleteParams = match incoming.params().to() {
            Ok(params) => params,
            Err(error) => return Answer::Ready(Err(invalid_params(&error))),
        };
        let CompleteParams { reference, argument, context, .. } = params;
        let version = incoming.version;
        let completer = match self.find_completer(&reference, &argument.name) {
            Ok(Some(completer)) => completer,
            Ok(None) => return Answer::Ready(self.completed(version, Completion::default())),
            Err(error) => return Answer::Ready(Err(error)),
        };
        let completing = Completing {
            argument: argument.name,
            value: argument.value,
            arguments: context.and_then(|context| context.arguments).unwrap_or_default(),
            context: Context::without_input(self, incoming, peer()),
        };
        let core = self.clone();
        Answer::Later(Box::pin(async move {
            match guard("completion", || completer.complete(completing)).await? {
                Ok(completion) => core.completed(version, completion),
                Err(error) => {
                    Err(error.into_rpc(|| ErrorObject::invalid_params("there is nothing to complete")))
                }
            }
        }))
    }

    /// What proposes values for an argument, if anything does. Fails when what it is said to belong to is not there.
    fn find_completer(
        &self,
        reference: &CompletionReference,
        argument: &str,
    ) -> Result<Option<Arc<dyn Completer>>, ErrorObject> {
        match reference {
            CompletionReference::Prompt(prompt) => match self.catalog.prompts.find(&prompt.name) {
                Some(prompt) => Ok(prompt.completers.find(argument)),
                None => Err(ErrorObject::invalid_params(format!("unknown prompt: {}", prompt.name))),
            },
            CompletionReference::Resource(resource) => match self.catalog.templates.find(&resource.uri) {
                Some(template) => Ok(template.completers.find(argument)),
                // A resource with a URI of its own has no variables.
                None if self.catalog.resources.find(&resource.uri).is_some() => Ok(None),
                None => Err(ErrorObject::invalid_params(format!("unknown resource: {}", resource.uri))),
            },
        }
    }

    /// The result for proposals, of which only so many are sent.
    fn completed(&self, version: ProtocolVersion, mut completion: Completion) -> Outcome {
        let found = completion.values.len();
        if found > Completion::MAX_VALUES {
            completion.values.truncate(Completion::MAX_VALUES);
            completion.total = completion.total.max(Some(found as u64));
            completion.has_more = Some(true);
        }
        if completion.has_more.is_none() {
            completion.has_more =
                Some(completion.total.is_some_and(|total| total > completion.values.len() as u64));
        }
        let mut result = Vec::from(*br#"{"completion":"#);
        serde_json::to_writer(&mut result, &completion)
            .map_err(|error| ErrorObject::internal(format!("the proposals have no JSON: {error}")))?;
        self.results.finish(version, &mut result, Own::default());
        Ok(RawJson::from_written(result))
    }
}
