use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use oxmcp_proto::jsonrpc::{self, ErrorObject, Message, MethodName, RequestId, codes};
use oxmcp_proto::negotiation::unsupported_version;
use oxmcp_proto::{Era, ProtocolVersion};

use super::accept::{self, Accepts};
use super::budget::Budget;
use super::event_body::EventBody;
use super::event_id::EventId;
use super::guard::Guard;
use super::handshake::Handshakes;
use super::headers::{self, DPOP_NONCE, LAST_EVENT_ID, PROTOCOL_VERSION, SESSION_ID};
use super::legacy::{Legacy, MESSAGES_PATH, STREAM_PATH};
use super::receive::{Allowance, ReceiveError, discard, receive};
use super::resumption::Resumption;
use super::session::Resumed;
use super::stateless::Stateless;
use super::subject::Subject;
use super::visitor::{Visitor, refused};
use super::{HttpBody, HttpOptions, reply};
use crate::auth::Protection;
use crate::layer::Carrier;
use crate::server::Core;
use crate::{Limits, Result, Server};

/// How long a client may be silent in the middle of a request's body.
const BODY_SILENCE: Duration = Duration::from_secs(30);

/// How long a request's body may take in all.
const BODY_TOTAL: Duration = Duration::from_secs(300);

/// The methods that the endpoint serves in some era.
const ALLOW: &str = "GET, POST, DELETE";

/// What answers the HTTP requests to a server: routes, guards, and the three ways of serving.
pub(super) struct Endpoint {
    guard: Guard,
    protection: Option<Protection>,
    path: Option<Box<str>>,
    core: Arc<Core>,
    budget: Arc<Budget>,
    stateless: Stateless,
    handshakes: Handshakes,
    legacy: Option<Legacy>,
}

impl Endpoint {
    /// `path` is the only path to answer at; without it, the path does not matter.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if an allowed host or origin is none.
    pub(super) fn new(server: &Server, options: &HttpOptions, path: Option<&str>) -> Result<Self> {
        let core = server.core_over(Carrier::Http);
        let budget = Budget::new(&core.limits);
        Ok(Self {
            guard: Guard::new(options)?,
            protection: options.protection.clone(),
            path: path.map(Box::from),
            stateless: Stateless::new(core.clone(), budget.clone()),
            handshakes: Handshakes::new(core.clone(), Resumption::new(options, &core.limits), budget.clone()),
            legacy: options.legacy_sse.then(|| Legacy::new(server, budget.clone())),
            core,
            budget,
        })
    }

    /// Answers a request.
    pub(super) async fn call<B: http_body::Body>(&self, request: Request<B>) -> Response<HttpBody> {
        let (parts, body) = request.into_parts();
        if let Err(why) = self.guard.check(&parts.uri, &parts.headers) {
            return reply::invalid(StatusCode::FORBIDDEN, None, why);
        }
        if let Some(protection) = &self.protection
            && let Some((headers, body)) = protection.metadata(parts.uri.path())
        {
            return reply::metadata(&parts.method, headers, body);
        }
        if let Some(legacy) = &self.legacy {
            match (&parts.method, parts.uri.path()) {
                (&Method::GET, STREAM_PATH) => return open_legacy(legacy, &parts.headers),
                (&Method::POST, MESSAGES_PATH) => {
                    return match self.receive(&parts.headers, body).await {
                        Ok(body) => legacy.take(parts.uri.query(), body).await,
                        Err(response) => *response,
                    };
                }
                _ => {}
            }
        }
        if let Some(path) = &self.path
            && parts.uri.path() != &**path
        {
            let why = format!("there is nothing here; the MCP endpoint is {path}");
            return reply::invalid(StatusCode::NOT_FOUND, None, why);
        }
        let protection = self.protection.as_ref();
        let admitted = Visitor::admit(protection, &parts.method, parts.uri.path(), &parts.headers);
        let visitor = match admitted.await {
            Ok(visitor) => visitor,
            Err(refusal) => return refused(&refusal, None),
        };
        let mut response = match parts.method {
            Method::POST => self.post(&visitor, &parts, body).await,
            Method::GET => {
                let mut stream = self.listen(&visitor, &parts.headers).await;
                visitor.limit(&mut stream);
                stream
            }
            Method::DELETE => self.end_session(&visitor, &parts.headers),
            _ => reply::method_not_allowed(ALLOW, "the MCP endpoint serves POST"),
        };
        if let Some(nonce) = visitor.nonce() {
            response.headers_mut().insert(DPOP_NONCE, nonce);
        }
        response
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.core.limits
    }

