use std::future::pending;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use http::HeaderValue;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RequestId, write_notification, write_request};
use oxmcp_proto::negotiation::{ClientNegotiation, NegotiationError, Offer, Reply, Step};
use oxmcp_proto::{Era, Method, ProtocolVersion};

use super::Shared;
use super::failure::{is_unauthorized, to_error};
use super::standing::{Standing, lock};
use crate::auth::{Effort, within_rest};
use crate::client::connect::stateless_meta;
use crate::client::eras::Agreed;
use crate::client::params::{MetaMembers, Params};
use crate::transport::http::{Head, HttpError, Response, Sending};
use crate::{Error, ErrorKind, Result};

impl Shared {
    /// Agrees on a revision: tries the stateless era, and looks at how that is refused (2026-07-28, Streamable HTTP, "Backward
    /// Compatibility"). What comes of it stands in `standing`, and a session does as soon as the server opened it. In the handshake era,
    /// the session has begun when this returns.
    pub(super) async fn negotiate(
        self: &Arc<Self>,
        offer: &Offer,
        patience: Duration,
        effort: Effort,
        standing: &Mutex<Standing>,
    ) -> Result<Agreed, NotNegotiated> {
        let (mut negotiation, mut step) = ClientNegotiation::start(offer.clone());
        let mut refusal: Option<HttpError> = None;
        let mut may_be_sse = false;
        let mut is_said = true;
        loop {
            step = match step {
                Step::Done(negotiated) => {
                    self.inbound.agree(&negotiated);
                    let standing = {
                        let mut standing = lock(standing);
                        standing.version = Some(negotiated.version);
                        standing.clone()
                    };
                    if negotiated.version.era() == Era::Handshake {
                        self.begin_session(&standing, effort).await.map_err(to_error)?;
                    }
                    return Ok(Agreed { negotiated: *negotiated, is_said });
                }
                Step::Failed(error) => {
                    let last_words = refusal.filter(|_| error == NegotiationError::NotAServer);
                    let error = match last_words {
                        Some(refusal) => not_a_server(error, refusal),
                        None => error.into(),
                    };
                    return Err(NotNegotiated { error, may_be_sse });
                }
                Step::Request { method, version, params, is_probe } => {
                    let patience = is_probe.then_some(patience);
                    let asked = self.ask(method, version, &params, patience, offer, effort).await;
                    if is_probe {
                        is_said = match &asked {
                            Ok((reply, _)) => *reply != Reply::Silence,
                            Err(error) => !error.may_pass(),
                        };
                    }
                    if method == Method::Initialize {
                        may_be_sse = matches!(&asked, Err(error) if is_sse_like(error));
                    }
                    let reply = match asked {
                        Ok((reply, session)) => {
                            // No other answer opens a session.
                            if method == Method::Initialize {
                                let id = session.as_ref().and_then(|session| session.to_str().ok());
                                self.inbound.in_session(id.map(Arc::from).as_ref());
                                lock(standing).session = session;
                            }
                            reply
                        }
                        Err(HttpError::Status { status, rpc: Some(error), .. })
                            if !is_unauthorized(status) =>
                        {
                            Reply::Error(error)
                        }
                        Err(error) if is_refusal(&error, is_probe) => {
                            refusal = Some(error);
                            Reply::Refused
                        }
                        Err(error) => return Err(to_error(error).into()),
                    };
                    negotiation.handle(reply)
                }
            };
        }
    }

    /// Sends a request of the negotiation. With `patience`, a server that has not answered it so long after it was sent is silent.
    async fn ask(
        self: &Arc<Self>,
        method: Method,
        version: ProtocolVersion,
        params: &RawJson,
        patience: Option<Duration>,
        offer: &Offer,
        effort: Effort,
    ) -> Result<(Reply, Option<HeaderValue>), HttpError> {
        let stateless = (version.era() == Era::Stateless).then(|| stateless_meta(version, offer));
        let shared = self.clone();
        let session = Arc::new(OnceLock::new());
        let opened = session.clone();
        let reply = self.inbound.negotiate((method, version, params), move |params| async move {
            let (reply, session) =
                shared.ask_at_end(method, version, &params, patience, stateless, effort).await?;
            // It is asked once.
            let _ = opened.set(session);
            Ok(reply)
        });
        let reply = reply.await?;
        Ok((reply, session.get().cloned().flatten()))
    }

