mod access;
mod answer;
mod confidential;
mod endpoint;
mod error;
mod events;
mod outgoing;
mod tasks;
mod turn;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioTimer;
use oxmcp_proto::jsonrpc::{self, Message, RequestId};
use oxmcp_proto::{Era, ProtocolVersion};
use tokio::sync::Semaphore;
use url::Url;

use self::answer::{Answer, Outcome};
use self::confidential::Confidential;
use self::endpoint::{endpoint, fixed_headers, named_endpoint};
use self::outgoing::Outgoing;
use self::tasks::{Executor, Tasks};
use super::accept::is_media_type;
use super::headers::{self, EVENT_STREAM, LAST_EVENT_ID, METHOD, NAME, PROTOCOL_VERSION, SESSION_ID};
use super::receive::receive;
use crate::auth::{Attempt, Authorizer, Effort};
use crate::{Limits, Result};

pub(crate) use self::access::Access;
pub(crate) use self::error::{Fate, HttpError};
pub(crate) use self::events::{Cursor, EventStream};
pub(crate) use self::outgoing::Sending;
pub(crate) use self::turn::Turn;

/// How long a connection may be unused. Less than the five seconds after which common servers close theirs, so that a request
/// does not meet a connection that is just being closed.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// How long a connection may be silent before the system asks whether the server is still there. Streams are silent for as long as the
/// server has nothing to say.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How long the end of a stream may take after the answer. The connection can be used again only after it.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// How long ending a session may take.
const DELETE_PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that are read of the body of a response whose status is an error.
const MAX_ERROR_BODY: usize = 1 << 20;

/// Characters of such a body that are shown to people.
const MAX_SHOWN: usize = 512;

#[cfg(feature = "tls")]
use super::tls::{Connector, connector};

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
    authorizer: Option<Authorizer>,
    /// What stands in the user's headers that nobody else must see.
    confidential: Confidential,
    exchanges: Semaphore,
    max_bytes: usize,
    max_depth: usize,
}

/// What stands in the headers of one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head<'a> {
    /// The revision, once there is one.
    pub(crate) version: Option<ProtocolVersion>,
    /// The method of the message.
    pub(crate) method: &'a str,
    /// The name or URI that it concerns.
    pub(crate) name: Option<&'a str>,
    /// The headers that repeat arguments of a tool, with what they repeat.
    pub(crate) params: &'a [(HeaderName, String)],
    /// The session, in the handshake era.
    pub(crate) session: Option<&'a HeaderValue>,
    /// How far the client goes to be authorized for it.
    pub(crate) effort: Effort,
}

/// A response whose status is a success, and the attempt that brought it about, if somebody authorizes the client.
type Sent<'a> = (http::Response<Incoming>, Option<Attempt<'a>>);

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Response {
    /// The result or the error.
    pub(crate) outcome: Outcome,
    /// The session that the server names.
    pub(crate) session: Option<HeaderValue>,
}

