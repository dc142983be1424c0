use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, RawJson, Request};
use oxmcp_proto::methods::Capability;
use oxmcp_proto::model::{InitializeParams, LoggingLevel};
use oxmcp_proto::{Method, ProtocolVersion};
use serde::Deserialize;
use tokio::sync::watch;

use super::catalog::Catalog;
use super::extensions::Extensions;
use super::identity::Identity;
use super::incoming::{Incoming, invalid_params};
use super::input::Seal;
use super::registry::{Item, Registry};
use super::result::Results;
use super::session::MAX_IDENTITY;
use super::tasks::Tasks;
use super::{Answer, CachePolicy, Caller, List, Outcome, Peer, Server, Session};
use crate::Limits;
use crate::auth::Scopes;
use crate::layer::{Carrier, Layers};
use crate::param_headers::ParamHeader;

/// The part of a server that answers requests: no transport, no session. One request in, one answer out.
pub(crate) struct Core {
    identity: Identity,
    pub(super) results: Results,
    pub(super) page_size: usize,
    logging: bool,
    pub(crate) limits: Limits,
    has_param_headers: Arc<AtomicBool>,
    has_scopes: Arc<AtomicBool>,
    pub(super) extensions: Arc<Extensions>,
    /// What is hinted of keeping the pages of each list.
    cache: [CachePolicy; List::COUNT],
    pub(super) catalog: Arc<Catalog>,
    /// Turns true when the subscriptions that came over this transport are to end.
    pub(super) ending: watch::Sender<bool>,
    /// Seals what clients carry from one round of a request to the next.
    pub(super) seal: Arc<Seal>,
    pub(super) tasks: Arc<Tasks>,
    /// What sees every message.
    pub(crate) layers: Option<Layers>,
}

impl Core {
    pub(super) fn new(server: &Server, carrier: Carrier) -> Self {
        Self {
            identity: Identity::new(&server.info, server.instructions.clone()),
            results: Results::new(&server.info),
            page_size: server.page_size,
            logging: server.logging,
            limits: server.limits.clone(),
            has_param_headers: server.has_param_headers.clone(),
            has_scopes: server.has_scopes.clone(),
            extensions: server.extensions.clone(),
            cache: server.cache.clone(),
            catalog: server.catalog.clone(),
            ending: watch::Sender::new(false),
            seal: server.seal.clone(),
            tasks: server.tasks.clone(),
            layers: server.layers.as_ref().map(|layers| layers.over(carrier)),
        }
    }

    /// Opens a session of the handshake era: what its requests need to know, and the answer to `initialize`.
    pub(crate) fn initialize(&self, request: &Request) -> Result<(Arc<Session>, RawJson), ErrorObject> {
        let params = request.params.clone().unwrap_or_else(RawJson::empty_object);
        let params: InitializeParams = params.to().map_err(|error| invalid_params(&error))?;
        let listener = self.catalog.hub.listen(self.catalog.kinds(), self.limits.resource_subscriptions);
        let session = Arc::new(Session::new(&params, listener, self));
        let bytes = session.identity_bytes();
        if bytes > MAX_IDENTITY {
            return Err(ErrorObject::invalid_params(format!(
                "`clientInfo` and `capabilities` have {bytes} bytes; this server keeps at most {MAX_IDENTITY} of a client"
            )));
        }
        if self.logging {
            // A server decides what it sends until it is told (2025-11-25, logging).
            session.log_filter.set(Some(LoggingLevel::Info));
        }
        let result = self.identity.initialized(session.version, &self.capabilities(session.version));
        Ok((session, result))
    }

