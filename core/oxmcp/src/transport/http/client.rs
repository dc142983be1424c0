mod outgoing;
mod tasks;

use std::error::Error as StdError;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, TRANSFER_ENCODING};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioTimer;
use oxmcp_proto::ProtocolVersion;
use oxmcp_proto::jsonrpc::{self, ErrorObject, Message, RawJson, RequestId};
use tokio::sync::{Semaphore, oneshot};

use self::outgoing::Outgoing;
use self::tasks::{Executor, Tasks};
use super::accept::is_media_type;
use super::headers::{self, JSON, METHOD, NAME, PROTOCOL_VERSION, SESSION_ID};
use super::receive::{ReceiveError, receive};
use super::sse::{SseParser, TooLarge};
use crate::{Error, Limits, Result};

/// How long a connection may be unused. Less than the five seconds after which common servers close theirs, so that a request
/// does not meet a connection that is just being closed.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// How long the end of a stream may take after the answer. The connection can be used again only after it.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// How long ending a session may take.
const DELETE_PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that are read of the body of a response whose status is an error.
const MAX_ERROR_BODY: usize = 1 << 20;

/// Characters of such a body that are shown to people.
const MAX_SHOWN: usize = 512;

#[cfg(feature = "tls")]
use super::tls::{self, Connector, connector};

#[cfg(not(feature = "tls"))]
type Connector = HttpConnector;

#[cfg(not(feature = "tls"))]
async fn connector(tcp: HttpConnector, _is_https: bool) -> Result<Connector> {
    Ok(tcp)
}

/// The client's side of Streamable HTTP: each message is a POST of its own, and the connections are shared.
#[derive(Clone)]
pub(crate) struct HttpClient {
    inner: Arc<Inner>,
}

struct Inner {
    http: Client<Connector, Outgoing>,
    tasks: Arc<Tasks>,
    uri: Uri,
    /// The headers that every POST has.
    headers: HeaderMap,
    exchanges: Semaphore,
    max_bytes: usize,
    max_depth: usize,
}

/// What stands in the headers of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    /// The revision, once there is one.
    pub(crate) version: Option<ProtocolVersion>,
    /// The method of the message.
    pub(crate) method: &'a str,
    /// The name or URI that it concerns.
    pub(crate) name: Option<&'a str>,
    /// The session, in the handshake era.
    pub(crate) session: Option<&'a str>,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Response {
    /// The result or the error.
    pub(crate) outcome: std::result::Result<RawJson, ErrorObject>,
    /// The session that the server opened.
    pub(crate) session: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The status is not a success.
    #[error("HTTP {status}: {body}")]
    Status {
        /// The status.
        status: StatusCode,
        /// The JSON-RPC error in the body.
        rpc: Option<ErrorObject>,
        /// The beginning of the body, or where a redirect points, for people.
        body: String,
    },
    /// There is no connection.
    #[error("cannot connect")]
    Connect(#[source] Box<dyn StdError + Send + Sync>),
    /// There is a connection, but none that is secure.
    #[cfg(feature = "tls")]
    #[error("cannot connect securely")]
    Insecure {
        /// Whether it is about the server's certificate.
        is_certificate: bool,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The connection ended in the middle.
    #[error("{0}")]
    Broken(String),
    /// The answer, or a message on the way to it, is larger than the limit.
    #[error("a message is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// What came is no answer.
    #[error("{0}")]
    Protocol(String),
}

impl HttpClient {
    /// A client of the endpoint at `url`, which sends `headers` with every request.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the URL is none of an endpoint, or a header is not one or is this client's to set;
    /// [`Connect`](crate::ErrorKind::Connect) if no `https` server can be trusted.
    pub(crate) async fn new(url: &str, headers: Vec<(String, String)>, limits: &Limits) -> Result<Self> {
        let uri = endpoint(url)?;
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limits.connect));
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let tasks = Arc::<Tasks>::default();
        let http = Client::builder(Executor::new(&tasks))
            .pool_idle_timeout(MAX_IDLE)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(limits.http_connections)
            .build(connector(tcp, is_https).await?);
        let inner = Inner {
            http,
            tasks,
            uri,
            headers: fixed_headers(headers)?,
            exchanges: Semaphore::new(limits.http_connections.clamp(1, Semaphore::MAX_PERMITS)),
            max_bytes: limits.message_bytes,
            max_depth: limits.message_depth,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Posts a request and reads until its answer. `sent` hears when the request is written to a connection. Every other message that comes
    /// on the way to the answer goes to `on_message`. Dropping the future closes the response. Past [`Limits::http_connections`], exchanges
    /// wait for one another.
    pub(crate) async fn exchange(
        &self,
        head: Head<'_>,
        id: &RequestId,
        body: Bytes,
        sent: Option<oneshot::Sender<()>>,
        on_message: &mut (dyn FnMut(Message) + Send),
    ) -> Result<Response, HttpError> {
        // The semaphore is never closed.
        let _turn = self.inner.exchanges.acquire().await.ok();
        let response = self.send(Method::POST, head, Outgoing::new(body, sent)).await?;
        let (parts, body) = response.into_parts();
        let session =
            parts.headers.get(&SESSION_ID).and_then(|session| session.to_str().ok()).map(str::to_owned);
        let is = |media_type| {
            parts
                .headers
                .get(CONTENT_TYPE)
                .is_some_and(|content_type| is_media_type(content_type, media_type))
        };
        let outcome = if is("application/json") {
            self.inner.answer_in_json(id, body, on_message).await?
        } else if is("text/event-stream") {
            self.inner.answer_in_events(id, body, on_message).await?
        } else {
            let content_type =
                parts.headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
            let content_type = content_type.unwrap_or("none".into());
            return Err(HttpError::Protocol(format!(
                "HTTP {} with content type {content_type} is no answer to a request",
                parts.status
            )));
        };
        Ok(Response { outcome, session })
    }

    /// Posts a message that wants no answer.
    pub(crate) async fn post(&self, head: Head<'_>, body: Bytes) -> Result<(), HttpError> {
        let response = self.send(Method::POST, head, Outgoing::new(body, None)).await?;
        self.inner.finish(response.into_body());
        Ok(())
    }

    /// Ends the session, as far as the server lets clients do that.
    pub(crate) async fn delete_session(&self, head: Head<'_>) {
        let request = self.send(Method::DELETE, head, Outgoing::new(Bytes::new(), None));
        match tokio::time::timeout(DELETE_PATIENCE, request).await {
            Ok(Ok(response)) => self.inner.finish(response.into_body()),
            Ok(Err(error)) => tracing::debug!(%error, "the session could not be ended"),
            Err(_) => tracing::debug!("the server took too long to end the session"),
        }
    }

    /// Closes every connection. When this returns, no task of the client is left.
    pub(crate) async fn close(&self) {
        self.inner.tasks.close().await;
    }

    /// Sends a request, and gives its response if the status is a success.
    async fn send(
        &self,
        method: Method,
        head: Head<'_>,
        body: Outgoing,
    ) -> Result<http::Response<Incoming>, HttpError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.inner.uri.clone();
        *request.headers_mut() = self.inner.headers.clone();
        head.write(request.headers_mut())?;
        let response = self.inner.http.request(request).await.map_err(not_sent)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let location = response.headers().get(LOCATION).filter(|_| status.is_redirection()).cloned();
        let body = receive(pin!(response.into_body()), MAX_ERROR_BODY, None).await.unwrap_or_default();
        let rpc = match jsonrpc::parse(body.clone(), self.inner.max_depth) {
            Ok(Message::Response(jsonrpc::Response { outcome: Err(error), .. })) => Some(error),
            _ => None,
        };
        let words = match &location {
            Some(location) => format!("it points to {}", String::from_utf8_lossy(location.as_bytes())),
            None => String::from_utf8_lossy(&body).into_owned(),
        };
        let body = words.chars().take(MAX_SHOWN).collect();
        Err(HttpError::Status { status, rpc, body })
    }
}

