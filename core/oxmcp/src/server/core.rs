use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, RawJson, Request};
use oxmcp_proto::model::InitializeParams;
use serde::Deserialize;

use super::extensions::Extensions;
use super::identity::Identity;
use super::incoming::{Incoming, invalid_params};
use super::registry::{Item, Registry};
use super::result::Results;
use super::tools::Tools;
use super::{Answer, Outcome, Peer, Server, Session};
use crate::Limits;
use crate::param_headers::ParamHeader;

/// The part of a server that answers requests: no transport, no session. One request in, one answer out.
pub(crate) struct Core {
    identity: Identity,
    pub(super) results: Results,
    page_size: usize,
    pub(crate) limits: Limits,
    pub(super) tools: Arc<Tools>,
    has_param_headers: Arc<AtomicBool>,
    pub(super) extensions: Arc<Extensions>,
}

impl Core {
    pub(super) fn new(server: &Server) -> Self {
        Self {
            identity: Identity::new(&server.info, server.instructions.clone()),
            results: Results::new(&server.info),
            page_size: server.page_size,
            limits: server.limits.clone(),
            tools: server.tools.clone(),
            has_param_headers: server.has_param_headers.clone(),
            extensions: server.extensions.clone(),
        }
    }

    /// Opens a session of the handshake era: what its requests need to know, and the answer to `initialize`.
    pub(crate) fn initialize(&self, request: &Request) -> Result<(Arc<Session>, RawJson), ErrorObject> {
        let params = request.params.clone().unwrap_or_else(RawJson::empty_object);
        let params: InitializeParams = params.to().map_err(|error| invalid_params(&error))?;
        let session = Arc::new(Session::new(&params));
        let result = self.identity.initialized(session.version, &self.capabilities());
        Ok((session, result))
    }

    /// Answers a request other than `initialize`. `session` is what `initialize` opened, if there is one; a request that names its
    /// own revision in `_meta` is served statelessly all the same. `peer` is how a handler talks back.
    pub(crate) fn answer(
        self: &Arc<Self>,
        request: Request,
        session: Option<&Arc<Session>>,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        let (method, incoming) = match Incoming::read(request, session) {
            Ok(read) => read,
            Err(error) => return Answer::Refused(error),
        };
        let method = match method {
            MethodName::Known(method) if method.is_in(incoming.version) => method,
            MethodName::Other(name) => return self.call_extension(&name, incoming, peer),
            known => return Answer::Refused(ErrorObject::method_not_found(known.as_str())),
        };
        match method {
            Method::Ping => Answer::Ready(Ok(RawJson::empty_object())),
            Method::Discover => Answer::Ready(Ok(self.identity.discovered(
                incoming.version,
                &self.capabilities(),
                &self.results,
            ))),
            Method::ListTools => Answer::Ready(self.list("tools", &self.tools, &incoming)),
            Method::CallTool => self.call_tool(incoming, peer),
            other => Answer::Refused(ErrorObject::method_not_found(other.name())),
        }
    }

    /// The arguments of a tool that HTTP repeats in headers, if it has any.
    pub(crate) fn param_headers(&self, tool: &str) -> Option<Arc<[ParamHeader]>> {
        match self.has_param_headers.load(Ordering::Relaxed) {
            true => self.tools.find(tool)?.param_headers.clone(),
            false => None,
        }
    }

    fn capabilities(&self) -> RawJson {
        let mut capabilities = Vec::from(*br#"{"tools":{}"#);
        self.extensions.write(&mut capabilities);
        capabilities.push(b'}');
        RawJson::from_written(capabilities)
    }

    /// A page of a list.
    fn list<T: Item>(&self, member: &str, registry: &Registry<T>, incoming: &Incoming) -> Outcome {
        #[derive(Default, Deserialize)]
        struct Params {
            #[serde(default)]
            cursor: Option<String>,
        }
        let params = incoming.params.as_ref();
        let params: Params =
            params.map_or(Ok(Params::default()), RawJson::to).map_err(|error| invalid_params(&error))?;
        let page = registry.snapshot().page(params.cursor.as_deref(), self.page_size)?;
        Ok(self.results.page(incoming.version, member, &page))
    }
}