    /// Ends the streams that are open for listening only.
    pub(super) fn end_listening(&self) {
        self.core.end_subscriptions();
        self.handshakes.sessions.end_listening();
        if let Some(legacy) = &self.legacy {
            legacy.end();
        }
    }

    /// Ends every session, with what is in flight in it.
    pub(super) fn end_sessions(&self) {
        self.handshakes.sessions.end_all();
    }

    async fn post<B: http_body::Body>(
        &self,
        visitor: &Visitor,
        parts: &Parts,
        body: B,
    ) -> Response<HttpBody> {
        let headers = &parts.headers;
        let accepts = Accepts::of(headers);
        if !accepts.json && !accepts.events {
            let why = "the Accept header allows neither application/json nor text/event-stream";
            return reply::invalid(StatusCode::NOT_ACCEPTABLE, None, why);
        }
        match self.receive(headers, body).await {
            Ok(body) => self.answer(visitor, headers, accepts, body).await,
            Err(response) => *response,
        }
    }

    /// Reads a message that was posted.
    async fn receive<B: http_body::Body>(
        &self,
        headers: &HeaderMap,
        body: B,
    ) -> std::result::Result<Bytes, Box<Response<HttpBody>>> {
        if !accept::is_json(headers) {
            let why = "the Content-Type of a POST is application/json";
            return Err(Box::new(reply::invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, None, why)));
        }
        let limit = self.core.limits.message_bytes;
        let allowance = Allowance { silence: BODY_SILENCE, total: BODY_TOTAL, budget: &self.budget };
        let mut body = pin!(body);
        match receive(body.as_mut(), limit, Some(allowance)).await {
            Ok(body) => Ok(body),
            Err(error) => {
                // Read to its end, a body does not cost its connection.
                if matches!(error, ReceiveError::TooLarge | ReceiveError::NoRoom) {
                    discard(body).await;
                }
                Err(Box::new(self.not_received(&error)))
            }
        }
    }

    fn not_received<E>(&self, error: &ReceiveError<E>) -> Response<HttpBody> {
        match error {
            ReceiveError::TooLarge => {
                let limit = self.core.limits.message_bytes;
                let why = format!("the message is larger than this server's limit of {limit} bytes");
                reply::invalid(StatusCode::PAYLOAD_TOO_LARGE, None, why)
            }
            ReceiveError::NoRoom => reply::busy(None, &self.budget.too_large()),
            ReceiveError::Late => {
                reply::invalid(StatusCode::REQUEST_TIMEOUT, None, "the request's body did not come in time")
            }
            ReceiveError::Broken(_) => {
                reply::invalid(StatusCode::BAD_REQUEST, None, "the request's body did not come to its end")
            }
        }
    }

    async fn answer(
        &self,
        visitor: &Visitor,
        headers: &HeaderMap,
        accepts: Accepts,
        body: Bytes,
    ) -> Response<HttpBody> {
        let size = body.len();
        let message = match jsonrpc::parse(body, self.core.limits.message_depth) {
            Ok(message) => message,
            Err(invalid) => {
                self.handshakes.settle_invalid(visitor, headers, &invalid);
                return reply::error(StatusCode::BAD_REQUEST, invalid.id.as_ref(), &invalid.error);
            }
        };
        let id = match &message {
            Message::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        let (named, session) = match (Named::by(headers), headers::only(headers, &SESSION_ID)) {
            (Ok(named), Ok(session)) => (named, session),
            (Err(error), _) => return reply::error(StatusCode::BAD_REQUEST, id.as_ref(), &error),
            (_, Err(_)) => {
                let why = "the Mcp-Session-Id header is there more than once";
                return reply::invalid(StatusCode::BAD_REQUEST, id.as_ref(), why);
            }
        };
        match message {
            Message::Request(request) => {
                let subject = match Subject::of(request.params.as_ref()) {
                    Ok(subject) => subject,
                    Err(error) => return reply::error(StatusCode::BAD_REQUEST, id.as_ref(), &error),
                };
                if let Err(refusal) = visitor.may_ask(&self.core, &request.method, &subject) {
                    return refused(&refusal, id.as_ref());
                }
                let is_initialize = request.method == MethodName::Known(oxmcp_proto::Method::Initialize);
                let is_modern = match named {
                    _ if subject.version().is_some() => true,
                    Named::Modern(_) => !is_initialize,
                    Named::Nothing | Named::Handshake => false,
                };
                if is_modern {
                    let refused = self.stateless.check(headers, &request, &subject).err();
                    match refused {
                        Some(error) => reply::error(StatusCode::BAD_REQUEST, id.as_ref(), &error),
                        None => self.stateless.answer(visitor, request, accepts).await,
                    }
                } else if is_initialize {
                    self.handshakes.initialize(visitor, request, accepts).await
                } else {
                    match session {
                        Some(session) => {
                            self.handshakes.answer(visitor, session, request, size, accepts).await
                        }
                        None => no_session(id.as_ref()),
                    }
                }
            }
            other => match (named, session) {
                (Named::Modern(name), _) => {
                    self.core.overhear(&other);
                    not_a_request(name, &other)
                }
                (_, Some(session)) => self.handshakes.take(visitor, session, other, size, accepts).await,
                (_, None) => no_session(None),
            },
        }
    }

    async fn listen(&self, visitor: &Visitor, headers: &HeaderMap) -> Response<HttpBody> {
        let session = match self.session_of(headers, "GET") {
            Ok(session) => session,
            Err(response) => return *response,
        };
        if !Accepts::of(headers).events {
            return no_events();
        }
        let Some(session) = self.handshakes.session(visitor, session) else { return unknown_session(None) };
        // Without an event store the header says nothing.
        if let (Some(last), Some(_)) = (headers.get(LAST_EVENT_ID), session.resumption()) {
            let resumed = match EventId::parse(last) {
                Some(after) => session.resume(after).await,
                None => Ok(None),
            };
            return match resumed {
                Ok(Some(Resumed::Stream(events))) => reply::events(events),
                Ok(Some(Resumed::Rest(events))) => reply::whole_events(events),
                Err(error) => {
                    tracing::error!(%error, "the event store failed");
                    let why = "the server's store of events failed; try again later";
                    reply::error(StatusCode::SERVICE_UNAVAILABLE, None, &ErrorObject::internal(why))
                }
                Ok(None) => {
                    let why = "nothing is kept of what came after the event of Last-Event-ID";
                    reply::invalid(StatusCode::BAD_REQUEST, None, why)
                }
            };
        }
        match session.listen() {
            Some(outbox) => {
                let telling = session.tell_changes(&outbox);
                reply::events(EventBody::listening(outbox).with_work(telling))
            }
            None => unknown_session(None),
        }
    }

    fn end_session(&self, visitor: &Visitor, headers: &HeaderMap) -> Response<HttpBody> {
        match self.session_of(headers, "DELETE") {
            Ok(session) if self.handshakes.session(visitor, session).is_some() => {
                self.handshakes.sessions.end(session);
                reply::empty(StatusCode::NO_CONTENT)
            }
            Ok(_) => unknown_session(None),
            Err(response) => *response,
        }
    }

    /// The session that a GET or DELETE is about; the stateless era has neither.
    fn session_of<'a>(
        &self,
        headers: &'a HeaderMap,
        method: &str,
    ) -> std::result::Result<&'a HeaderValue, Box<Response<HttpBody>>> {
        let refused = |error| Err(Box::new(reply::error(StatusCode::BAD_REQUEST, None, &error)));
        let why = format!("{method} is for sessions, and needs their Mcp-Session-Id, once");
        match (Named::by(headers), headers::only(headers, &SESSION_ID)) {
            (Err(error), _) => refused(error),
            (Ok(Named::Modern(name)), _) => match name.parse::<ProtocolVersion>() {
                Ok(_) => Err(Box::new(reply::method_not_allowed("POST", &why))),
                Err(_) => refused(unsupported_version(name)),
            },
            (Ok(Named::Nothing | Named::Handshake), Ok(Some(session))) => Ok(session),
            _ => Err(Box::new(reply::invalid(StatusCode::BAD_REQUEST, None, why))),
        }
    }
}

