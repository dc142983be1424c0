use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, Notification, RawJson, Request};
use oxmcp_proto::methods::{Kind, Sender};
use oxmcp_proto::model::{ClientCapabilities, TaskMetadata};
use oxmcp_proto::negotiation::Negotiated;
use oxmcp_proto::{Era, Method, ProtocolVersion};
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::handlers::Handlers;
use super::input_error::InputError;
use super::tasks::Hosted;
use super::{Client, ClientContext, Handle};
use crate::connection::panic_words;
use crate::layer::{Carrier, Direction, Facts, Failed, Id, Inlet, LayerRequest, Layers, into_rpc};
use crate::server::Answer;
use crate::{Error, Limits};

/// What a client does with what the server asks and tells, whatever way it came. Clones are the same.
#[derive(Clone)]
pub(crate) struct Inbound(Arc<State>);

struct State {
    handlers: Handlers,
    /// What the client declared.
    capabilities: ClientCapabilities,
    /// The requests of the server that became tasks, if this client runs some as such.
    hosted: Option<Hosted>,
    /// How many handlers may be at work.
    at_work: Arc<Semaphore>,
    /// What was agreed on, once it is.
    negotiated: OnceLock<Arc<Negotiated>>,
    client: OnceLock<Weak<Handle>>,
    /// What sees every message.
    layers: Option<Layers>,
    /// Whether the server has sent what only a client sends.
    is_echo: AtomicBool,
    /// The session over HTTP, for layers to see.
    session_id: Mutex<Option<Arc<str>>>,
}

/// Input on its way.
pub(super) type Input = BoxFuture<'static, Result<RawJson, InputError>>;

impl Inbound {
    pub(super) fn new(
        handlers: Handlers,
        capabilities: ClientCapabilities,
        limits: &Limits,
        layers: Option<Layers>,
    ) -> Self {
        let hosted = capabilities.tasks.is_some().then(|| Hosted::new(limits));
        Self(Arc::new(State {
            hosted,
            handlers,
            capabilities,
            at_work: Arc::new(Semaphore::new(limits.input_handlers)),
            negotiated: OnceLock::new(),
            client: OnceLock::new(),
            layers,
            is_echo: AtomicBool::new(false),
            session_id: Mutex::default(),
        }))
    }

    pub(super) fn handlers(&self) -> &Handlers {
        &self.0.handlers
    }

    pub(super) fn layers(&self) -> Option<&Layers> {
        self.0.layers.as_ref()
    }

    /// Says which session there is over HTTP.
    pub(super) fn in_session(&self, id: Option<&Arc<str>>) {
        if self.0.layers.is_some() {
            *self.0.session_id.lock().unwrap_or_else(PoisonError::into_inner) = id.cloned();
        }
    }

    /// What layers are told of the connection; `version` is the revision, where none is agreed on yet.
    pub(super) fn facts(&self, version: Option<ProtocolVersion>) -> Facts {
        let negotiated = self.0.negotiated.get();
        Facts {
            carrier: self.0.layers.as_ref().map_or(Carrier::Stream, Layers::carrier),
            session_id: self.0.session_id.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            version: version.or(self.version()),
            peer_info: negotiated.and_then(|negotiated| RawJson::of(&negotiated.server_info).ok()),
        }
    }

    /// The layers before a message of the server, if there are some.
    pub(crate) fn inlet(&self) -> Option<Inlet> {
        let layers = self.0.layers.clone()?;
        Some(Inlet { layers, facts: self.facts(None) })
    }

    /// Says what was agreed on. Call it before the server hears that the session may begin.
    pub(super) fn agree(&self, negotiated: &Negotiated) {
        // A connection negotiates once.
        let _ = self.0.negotiated.set(Arc::new(negotiated.clone()));
    }

    /// Says whose it is.
    pub(super) fn belong(&self, client: &Arc<Handle>) {
        // It belongs to one.
        let _ = self.0.client.set(Arc::downgrade(client));
    }