impl Inner {
    async fn answer_in_json(
        &self,
        id: &RequestId,
        body: Incoming,
        on_message: &mut (dyn FnMut(Message) + Send),
    ) -> Result<std::result::Result<RawJson, ErrorObject>, HttpError> {
        let body = receive(pin!(body), self.max_bytes, None).await.map_err(|error| match error {
            ReceiveError::TooLarge => HttpError::TooLarge { limit: self.max_bytes },
            ReceiveError::Silent => HttpError::Broken("the answer did not come in time".to_owned()),
            ReceiveError::Broken(error) => broken(&error),
        })?;
        match self.look_for_answer(id, body, on_message)? {
            Some(outcome) => Ok(outcome),
            None => Err(HttpError::Protocol(format!("the response holds no answer to the request {id}"))),
        }
    }

    async fn answer_in_events(
        &self,
        id: &RequestId,
        mut body: Incoming,
        on_message: &mut (dyn FnMut(Message) + Send),
    ) -> Result<std::result::Result<RawJson, ErrorObject>, HttpError> {
        let mut parser = SseParser::new(self.max_bytes);
        let mut noise = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error))?;
            let Some(piece) = frame.data_ref() else { continue };
            parser.push(piece);
            while let Some(data) =
                parser.next().map_err(|TooLarge| HttpError::TooLarge { limit: self.max_bytes })?
            {
                match self.look_for_answer(id, data, on_message) {
                    Ok(Some(outcome)) => {
                        self.finish(body);
                        return Ok(outcome);
                    }
                    Ok(None) => {}
                    // The answer may still come.
                    Err(error) => noise = Some(error),
                }
            }
        }
        Err(noise.unwrap_or_else(|| {
            HttpError::Broken(format!("the stream ended before the answer to the request {id}"))
        }))
    }

    /// Reads a message, and gives the outcome of the request if this is its answer.
    fn look_for_answer(
        &self,
        id: &RequestId,
        message: Bytes,
        on_message: &mut (dyn FnMut(Message) + Send),
    ) -> Result<Option<std::result::Result<RawJson, ErrorObject>>, HttpError> {
        let invalid = |error: &dyn fmt::Display| HttpError::Protocol(format!("no JSON-RPC message: {error}"));
        let messages = match jsonrpc::parse(message, self.max_depth) {
            Ok(Message::Batch(members)) => members,
            other => vec![other],
        };
        let mut answer = None;
        for message in messages {
            match message.map_err(|error| invalid(&error))? {
                Message::Response(response) if is_answer(id, response.id.as_ref()) => {
                    answer = Some(response.outcome);
                }
                other => on_message(other),
            }
        }
        Ok(answer)
    }

    /// Reads a response to its end, of which nothing is expected any more, so that the connection can be used again.
    fn finish(&self, mut body: Incoming) {
        let end = async move { while let Some(Ok(_)) = body.frame().await {} };
        let mut end = Box::pin(end);
        if (&mut end).now_or_never().is_none() {
            self.tasks.spawn(async move { drop(tokio::time::timeout(END_PATIENCE, end).await) });
        }
    }
}

