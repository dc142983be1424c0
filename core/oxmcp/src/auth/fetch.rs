use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tower_service::Service;
use url::Url;

use super::names::{Names, SystemNames};
use super::reach::{Reach, Refused};
use super::words::printable;
use crate::{Error, ErrorKind, Result};

/// How long one fetch may take, from the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take to connect.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a document.
const MAX_BYTES: usize = 512 << 10;

/// Redirects that are followed, within an origin.
const MAX_REDIRECTS: usize = 3;

/// How long a connection may be unused.
const MAX_IDLE: Duration = Duration::from_secs(4);

#[cfg(feature = "tls")]
type Connector = crate::transport::http::tls::Connector<Guarded>;

#[cfg(not(feature = "tls"))]
type Connector = HttpConnector<Guarded>;

type Http = Client<Connector, Full<Bytes>>;

/// The one way to whatever a peer's metadata names: within a [`Reach`], within limits of size and time, with no header that was not meant
/// for it, and without redirects to other origins.
#[derive(Clone)]
pub(crate) struct Fetch {
    inner: Arc<Inner>,
}

struct Inner {
    reach: Reach,
    names: Arc<dyn Names>,
    plain: OnceCell<Http>,
    secure: OnceCell<Http>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// What it was answered with.
    pub(crate) status: StatusCode,
    /// The headers of the answer.
    pub(crate) headers: HeaderMap,
    body: Bytes,
}

impl Fetched {
    /// Whether there is such a document at `url`. The server has to say so: one that is in trouble may have it.
    ///
    /// # Errors
    ///
    /// [`Connect`](ErrorKind::Connect) or [`Overloaded`](ErrorKind::Overloaded) if it cannot say now.
    pub(crate) fn is_there(&self, url: &Url) -> Result<bool> {
        match self.trouble() {
            None => Ok(self.status.is_success()),
            Some(kind) => {
                let message = format!("{} answered with HTTP {}; try again later", shown(url), self.status);
                Err(Error::new(kind, message))
            }
        }
    }

    /// What kind of error it is that the server cannot say now whether there is such a document, if it cannot.
    pub(crate) fn trouble(&self) -> Option<ErrorKind> {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some(ErrorKind::Overloaded),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Some(ErrorKind::Connect),
            status => status.is_server_error().then_some(ErrorKind::Connect),
        }
    }

    /// Whether the server does not say if there is such a document: it wants to know first who asks. Metadata is open to everybody, so there may
    /// be some that was closed by mistake.
    pub(crate) fn is_withheld(&self) -> bool {
        matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// What the body says, if it is JSON of that form. What does not fit is not repeated: it may hold secrets.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Fetch {
    pub(crate) fn new(reach: Reach) -> Self {
        Self::by(reach, Arc::new(SystemNames))
    }

    /// One that finds its way by these names.
    pub(crate) fn by(reach: Reach, names: Arc<dyn Names>) -> Self {
        let inner = Inner { reach, names, plain: OnceCell::new(), secure: OnceCell::new() };
        Self { inner: Arc::new(inner) }
    }

    /// Whom it asks.
    pub(crate) fn reach(&self) -> &Reach {
        &self.inner.reach
    }

    /// Gets a document, whatever its status is.
    pub(crate) async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Fetched> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let fetched = self.send(Method::GET, &url, headers.clone(), Bytes::new()).await?;
            let Some(next) = fetched.redirect(&url) else { return Ok(fetched) };
            if next.origin() != url.origin() {
                return Err(Error::protocol(format!(
                    "{} redirects to another origin, {}, which is not followed",
                    shown(&url),
                    shown(&next)
                )));
            }
            url = next;
        }
        Err(Error::protocol(format!("{} redirects more than {MAX_REDIRECTS} times", shown(&url))))
    }

    /// Posts a form. A redirect is an answer like any other: what was posted goes nowhere else.
    pub(crate) async fn post_form(
        &self,
        url: &Url,
        mut headers: HeaderMap,
        form: &[(&str, &str)],
    ) -> Result<Fetched> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.send(Method::POST, url, headers, body.into()).await
    }

    /// Posts JSON.
    pub(crate) async fn post_json(
        &self,
        url: &Url,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Fetched> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.send(Method::POST, url, headers, body.into()).await
    }

    async fn send(&self, method: Method, url: &Url, mut headers: HeaderMap, body: Bytes) -> Result<Fetched> {
        if let Err(why) = self.inner.reach.check(url) {
            return Err(refused(url, why));
        }
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() =
            url.as_str().parse().map_err(|error| refused(url, format_args!("it cannot be used: {error}")))?;
        *request.headers_mut() = headers;
        let http = self.inner.http(url).await?;
        let fetch = async {
            let response = http.request(request).await.map_err(|error| unreachable(url, error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BYTES).collect().await;
            let body = body.map_err(|error| {
                let what = format!("{} sent no answer of at most {} KiB", shown(url), MAX_BYTES >> 10);
                Error::protocol(what).with_source(error)
            })?;
            Ok(Fetched { status: parts.status, headers: parts.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(PATIENCE, fetch).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("{} did not answer within {PATIENCE:?}", shown(url))))
        })
    }
}