    /// The client, when it is connected and not yet gone.
    pub(super) fn client(&self) -> Option<Client> {
        self.0.client.get()?.upgrade().map(Client::of)
    }

    /// The revision, once it is agreed on.
    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.0.negotiated.get().map(|negotiated| negotiated.version)
    }

    /// Whether the server may ask anything: a server of the stateless era asks its client nothing, and a client answers nothing
    /// (2026-07-28, stdio).
    pub(crate) fn may_be_asked(&self) -> bool {
        self.version().is_none_or(|version| version.era() == Era::Handshake)
    }

    /// Whether the other end has asked what a client asks, as one does that sends back whatever it is sent.
    pub(super) fn is_echo(&self) -> bool {
        self.0.is_echo.load(Ordering::Relaxed)
    }

    /// Answers a request of the server. Never blocks; dropping a future that it gives cancels the work.
    pub(crate) fn answer(&self, request: Request) -> Answer {
        if let MethodName::Known(Method::Discover | Method::Initialize) = request.method {
            self.0.is_echo.store(true, Ordering::Relaxed);
        }
        match self.inlet() {
            None => self.answer_at_end(request),
            Some(inlet) => {
                let inbound = self.clone();
                inlet.answer(request, move |request| inbound.answer_at_end(request))
            }
        }
    }

    fn answer_at_end(&self, request: Request) -> Answer {
        let method = match self.accept(&request.method) {
            Ok(Method::Ping) => return Answer::Ready(Ok(RawJson::empty_object())),
            Ok(method) => method,
            Err(error) => return Answer::Refused(error),
        };
        let params = request.params.unwrap_or_else(RawJson::empty_object);
        if let Some(hosted) = &self.0.hosted
            && let Some(answer) = self.answer_as_task(hosted, method, &params)
        {
            return answer;
        }
        match self.input_at_end(method, params) {
            Ok(input) => {
                Answer::Later(Box::pin(async move { input.await.map_err(|error| error.into_rpc(method)) }))
            }
            Err(error) => Answer::Refused(error),
        }
    }

    /// Answers what is about tasks of this client, or is to become one; `None` is anything else (2025-11-25, tasks).
    fn answer_as_task(&self, hosted: &Hosted, method: Method, params: &RawJson) -> Option<Answer> {
        let request: &[&str] = match method {
            Method::GetTask | Method::TaskResult | Method::ListTasks | Method::CancelTask => {
                return Some(hosted.answer(method, params));
            }
            Method::CreateMessage => &["tasks", "requests", "sampling", "createMessage"],
            Method::Elicit => &["tasks", "requests", "elicitation", "create"],
            _ => return None,
        };
        // Earlier revisions have no such member.
        let may_be_task =
            self.version() == Some(ProtocolVersion::V2025_11_25) && self.0.capabilities.declares(request);
        let wanted = params.member::<TaskMetadata>("task").transpose().filter(|_| may_be_task)?;
        let created = wanted.map_err(|error| ErrorObject::invalid_params(format!("invalid task: {error}")));
        let created = created.and_then(|wanted| {
            let input = self.input_at_end(method, params.clone())?;
            let client = self.client().ok_or_else(|| ErrorObject::internal("the client is not connected"))?;
            hosted.create(wanted, method, input, &client)
        });
        Some(Answer::Ready(created))
    }

    /// Begins to get what a server asks for on the way to the answer of a call. An error says what the server did wrong.
    pub(super) fn input(&self, method: Method, params: RawJson) -> Result<Input, ErrorObject> {
        let Some(Inlet { layers, facts }) = self.inlet() else { return self.input_at_end(method, params) };
        if let Some(version) = facts.version {
            self.check_declared(method, version)?;
        }
        let request = LayerRequest::new(Direction::Incoming, method.into(), Some(params), Id::Unknown, facts);
        let inbound = self.clone();
        let describe = move |error: &InputError| Error::from(error.clone().into_rpc(method));
        let input = layers.around(request, describe, move |request| async move {
            inbound.input_at_end(method, request.into_params()).map_err(InputError::Rpc)?.await
        });
        Ok(Box::pin(input.map(|outcome| {
            outcome.map_err(|failed| match failed {
                Failed::AtEnd(error) => error,
                Failed::InLayer(error) => InputError::Rpc(into_rpc(&error)),
            })
        })))
    }

    /// Begins to get what a server asks for. It is checked before a handler sees it: an error says what the server did wrong.
    fn input_at_end(&self, method: Method, params: RawJson) -> Result<Input, ErrorObject> {
        let unknown = || ErrorObject::method_not_found(method.name());
        self.check_declared(method, self.version().ok_or_else(unknown)?)?;
        let context = self.context(&params).ok_or_else(unknown)?;
        let handlers = &self.0.handlers;
        let input = match method {
            // Nobody works on it.
            Method::ListRoots => return handlers.list_roots(),
            Method::CreateMessage => handlers.create_message(params, context)?,
            Method::Elicit => handlers.elicit(params, context)?,
            _ => return Err(unknown()),
        };
        Ok(Box::pin(contained(method, self.0.at_work.clone(), input)))
    }

    /// Takes a notification of the server. Never blocks.
    pub(crate) fn notified(&self, notification: Notification) {
        let MethodName::Known(method) = notification.method else {
            tracing::debug!(method = %notification.method, "a notification that this client does not know");
            return;
        };
        let params = notification.params.unwrap_or_else(RawJson::empty_object);
        let Some(context) = self.context(&params) else { return };
        if let Some(client) = self.client() {
            client.inner.cache.heard(method);
            match method {
                Method::ToolListChanged => client.inner.catalog.clear(),
                Method::TaskStatus => return client.inner.told.heard(&params),
                Method::SubscriptionAcknowledged => return client.inner.listening.acknowledged(&params),
                _ => {}
            }
        }
        self.0.handlers.hear(method, &params, &context);
    }

    /// What a handler is told beside these parameters.
    fn context(&self, params: &RawJson) -> Option<ClientContext> {
        let meta = params.member::<&RawValue>("_meta").ok().flatten().map(|meta| params.part(meta));
        Some(ClientContext::new(self.clone(), self.0.negotiated.get()?.clone(), meta))
    }

    /// Refuses what a server does not ask, and what the revision does not have.
    fn accept(&self, name: &MethodName) -> Result<Method, ErrorObject> {
        // Before a revision is agreed on, a server may ask whether anyone is there (2025-11-25, lifecycle).
        let is_asked = |method: Method| match self.version() {
            Some(version) => {
                method.info().kind == Kind::Request
                    && method.is_in(version)
                    && method.sender(version) != Sender::Client
            }
            None => method == Method::Ping,
        };
        match name {
            MethodName::Known(method) if is_asked(*method) => Ok(*method),
            other => Err(ErrorObject::method_not_found(other.as_str())),
        }
    }

    /// Refuses what this client did not declare (2025-11-25, roots, "Error Handling").
    fn check_declared(&self, method: Method, version: ProtocolVersion) -> Result<(), ErrorObject> {
        match method.client_capability(version) {
            Some(capability) if !self.0.capabilities.declares(capability) => {
                let message = format!(
                    "{}: this client did not declare the capability `{}`",
                    method.name(),
                    capability.join(".")
                );
                Err(ErrorObject { message, ..ErrorObject::method_not_found(method.name()) })
            }
            _ => Ok(()),
        }
    }
}

/// Waits for input when there is room for its handler to work. A panic of the handler becomes a failure.
async fn contained(method: Method, at_work: Arc<Semaphore>, input: Input) -> Result<RawJson, InputError> {
    // Nobody closes it.
    let _permit = at_work.acquire().await;
    AssertUnwindSafe(input).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!(panic = panic_words(&*panic), method = method.name(), "a handler panicked");
        Err(InputError::failed("the handler panicked"))
    })
}