    async fn ask_at_end(
        &self,
        method: Method,
        version: ProtocolVersion,
        params: &RawJson,
        patience: Option<Duration>,
        stateless: Option<String>,
        effort: Effort,
    ) -> Result<(Reply, Option<HeaderValue>), HttpError> {
        let id = RequestId::Number(self.next_id());
        let mut body = Vec::with_capacity(512);
        let meta = MetaMembers { stateless: stateless.as_deref(), ..MetaMembers::default() };
        // A layer may have put something into `_meta`.
        let params = Params::read(params).unwrap_or_else(|_| Params::plain(params));
        write_request(&mut body, &id, method.name(), |out| params.write(&meta, out));
        // Before it is agreed, a revision of the handshake era stands in the body alone.
        let named = (version.era() == Era::Stateless).then_some(version);
        let head = Head { version: named, method: method.name(), effort, ..Head::default() };
        let sending = Arc::<Sending>::default();
        let silence = async {
            sending.sent().await;
            match patience {
                Some(patience) => {
                    let _ = within_rest(self.http.authorizer(), patience, pending::<()>()).await;
                }
                None => pending().await,
            }
        };
        let mut on_message = |_| {};
        let sent = Some(sending.clone());
        let turn = self.http.turn().await;
        let answer = tokio::select! {
            answer = self.http.exchange(head, &id, body.into(), sent, turn, &mut on_message) => answer,
            () = silence => return Ok((Reply::Silence, None)),
        };
        match answer {
            Ok(Response { outcome: Ok(result), session }) => Ok((Reply::Result(result), session)),
            Ok(Response { outcome: Err(error), .. }) => Ok((Reply::Error(error), None)),
            Err(error) => Err(error),
        }
    }

    /// Says that the session may begin, and begins to listen: the second connection that this takes is made meanwhile.
    async fn begin_session(self: &Arc<Self>, standing: &Standing, effort: Effort) -> Result<(), HttpError> {
        self.listen(standing.clone());
        let params = self.inbound.let_out(Method::Initialized, RawJson::empty_object()).await;
        let Some(params) = params else { return Ok(()) };
        let mut body = Vec::new();
        write_notification(&mut body, Method::Initialized.name(), |out| {
            out.extend_from_slice(params.as_bytes());
        });
        let head = Head { effort, ..standing.head(Method::Initialized.name()) };
        self.http.post(head, body.into()).await
    }
}

/// Why nothing was agreed on.
pub(in crate::client) struct NotNegotiated {
    pub(in crate::client) error: Error,
    /// Whether the server may be one that speaks HTTP+SSE alone.
    pub(in crate::client) may_be_sse: bool,
}

impl From<Error> for NotNegotiated {
    fn from(error: Error) -> Self {
        Self { error, may_be_sse: false }
    }
}

/// The error for a server that has refused everything, with its last words: one that cannot serve now may be what it ought to be.
fn not_a_server(error: NegotiationError, refusal: HttpError) -> Error {
    let refusal = to_error(refusal);
    if refusal.kind() == ErrorKind::Overloaded {
        return refusal;
    }
    let may_pass = refusal.may_pass();
    Error::from(error).with_source(refusal).passing(may_pass)
}

/// Whether `initialize` was refused as a server refuses it that takes no messages there: with a `4xx`, and nothing that only a server of
/// the stateless era says (2025-06-18, transports; 2026-07-28, Streamable HTTP, "HTTP+SSE Transport").
fn is_sse_like(error: &HttpError) -> bool {
    let HttpError::Status { status, rpc, .. } = error else { return false };
    let is_modern = rpc.as_ref().is_some_and(ErrorObject::is_modern);
    status.is_client_error() && !is_unauthorized(*status) && !error.may_pass() && !is_modern
}

/// Whether a failed request of the negotiation was refused, so that there may be another way. While probing, whatever is no answer says
/// that the server knows nothing of the stateless era (2026-07-28, versioning: "Anything else identifies a legacy server").
fn is_refusal(error: &HttpError, is_probe: bool) -> bool {
    match error {
        HttpError::Status { status, .. } => !is_unauthorized(*status),
        HttpError::Foreign(_) => true,
        HttpError::Protocol(_) | HttpError::Broken(_) => is_probe,
        _ => false,
    }
}