impl HttpClient {
    /// A client of the endpoint at `url`, which has `access` to it.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the URL is none of an endpoint, or a header is not one or is this client's to set;
    /// [`Connect`](crate::ErrorKind::Connect) if no `https` server can be trusted.
    pub(crate) async fn new(url: &str, access: Access, limits: &Limits) -> Result<Self> {
        let uri = endpoint(url)?;
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limits.connect));
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE / 4));
        tcp.set_keepalive_retries(Some(4));
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let tasks = Arc::<Tasks>::default();
        let http = Client::builder(Executor::new(&tasks))
            .pool_idle_timeout(MAX_IDLE)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(limits.http_connections)
            .build(connector(tcp, is_https).await?);
        let headers = fixed_headers(access.headers)?;
        let inner = Inner {
            http,
            tasks,
            uri,
            confidential: Confidential::in_headers(&headers),
            headers,
            authorizer: access.authorizer,
            exchanges: Semaphore::new(limits.http_connections.clamp(1, Semaphore::MAX_PERMITS)),
            max_bytes: limits.message_bytes,
            max_depth: limits.message_depth,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Waits until there are fewer than [`Limits::http_connections`] exchanges under way.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        Turn::wait(&self.inner.exchanges).await
    }

    /// The same if it need not wait.
    pub(crate) fn try_turn(&self) -> Option<Turn<'_>> {
        Turn::try_take(&self.inner.exchanges)
    }

    /// Posts a request and reads until its answer. `sending` hears when the request is written to a connection. Every other message that
    /// comes on the way to the answer goes to `on_message`. Dropping the future closes the response. `turn` is held while a connection is in
    /// use.
    ///
    /// In a session, a stream whose events have ids and that ends before the answer is resumed (2025-11-25, transports, "Resumability and
    /// Redelivery") until the server refuses that: how long this may go on is the caller's to say.
    pub(crate) async fn exchange(
        &self,
        head: Head<'_>,
        id: &RequestId,
        body: Bytes,
        sending: Option<Arc<Sending>>,
        turn: Turn<'_>,
        on_message: &mut (dyn FnMut(Message) + Send),
    ) -> Result<Response, HttpError> {
        let headers = self.post_headers(&head);
        let body = Outgoing::new(body, sending);
        let (response, attempt) = self.send(Method::POST, headers, head.effort, body).await?;
        let (parts, body) = response.into_parts();
        let session = parts.headers.get(&SESSION_ID).cloned();
        let answer = Answer::new(id, self.inner.max_depth, on_message);
        let outcome = if is(&parts.headers, "application/json") {
            answer.in_json(body, self.inner.max_bytes).await?
        } else if is(&parts.headers, "text/event-stream") {
            self.answer_in_events(head, body, answer, turn).await?
        } else {
            let content_type = self.confidential(attempt.as_ref()).conceal(content_type(&parts.headers));
            return Err(HttpError::Foreign(format!(
                "HTTP {} with content type {content_type} is no answer to a request",
                parts.status
            )));
        };
        let outcome = outcome.map_err(|error| self.confidential(attempt.as_ref()).conceal_in(error));
        Ok(Response { outcome, session })
    }

    async fn answer_in_events(
        &self,
        head: Head<'_>,
        body: Incoming,
        mut answer: Answer<'_>,
        mut turn: Turn<'_>,
    ) -> Result<Outcome, HttpError> {
        let is_resumable = head.version.is_some_and(|version| version.era() == Era::Handshake);
        let mut events = EventStream::new(body, self.inner.max_bytes);
        let mut cursor = Cursor::default();
        loop {
            let lost = match answer.in_events(&mut events).await {
                Ok(outcome) => {
                    self.inner.finish(events.into_body());
                    return Ok(outcome);
                }
                Err(HttpError::Broken(how)) => how,
                Err(error) => return Err(error),
            };
            cursor.follow(&events);
            drop(events);
            if !is_resumable || cursor.last_id().is_none() {
                return Err(answer.noise().unwrap_or(HttpError::Broken(lost)));
            }
            events = self.resume(head, &mut cursor, lost, &mut turn).await?;
            answer.resume();
        }
    }

    /// Opens a stream again that was lost, where it was.
    async fn resume(
        &self,
        head: Head<'_>,
        cursor: &mut Cursor,
        lost: String,
        turn: &mut Turn<'_>,
    ) -> Result<EventStream, HttpError> {
        loop {
            let Some(last_id) = cursor.last_id() else { return Err(HttpError::Broken(lost)) };
            tracing::debug!(?last_id, lost, "a stream is resumed");
            turn.pause(cursor.delay()).await;
            match self.open(head, cursor.last_id()).await {
                Ok(events) => return Ok(events),
                Err(error) if error.may_pass() => cursor.fail(),
                Err(error) => {
                    return Err(HttpError::Broken(format!("{lost}, and could not be resumed: {error}")));
                }
            }
        }
    }

    /// Opens a stream of what the server has to say by itself, or of what it said after an event of another stream.
    pub(crate) async fn open(
        &self,
        head: Head<'_>,
        last_id: Option<&HeaderValue>,
    ) -> Result<EventStream, HttpError> {
        let mut headers = self.post_headers(&head);
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCEPT, EVENT_STREAM);
        if let Some(last_id) = last_id {
            headers.insert(LAST_EVENT_ID, last_id.clone());
        }
        let body = Outgoing::new(Bytes::new(), None);
        let (response, attempt) = self.send(Method::GET, headers, head.effort, body).await?;
        let (parts, body) = response.into_parts();
        if !is(&parts.headers, "text/event-stream") {
            let content_type = self.confidential(attempt.as_ref()).conceal(content_type(&parts.headers));
            return Err(HttpError::Protocol(format!(
                "HTTP {} with content type {content_type} is no stream of events",
                parts.status
            )));
        }
        Ok(EventStream::new(body, self.inner.max_bytes))
    }

    /// Posts a message that wants no answer.
    pub(crate) async fn post(&self, head: Head<'_>, body: Bytes) -> Result<(), HttpError> {
        self.post_to(&self.inner.uri, head, body).await
    }

    /// Posts a message to where a server of HTTP+SSE takes them.
    pub(crate) async fn post_to(&self, endpoint: &Uri, head: Head<'_>, body: Bytes) -> Result<(), HttpError> {
        let headers = self.post_headers(&head);
        let body = Outgoing::new(body, None);
        let (response, _) = self.send_to(endpoint, Method::POST, headers, head.effort, body).await?;
        self.inner.finish(response.into_body());
        Ok(())
    }

    /// The endpoint that a server of HTTP+SSE names in its stream.
    pub(crate) fn named_endpoint(&self, named: &[u8]) -> Result<Uri, HttpError> {
        named_endpoint(&self.inner.uri, named)
    }

    /// Ends the session, as far as the server lets clients do that, and this one is let in with what it has.
    pub(crate) async fn delete_session(&self, head: Head<'_>) {
        let headers = self.post_headers(&head);
        let request = self.send(Method::DELETE, headers, Effort::AsIs, Outgoing::new(Bytes::new(), None));
        match tokio::time::timeout(DELETE_PATIENCE, request).await {
            Ok(Ok((response, _))) => self.inner.finish(response.into_body()),
            Ok(Err(error)) => tracing::debug!(%error, "the session could not be ended"),
            Err(_) => tracing::debug!("the server took too long to end the session"),
        }
    }

    /// What keeps the client authorized, if something does.
    pub(crate) fn authorizer(&self) -> Option<&Authorizer> {
        self.inner.authorizer.as_ref()
    }

    /// Starts a task that does not outlive the client's connections.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.tasks.spawn(task);
    }

    /// Closes every connection, and waits for tokens that are being refreshed. When this returns, no task of the client is left.
    pub(crate) async fn close(&self) {
        self.inner.tasks.close().await;
        if let Some(authorizer) = &self.inner.authorizer {
            authorizer.kept().await;
        }
    }

    fn post_headers(&self, head: &Head<'_>) -> HeaderMap {
        let mut headers = self.inner.headers.clone();
        head.write(&mut headers);
        headers
    }

    async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        effort: Effort,
        body: Outgoing,
    ) -> Result<Sent<'_>, HttpError> {
        self.send_to(&self.inner.uri, method, headers, effort, body).await
    }

    /// Sends a request, and gives its response if the status is a success.
    async fn send_to(
        &self,
        uri: &Uri,
        method: Method,
        headers: HeaderMap,
        effort: Effort,
        body: Outgoing,
    ) -> Result<Sent<'_>, HttpError> {
        let has_credentials = self.inner.authorizer.is_some() || headers.contains_key(AUTHORIZATION);
        let mut attempt = self.inner.authorizer.as_ref().map(|authorizer| authorizer.attempt(effort));
        let response = match &mut attempt {
            None => self.inner.request(uri, method, headers, body).await?,
            Some(attempt) => self.authorized(attempt, uri, method, headers, body).await?,
        };
        if response.status().is_success() {
            return Ok((response, attempt));
        }
        let confidential = self.confidential(attempt.as_ref());
        let status = response.status();
        let has_challenge = response.headers().contains_key(WWW_AUTHENTICATE);
        // A refusal stands in the midst of a sentence.
        let is_shown = !is_refusal(status) || is_text(response.headers());
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|after| {
            let seconds = after.to_str().ok()?.trim().parse().ok()?;
            Some(Duration::from_secs(seconds))
        });
        let location = response.headers().get(LOCATION).filter(|_| status.is_redirection()).cloned();
        let body = receive(pin!(response.into_body()), MAX_ERROR_BODY, None).await.unwrap_or_default();
        let rpc = match jsonrpc::parse(body.clone(), self.inner.max_depth) {
            Ok(Message::Response(jsonrpc::Response { outcome: Err(error), .. })) => {
                Some(confidential.conceal_in(error))
            }
            _ => None,
        };
        let words = match &location {
            Some(location) => format!("it points to {}", String::from_utf8_lossy(location.as_bytes())),
            None if is_shown => String::from_utf8_lossy(&body).into_owned(),
            None => String::new(),
        };
        let body = printable(&confidential.conceal(words));
        Err(HttpError::Status { status, rpc, retry_after, has_credentials, has_challenge, body })
    }

    /// What was sent with a request and must not be seen.
    fn confidential(&self, attempt: Option<&Attempt<'_>>) -> Confidential {
        let mut all = self.inner.confidential.clone();
        if let Some(attempt) = attempt {
            attempt.secrets(|secret| all.add_credential(secret));
        }
        all
    }
}

