use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use url::Url;

use super::user_agent::{UserAgent, Visit};
use crate::{Error, ErrorKind, Result};

/// The path at which users come back.
const PATH: &str = "/callback";

/// How long a connection may take to say what it wants.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// Connections at once. A browser makes a few; the oldest gives way to one too many, or whoever holds them silently would keep it out.
const MAX_CONNECTIONS: usize = 16;

type Opener = Arc<dyn Fn(&Url) -> io::Result<()> + Send + Sync>;

/// The browser of the user of this machine: it is opened by the system, and comes back to a port of this machine on loopback (RFC 8252,
/// section 7.3), which is open only meanwhile.
#[derive(Clone)]
pub struct Browser {
    port: u16,
    open: Opener,
}

impl Browser {
    /// The system's browser, which comes back to any free port.
    pub fn new() -> Self {
        Self { port: 0, open: Arc::new(|url| open::that_detached(url.as_str())) }
    }

    /// Comes back to this port and no other, as clients must that were registered by hand with `http://127.0.0.1:{port}/callback`.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Opens URLs in another way, such as showing them in a terminal. They are `https`, or `http` on this machine; nothing else is opened.
    pub fn open_with(mut self, open: impl Fn(&Url) -> io::Result<()> + Send + Sync + 'static) -> Self {
        self.open = Arc::new(open);
        self
    }

    async fn listen(&self, registered: &[String]) -> io::Result<TcpListener> {
        let at = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        if self.port != 0 {
            return at(self.port).await;
        }
        for port in registered.iter().filter_map(|uri| own_port(uri)) {
            if let Ok(listener) = at(port).await {
                return Ok(listener);
            }
        }
        at(0).await
    }
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl UserAgent for Browser {
    fn prepare<'a>(&'a self, registered: &'a [String]) -> BoxFuture<'a, Result<Box<dyn Visit>>> {
        Box::pin(async move {
            let listener = self.listen(registered).await.map_err(|error| {
                let message = "no port of this machine could be opened for the browser to come back to";
                Error::new(ErrorKind::Connect, message).with_source(error)
            })?;
            let port = listener.local_addr().map(|address| address.port()).map_err(|error| {
                Error::new(ErrorKind::Internal, "a listening socket has no address").with_source(error)
            })?;
            let redirect_uri = format!("http://127.0.0.1:{port}{PATH}");
            Ok(Box::new(LoopbackVisit { listener, redirect_uri, open: self.open.clone() }) as Box<dyn Visit>)
        })
    }
}

/// The port of a redirect URI that was made here.
fn own_port(uri: &str) -> Option<u16> {
    let url = Url::parse(uri).ok()?;
    (url.host_str() == Some("127.0.0.1") && url.path() == PATH).then(|| url.port())?
}

struct LoopbackVisit {
    listener: TcpListener,
    redirect_uri: String,
    open: Opener,
}

impl Visit for LoopbackVisit {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    fn authorize(self: Box<Self>, url: Url) -> BoxFuture<'static, Result<Url>> {
        Box::pin(async move {
            let state =
                url.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned());
            let (answered, answer) = oneshot::channel();
            let expected = Arc::new(Expected {
                redirect_uri: self.redirect_uri.clone(),
                state: state.unwrap_or_default(),
                answer: Mutex::default(),
                answered: Mutex::new(Some(answered)),
            });
            let open = self.open.clone();
            let shown = url.to_string();
            // It may wait for the program that it starts, until the user has come back and left that.
            let opened = tokio::task::spawn_blocking(move || open(&url));
            let not_opened = async {
                match opened.await.map_err(io::Error::other).flatten() {
                    Ok(()) => pending().await,
                    Err(error) => error,
                }
            };
            tokio::select! {
                biased;
                answer = answer => answer.map_err(|_| Error::new(ErrorKind::Internal, "nobody waits for the browser")),
                error = serve(&self.listener, &expected) => Err(error),
                error = not_opened => {
                    // Programs that are started repeat what they were given, with the state in it.
                    let why = error.to_string().replace(&shown, "(the address)");
                    let message = format!(
                        "no browser could be opened for the user to authorize: {why}; `Browser::open_with` or a `Callback` can show the address in another way"
                    );
                    Err(Error::new(ErrorKind::Unauthorized, message))
                }
            }
        })
    }
}

/// What the browser is to come back with.
struct Expected {
    redirect_uri: String,
    state: String,
    /// The answer, until the browser has been told that it was received.
    answer: Mutex<Option<Url>>,
    answered: Mutex<Option<oneshot::Sender<Url>>>,
}

impl Expected {
    /// Takes an answer to what was asked. Anybody on this machine can say something; who does not know the state is not heard.
    fn take(&self, request: &Request<Incoming>) -> StatusCode {
        let Some(url) = request
            .uri()
            .query()
            .and_then(|query| Url::parse(&format!("{}?{query}", self.redirect_uri)).ok())
        else {
            return StatusCode::BAD_REQUEST;
        };
        if request.method() != Method::GET || request.uri().path() != PATH {
            return StatusCode::NOT_FOUND;
        }
        if !url.query_pairs().any(|(name, value)| name == "state" && value == self.state.as_str()) {
            return StatusCode::BAD_REQUEST;
        }
        lock(&self.answer).get_or_insert(url);
        StatusCode::OK
    }

    /// Passes the answer on, if there is one.
    fn settle(&self) {
        if let Some(answer) = lock(&self.answer).take()
            && let Some(answered) = lock(&self.answered).take()
        {
            // Nobody waits any more if the visit was given up.
            let _ = answered.send(answer);
        }
    }
}

/// Passes an answer on when the connection is over that brought it, in whatever way.
struct Settle(Arc<Expected>);

impl Drop for Settle {
    fn drop(&mut self) {
        self.0.settle();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves the browser until the answer has come. Only what keeps it from doing so is returned.
async fn serve(listener: &TcpListener, expected: &Arc<Expected>) -> Error {
    let mut connections = JoinSet::new();
    let mut oldest: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                return Error::new(ErrorKind::Connect, "the browser could not come back").with_source(error);
            }
        };
        oldest.retain(|connection| !connection.is_finished());
        if oldest.len() >= MAX_CONNECTIONS
            && let Some(oldest) = oldest.pop_front()
        {
            oldest.abort();
        }
        let expected = Settle(expected.clone());
        oldest.push_back(connections.spawn(async move {
            let Settle(expected) = &expected;
            let service = service_fn(|request: Request<Incoming>| {
                let response = page(expected.take(&request));
                async { Ok::<_, Infallible>(response) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).keep_alive(false);
            // A browser that goes away is none of ours.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        }));
    }
}

fn page(status: StatusCode) -> Response<Full<Bytes>> {
    let text = match status {
        StatusCode::OK => "The authorization was received. You can close this window.",
        _ => "This is no answer to an authorization that is waited for.",
    };
    let mut page = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *page.status_mut() = status;
    page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    page.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}