impl Fetched {
    fn redirect(&self, from: &Url) -> Option<Url> {
        let location = self.headers.get(LOCATION).filter(|_| self.status.is_redirection())?;
        from.join(location.to_str().ok()?).ok()
    }
}

impl Inner {
    async fn http(&self, url: &Url) -> Result<&Http> {
        let is_https = url.scheme() == "https";
        let cell = if is_https { &self.secure } else { &self.plain };
        cell.get_or_try_init(|| async {
            let resolver = Guarded { reach: self.reach.clone(), names: self.names.clone() };
            let mut tcp = HttpConnector::new_with_resolver(resolver);
            tcp.set_nodelay(true);
            tcp.set_connect_timeout(Some(CONNECT_PATIENCE));
            #[cfg(feature = "tls")]
            let connector = crate::transport::http::tls::connector(tcp, is_https).await?;
            #[cfg(not(feature = "tls"))]
            let connector = tcp;
            let mut http = Client::builder(TokioExecutor::new());
            http.pool_idle_timeout(MAX_IDLE).pool_timer(TokioTimer::new());
            Ok(http.build(connector))
        })
        .await
    }
}

/// Resolves names to those of their addresses that are within reach. The connection is made to just these: there is no second look at the
/// name that could say something else.
#[derive(Clone)]
pub(crate) struct Guarded {
    reach: Reach,
    names: Arc<dyn Names>,
}

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { reach, names } = self.clone();
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found = names.resolve(name).await?;
            let within: Vec<SocketAddr> =
                found.iter().copied().filter(|address| reach.admits_name(&host, address.ip())).collect();
            if within.is_empty() && !found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, Refused::Network));
            }
            #[cfg(test)]
            let within: Vec<SocketAddr> = within.into_iter().map(|address| names.route(address)).collect();
            Ok(within.into_iter())
        })
    }
}

/// A URL for people: without its query, in which there may be secrets.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for URLs that have none of them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    printable(url.as_str())
}

fn refused(url: &Url, why: impl std::fmt::Display) -> Error {
    Error::protocol(format!("{}, which the server's metadata names, is not asked: {why}", shown(url)))
}

fn unreachable(url: &Url, error: hyper_util::client::legacy::Error) -> Error {
    match refusal(&error) {
        Some(why) => refused(url, why),
        None => {
            let message = format!("{} could not be reached: {}", shown(url), causes(&error));
            Error::new(ErrorKind::Connect, message)
        }
    }
}

/// What lies behind the failure of an exchange, whose own words are the same for everything.
fn causes(error: &hyper_util::client::legacy::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let mut words: Vec<String> = causes.map(ToString::to_string).collect();
    // Some repeat what is behind them.
    for at in (1..words.len()).rev() {
        if words[at - 1].contains(&words[at]) {
            words.remove(at);
        }
    }
    if words.is_empty() { error.to_string() } else { words.join(": ") }
}

/// Why the guard let no connection come to be, if it was the guard.
fn refusal(error: &(dyn StdError + 'static)) -> Option<Refused> {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return Some(*refused);
    }
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.and_then(|inner| refusal(inner)).or_else(|| error.source().and_then(refusal))
}