impl HttpClient {
    /// Sends a request with what shows that the client is authorized, and again for as long as the server wants something else and it can be
    /// had.
    async fn authorized(
        &self,
        attempt: &mut Attempt<'_>,
        uri: &Uri,
        method: Method,
        headers: HeaderMap,
        mut body: Outgoing,
    ) -> Result<http::Response<Incoming>, HttpError> {
        let url = Url::parse(&uri.to_string()).map_err(|error| HttpError::Protocol(error.to_string()))?;
        loop {
            let mut headers = headers.clone();
            attempt.sign(&method, &url, &mut headers).await.map_err(HttpError::Unauthorized)?;
            let again = body.again();
            let response = self.inner.request(uri, method.clone(), headers, body).await?;
            let (status, answer) = (response.status(), response.headers());
            if !attempt.answered(&url, status, answer).await.map_err(HttpError::Unauthorized)? {
                return Ok(response);
            }
            self.inner.finish(response.into_body());
            body = again;
        }
    }
}

impl Inner {
    async fn request(
        &self,
        uri: &Uri,
        method: Method,
        headers: HeaderMap,
        body: Outgoing,
    ) -> Result<http::Response<Incoming>, HttpError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        self.http.request(request).await.map_err(|error| HttpError::not_sent(uri, error))
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
    fn write(&self, headers: &mut HeaderMap) {
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
                for (name, value) in self.params {
                    headers.insert(name.clone(), headers::encode(value));
                }
            }
        }
        if let Some(session) = self.session {
            headers.insert(SESSION_ID, session.clone());
        }
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

fn is(headers: &HeaderMap, media_type: &str) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|content_type| is_media_type(content_type, media_type))
}

/// Whether a status says that something is not allowed.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Whether a body may be shown to people: a page of HTML is for programs.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return true };
    let media_type = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type == "text/plain" || media_type == "application/json" || media_type.ends_with("+json")
}

/// The beginning of what a server says, in which nothing moves a cursor or changes a colour.
fn printable(words: &str) -> String {
    words.trim().chars().take(MAX_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The content type, for people.
fn content_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    content_type.unwrap_or("none".into()).into_owned()
}

#[cfg(test)]
mod tests;