/// The revision that `MCP-Protocol-Version` names.
enum Named<'a> {
    Nothing,
    /// One of the handshake era.
    Handshake,
    /// One of the stateless era, or one that nobody here knows.
    Modern(&'a str),
}

impl<'a> Named<'a> {
    fn by(headers: &'a HeaderMap) -> std::result::Result<Self, ErrorObject> {
        let mismatch = |message: &str| ErrorObject::new(codes::HEADER_MISMATCH, message);
        let value = headers::only(headers, &PROTOCOL_VERSION)
            .map_err(|_| mismatch("the MCP-Protocol-Version header is there more than once"))?;
        let Some(value) = value else { return Ok(Self::Nothing) };
        let name =
            value.to_str().map_err(|_| mismatch("the MCP-Protocol-Version header is no plain text"))?;
        Ok(match name.parse::<ProtocolVersion>() {
            Ok(version) if version.era() == Era::Handshake => Self::Handshake,
            _ => Self::Modern(name),
        })
    }
}

/// Opens a stream of the transport of 2024-11-05.
fn open_legacy(legacy: &Legacy, headers: &HeaderMap) -> Response<HttpBody> {
    match Accepts::of(headers).events {
        true => legacy.open(),
        false => no_events(),
    }
}

/// The response to a client that wants a stream and takes none.
fn no_events() -> Response<HttpBody> {
    let why = "the Accept header does not allow text/event-stream";
    reply::invalid(StatusCode::NOT_ACCEPTABLE, None, why)
}

/// The response to a message of the stateless era that wants no answer.
fn not_a_request(version: &str, message: &Message) -> Response<HttpBody> {
    if version.parse::<ProtocolVersion>().is_err() {
        return reply::error(StatusCode::BAD_REQUEST, None, &unsupported_version(version));
    }
    match message {
        Message::Batch(_) => reply::invalid(StatusCode::BAD_REQUEST, None, "this revision has no batches"),
        _ => reply::empty(StatusCode::ACCEPTED),
    }
}

/// The response to a message that is of neither era.
fn no_session(id: Option<&RequestId>) -> Response<HttpBody> {
    let why = "the request belongs to no session (Mcp-Session-Id; `initialize` opens one) and names no revision that needs \
               none (MCP-Protocol-Version, and in `_meta`)";
    reply::invalid(StatusCode::BAD_REQUEST, id, why)
}

/// The response to a message of a session that is over, or never was. The client is expected to initialize again.
pub(super) fn unknown_session(id: Option<&RequestId>) -> Response<HttpBody> {
    reply::invalid(
        StatusCode::NOT_FOUND,
        id,
        "there is no such session, or it is over; send `initialize` again",
    )
}
