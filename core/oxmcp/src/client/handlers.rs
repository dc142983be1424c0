use std::sync::Arc;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::{
    ClientCapabilities, ClientTaskRequests, ClientTasksCapability, ElicitationCapability,
    ElicitationCompleteParams, ElicitationTasks, Extra, LoggingLevel, LoggingMessageParams,
    ResourceUpdatedParams, RootsCapability, SamplingCapability, SamplingTasks,
};

use super::inbound::Input;
use super::input::{InputCall, InputHandler};
use super::roots::Roots;
use super::visits::Visits;
use super::{ClientContext, elicitation, sampling};
use crate::connection::guard;

/// A list of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerList {
    /// Its tools.
    Tools,
    /// Its resources, and their templates.
    Resources,
    /// Its prompts.
    Prompts,
}

/// What a client's user registered: what the server may ask, and who hears what it tells. The capabilities follow from it.
#[derive(Default)]
pub(super) struct Handlers {
    pub(super) roots: Option<Roots>,
    /// Whether the server may make its requests tasks of this client.
    pub(super) tasks: bool,
    pub(super) sampling: Option<Arc<dyn InputHandler>>,
    pub(super) sampling_tools: bool,
    pub(super) sampling_context: bool,
    pub(super) form: Option<Arc<dyn InputHandler>>,
    pub(super) url: Option<Arc<dyn InputHandler>>,
    pub(super) log: Option<(LoggingLevel, Hears<LoggingMessageParams>)>,
    pub(super) list_changed: Option<Hears<ServerList>>,
    pub(super) resource_updated: Option<Hears<String>>,
    pub(super) elicitation_complete: Option<Hears<String>>,
    /// The pages that the user was asked to visit.
    pub(super) visits: Visits,
}

/// A callback that hears of something. It must not block.
pub(super) type Hears<T> = Box<dyn Fn(T, ClientContext) + Send + Sync>;

impl Handlers {
    /// Declares what follows from what is registered.
    pub(super) fn declare(&self, capabilities: &mut ClientCapabilities) {
        let declared = |is_declared: bool| is_declared.then(Extra::new);
        if self.roots.is_some() {
            capabilities.roots =
                Some(RootsCapability { list_changed: Some(true), ..RootsCapability::default() });
        }
        if self.sampling.is_some() {
            capabilities.sampling = Some(SamplingCapability {
                tools: declared(self.sampling_tools),
                context: declared(self.sampling_context),
                ..SamplingCapability::default()
            });
        }
        if self.form.is_some() || self.url.is_some() {
            capabilities.elicitation = Some(ElicitationCapability {
                form: declared(self.form.is_some()),
                url: declared(self.url.is_some()),
                ..ElicitationCapability::default()
            });
        }
        if self.tasks {
            capabilities.tasks = self.declared_tasks();
        }
    }

    /// Which requests become tasks, if there are some (2025-11-25, tasks, "Client Capabilities").
    fn declared_tasks(&self) -> Option<ClientTasksCapability> {
        let sampling = self
            .sampling
            .is_some()
            .then(|| SamplingTasks { create_message: Some(Extra::new()), ..SamplingTasks::default() });
        let elicitation = (self.form.is_some() || self.url.is_some())
            .then(|| ElicitationTasks { create: Some(Extra::new()), ..ElicitationTasks::default() });
        if sampling.is_none() && elicitation.is_none() {
            return None;
        }
        Some(ClientTasksCapability {
            list: Some(Extra::new()),
            cancel: Some(Extra::new()),
            requests: Some(ClientTaskRequests { sampling, elicitation, ..ClientTaskRequests::default() }),
            ..ClientTasksCapability::default()
        })
    }

    pub(super) fn list_roots(&self) -> Result<Input, ErrorObject> {
        let roots = self.roots.as_ref().map(Roots::list);
        let roots = roots.ok_or_else(|| ErrorObject::method_not_found(Method::ListRoots.name()))?;
        Ok(Box::pin(std::future::ready(Ok(roots))))
    }

    pub(super) fn create_message(
        &self,
        params: RawJson,
        context: ClientContext,
    ) -> Result<Input, ErrorObject> {
        let method = Method::CreateMessage;
        let handler = self.sampling.clone().ok_or_else(|| ErrorObject::method_not_found(method.name()))?;
        sampling::check(&params, self.sampling_tools)?;
        let declares_context = context.protocol_version().wire().sampling_context;
        let params = match declares_context && !self.sampling_context {
            true => sampling::without_context(params),
            false => params,
        };
        let request = InputCall { method, params, context };
        Ok(Box::pin(async move { sampling::check_answer(handler.answer(request).await?) }))
    }

    pub(super) fn elicit(&self, params: RawJson, context: ClientContext) -> Result<Input, ErrorObject> {
        let method = Method::Elicit;
        let question = elicitation::Question::read(&params)?;
        let handler = match &question {
            elicitation::Question::Form(_) => self.form.clone(),
            elicitation::Question::Url { .. } => self.url.clone(),
        };
        // The code is that of 2025-11-25, elicitation, "Error Handling".
        let handler = handler.ok_or_else(|| {
            ErrorObject::invalid_params(format!(
                "this client did not declare the elicitation mode {:?}",
                question.mode()
            ))
        })?;
        if let elicitation::Question::Url { id: Some(id) } = &question
            && self.visits.begin(id)
        {
            self.hear_of_visit(id.clone(), &context);
        }
        let request = InputCall { method, params, context };
        Ok(Box::pin(async move { question.check_answer(handler.answer(request).await?) }))
    }

    /// Passes a notification on to whoever wants to hear of it.
    pub(super) fn hear(&self, method: Method, params: &RawJson, context: &ClientContext) {
        match method {
            Method::LogMessage => {
                if let Some((_, callback)) = &self.log {
                    hear(method, params.to::<LoggingMessageParams>(), callback, context);
                }
            }
            Method::ToolListChanged => self.hear_of_list(ServerList::Tools, context),
            Method::ResourceListChanged => self.hear_of_list(ServerList::Resources, context),
            Method::PromptListChanged => self.hear_of_list(ServerList::Prompts, context),
            Method::ResourceUpdated => {
                if let Some(callback) = &self.resource_updated {
                    hear(method, params.to::<ResourceUpdatedParams>().map(|it| it.uri), callback, context);
                }
            }
            Method::ElicitationComplete => match params.to::<ElicitationCompleteParams>() {
                Ok(ElicitationCompleteParams { elicitation_id: id, .. }) => {
                    if self.visits.complete(&id) {
                        self.hear_of_visit(id, context);
                    }
                }
                Err(error) => malformed(method, &error),
            },
            other => tracing::debug!(method = other.name(), "notification"),
        }
    }

    fn hear_of_visit(&self, id: String, context: &ClientContext) {
        if let Some(callback) = &self.elicitation_complete {
            guard(|| callback(id, context.clone()));
        }
    }

    fn hear_of_list(&self, list: ServerList, context: &ClientContext) {
        if let Some(callback) = &self.list_changed {
            guard(|| callback(list, context.clone()));
        }
    }
}

fn hear<T>(method: Method, what: serde_json::Result<T>, callback: &Hears<T>, context: &ClientContext) {
    match what {
        Ok(what) => guard(|| callback(what, context.clone())),
        Err(error) => malformed(method, &error),
    }
}

fn malformed(method: Method, error: &serde_json::Error) {
    tracing::warn!(method = method.name(), %error, "the server sent a malformed notification");
}