    /// Answers a request other than `initialize`. One that names its own revision in `_meta` is served statelessly, even in a session.
    /// `peer` is how a handler talks back.
    pub(crate) fn answer(
        self: &Arc<Self>,
        request: Request,
        caller: Caller<'_>,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        match &self.layers {
            None => self.answer_at_end(request, caller, peer),
            Some(layers) => self.answer_in_layers(layers, request, caller, peer()),
        }
    }

    /// Answers a request that has come through all layers.
    pub(crate) fn answer_at_end(
        self: &Arc<Self>,
        request: Request,
        caller: Caller<'_>,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        let (method, incoming) = match Incoming::read(request, caller, self.logging) {
            Ok(read) => read,
            Err(error) => return Answer::Refused(error),
        };
        let method = match method {
            MethodName::Known(method) if method.is_in(incoming.version) => method,
            MethodName::Other(name) => return self.call_extension(&name, incoming, peer),
            known => return Answer::Refused(ErrorObject::method_not_found(known.as_str())),
        };
        if let Some(capability) = method.server_capability(incoming.version)
            && !self.declares(capability)
        {
            return Answer::Refused(ErrorObject::method_not_found(method.name()));
        }
        match method {
            Method::Ping => Answer::Ready(Ok(RawJson::empty_object())),
            Method::Discover => Answer::Ready(Ok(self.identity.discovered(
                incoming.version,
                &self.capabilities(incoming.version),
                &self.results,
            ))),
            Method::ListTools => Answer::Ready(self.list(List::Tools, &self.catalog.tools, &incoming)),
            Method::CallTool => self.call_tool(incoming, peer),
            Method::ListResources => {
                Answer::Ready(self.list(List::Resources, &self.catalog.resources, &incoming))
            }
            Method::ListResourceTemplates => {
                Answer::Ready(self.list(List::ResourceTemplates, &self.catalog.templates, &incoming))
            }
            Method::ReadResource => self.read_resource(incoming, peer),
            Method::ListPrompts => Answer::Ready(self.list(List::Prompts, &self.catalog.prompts, &incoming)),
            Method::GetPrompt => self.get_prompt(incoming, peer),
            Method::Complete => self.complete(incoming, peer),
            Method::Listen => self.subscribe(incoming, peer),
            Method::SubscribeResource => Answer::Ready(self.subscribe_resource(&incoming)),
            Method::UnsubscribeResource => Answer::Ready(self.unsubscribe_resource(&incoming)),
            Method::SetLogLevel => Answer::Ready(self.set_log_level(&incoming)),
            Method::GetTask
            | Method::UpdateTask
            | Method::CancelTask
            | Method::ListTasks
            | Method::TaskResult => self.answer_task(method, incoming, peer),
            other => Answer::Refused(ErrorObject::method_not_found(other.name())),
        }
    }

    /// The arguments of a tool that HTTP repeats in headers, if it has any.
    pub(crate) fn param_headers(&self, tool: &str) -> Option<Arc<[ParamHeader]>> {
        match self.has_param_headers.load(Ordering::Relaxed) {
            true => self.catalog.tools.find(tool)?.param_headers.clone(),
            false => None,
        }
    }

    /// The scopes that calls of a tool need, if it needs any.
    pub(crate) fn tool_scopes(&self, tool: &str) -> Option<Arc<Scopes>> {
        match self.has_scopes.load(Ordering::Relaxed) {
            true => self.catalog.tools.find(tool)?.scopes.clone(),
            false => None,
        }
    }

    /// Whether clients are told of a capability.
    fn declares(&self, capability: Capability) -> bool {
        match capability {
            ["logging"] => self.logging,
            // No other extension has methods in the table.
            ["tasks" | "extensions", ..] => self.tasks.are_offered(),
            other => self.catalog.declares(other),
        }
    }

    fn capabilities(&self, version: ProtocolVersion) -> RawJson {
        let mut capabilities = Vec::from(*b"{");
        self.catalog.write_capabilities(&mut capabilities);
        if self.logging {
            capabilities.extend_from_slice(br#","logging":{}"#);
        }
        self.tasks.write_capability(version, &mut capabilities);
        self.extensions.write(self.tasks.extension(version), &mut capabilities);
        capabilities.push(b'}');
        RawJson::from_written(capabilities)
    }

    /// A page of a list.
    fn list<T: Item>(&self, list: List, registry: &Registry<T>, incoming: &Incoming) -> Outcome {
        #[derive(Default, Deserialize)]
        struct Params {
            #[serde(default)]
            cursor: Option<String>,
        }
        let params = incoming.params.as_ref();
        let params: Params =
            params.map_or(Ok(Params::default()), RawJson::to).map_err(|error| invalid_params(&error))?;
        let page = registry.page(params.cursor.as_deref(), self.page_size)?;
        Ok(self.results.page(incoming.version, list.member(), &page, &self.cache[list as usize]))
    }
}