impl Head<'_> {
    fn write(&self, headers: &mut HeaderMap) -> Result<(), HttpError> {
        if let Some(version) = self.version {
            let wire = version.wire();
            if wire.version_header {
                headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(version.as_str()));
            }
            if wire.method_headers {
                headers.insert(METHOD, headers::encode(self.method));
                if let Some(name) = self.name {
                    headers.insert(NAME, headers::encode(name));
                }
            }
        }
        if let Some(session) = self.session {
            let session = HeaderValue::from_str(session)
                .map_err(|_| HttpError::Protocol("the server's session id is no header value".to_owned()))?;
            headers.insert(SESSION_ID, session);
        }
        Ok(())
    }
}

impl fmt::Debug for HttpClient {
    /// The URL's query and the headers may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = &self.inner.uri;
        let url = format_args!(
            "{}://{}{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", |authority| authority.as_str()),
            uri.path()
        );
        f.debug_struct("HttpClient").field("url", &url).finish_non_exhaustive()
    }
}

/// Checks the URL of an endpoint. What it says of a bad one does not repeat it, because it may hold a secret.
fn endpoint(url: &str) -> Result<Uri> {
    let misuse = |why: &str| Error::misuse(format!("the server's URL {why}"));
    let mut url = url::Url::parse(url).map_err(|error| misuse(&format!("is not a URL: {error}")))?;
    let is_known = url.scheme() == "http" || (cfg!(feature = "tls") && url.scheme() == "https");
    if !is_known {
        let known =
            if cfg!(feature = "tls") { "http and https" } else { "http, as it was built without TLS" };
        return Err(misuse(&format!("has the scheme {:?}; this client speaks {known}", url.scheme())));
    }
    if !url.has_host() {
        return Err(misuse("has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(misuse("holds a user name or password; send an Authorization header instead"));
    }
    url.set_fragment(None);
    url.as_str().parse().map_err(|error| misuse(&format!("cannot be used: {error}")))
}

fn fixed_headers(given: Vec<(String, String)>) -> Result<HeaderMap> {
    const OWN: [HeaderName; 9] = [
        ACCEPT,
        CONTENT_TYPE,
        CONTENT_LENGTH,
        HOST,
        TRANSFER_ENCODING,
        SESSION_ID,
        PROTOCOL_VERSION,
        METHOD,
        NAME,
    ];
    let mut headers = HeaderMap::with_capacity(given.len() + 8);
    for (name, value) in given {
        let misuse = |why: &str| Error::misuse(format!("the header {name:?} {why}"));
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| misuse("has no valid name"))?;
        if OWN.contains(&parsed) {
            return Err(misuse("is set by the client itself"));
        }
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| misuse("has a value that no header can have"))?;
        value.set_sensitive(true);
        headers.append(parsed, value);
    }
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    Ok(headers)
}

/// Whether an answer is that of a request. Some servers write ids back as strings, and leave them out of errors about a request that they
/// could not read.
fn is_answer(asked: &RequestId, answered: Option<&RequestId>) -> bool {
    match (asked, answered) {
        (_, None) => true,
        (RequestId::Number(asked), Some(RequestId::String(answered))) => answered.parse() == Ok(*asked),
        (asked, Some(answered)) => asked == answered,
    }
}

fn not_sent(error: legacy::Error) -> HttpError {
    #[cfg(feature = "tls")]
    if error.is_connect()
        && let Some(source) = tls::cause(&error)
    {
        let is_certificate = matches!(source, rustls::Error::InvalidCertificate(_));
        return HttpError::Insecure { is_certificate, source: source.clone() };
    }
    match error.source() {
        // What the HTTP library calls it says nothing; its cause does.
        Some(cause) if error.is_connect() => HttpError::Connect(in_words(cause).into()),
        _ if error.is_connect() => HttpError::Connect(error.into()),
        _ => broken(&error),
    }
}

fn broken(error: &dyn StdError) -> HttpError {
    HttpError::Broken(in_words(error))
}

/// An error with its causes.
fn in_words(error: &dyn StdError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some errors repeat their cause.
        if !words.ends_with(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests;
