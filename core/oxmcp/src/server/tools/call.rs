use std::sync::Arc;

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::CallToolParams;
use oxmcp_proto::{Method, ProtocolVersion};

use super::{ToolCall, ToolError, ToolOutput};
use crate::server::guard::guard;
use crate::server::incoming::{Incoming, invalid_params};
use crate::server::input;
use crate::server::result::Own;
use crate::server::tasks::Slot;
use crate::server::{Answer, Context, Core, Outcome, Peer};

impl Core {
    /// Answers `tools/call`.
    pub(in crate::server) fn call_tool(
        self: &Arc<Self>,
        incoming: Incoming,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        let params = incoming.params();
        let (tool, arguments, task) = {
            let call: CallToolParams<'_> = match params.to() {
                Ok(call) => call,
                Err(error) => return Answer::Ready(Err(invalid_params(&error))),
            };
            let Some(tool) = self.catalog.tools.find(&call.name) else {
                return Answer::Ready(Err(ErrorObject::invalid_params(format!(
                    "unknown tool: {}",
                    call.name
                ))));
            };
            let arguments = match call.arguments {
                Some(arguments) if arguments.get() != "null" => params.part(arguments),
                _ => RawJson::empty_object(),
            };
            let task = match (tool.task, call.task) {
                (None, None) => None,
                (mode, wanted) => match self.may_be_task(mode, wanted, &incoming) {
                    Ok(task) => task,
                    Err(error) => return Answer::Ready(Err(error)),
                },
            };
            (tool, arguments, task)
        };
        let version = incoming.version;
        if let Err(problem) = tool.check(&arguments) {
            // The model sees it and can mend its call (2025-11-25, tools, "Error Handling").
            return Answer::Ready(
                self.tool_result(version, Err(ToolError::Failed(format!("invalid arguments: {problem}")))),
            );
        }
        let peer = peer();
        let teller = task.is_some().then(|| peer.clone());
        let mut context = match Context::open(self, Method::CallTool, incoming, peer) {
            Ok(context) => context,
            Err(error) => return Answer::Ready(Err(error)),
        };
        let slot = task.is_some().then(Arc::<Slot>::default);
        if let Some(slot) = &slot {
            context = context.with_task(slot.clone());
        }
        let handler = tool.handler.clone();
        let core = self.clone();
        let work = async move {
            let call = ToolCall { arguments, context: context.clone() };
            let output = match input::run(&context, guard("tool", || handler.call(call))).await {
                Ok(output) => output?,
                Err(asked) => return asked,
            };
            match output {
                Ok(output) => match tool.check_output(&output) {
                    Ok(()) => core.tool_result(version, Ok(output)),
                    Err(why) => {
                        tracing::error!("a tool's result does not meet its outputSchema: {why}");
                        Err(ErrorObject::internal(format!(
                            "the tool's result does not meet its outputSchema: {why}"
                        )))
                    }
                },
                error => core.tool_result(version, error),
            }
        };
        Answer::Later(match (task, slot, teller) {
            (Some(start), Some(slot), Some(teller)) => {
                Box::pin(self.clone().run_as_task(start, slot, Box::pin(work), teller))
            }
            _ => Box::pin(work),
        })
    }

    fn tool_result(&self, version: ProtocolVersion, output: Result<ToolOutput, ToolError>) -> Outcome {
        let (output, is_error) = match output {
            Ok(output) => (output, false),
            Err(ToolError::Failed(message)) => (ToolOutput::Text(message), true),
            Err(ToolError::Rpc(error)) => return Err(error),
        };
        let has_own = |name| version.wire().result_type && output.has_member(name);
        let own = Own { result_type: has_own("resultType"), meta: has_own("_meta") };
        let mut result = output.into_object()?;
        if is_error {
            result.extend_from_slice(br#","isError":true"#);
        }
        self.results.finish(version, &mut result, own);
        Ok(RawJson::from_written(result))
    }
}
