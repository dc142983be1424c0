//! A server of a test's own, on a runtime of its own, that counts its connections and keeps what it was sent.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

/// Seconds after which something is taken never to come.
const GUARD: Duration = Duration::from_secs(120);

pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// What answers some requests in place of the server.
pub(crate) type Script = Arc<dyn Fn(&Seen) -> Option<Answer> + Send + Sync>;

/// A server that listens until it is dropped.
pub(crate) struct Listener {
    port: u16,
    log: Arc<Log>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Log {
    connections: watch::Sender<usize>,
    /// Who connected last.
    last: watch::Sender<Option<SocketAddr>>,
    seen: Mutex<Vec<Seen>>,
    /// How many requests have come.
    count: watch::Sender<usize>,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    /// The value of a header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a parameter in a form, or nothing.
    pub(crate) fn field(&self, name: &str) -> String {
        let mut fields = url::form_urlencoded::parse(self.body.as_bytes());
        fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }
}

impl Listener {
    /// Listens at a free port. `serve` is told it, and gives what answers each request.
    pub(crate) fn new<F>(serve: impl FnOnce(u16) -> F) -> Self
    where
        F: Fn(Seen) -> BoxFuture<'static, Answer> + Clone + Send + Sync + 'static,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = serve(port);
        let (count, _) = watch::channel(0);
        let log = Arc::new(Log {
            connections: watch::channel(0).0,
            last: watch::channel(None).0,
            seen: Mutex::default(),
            count,
        });
        let (stop, stopped) = oneshot::channel();
        let kept = log.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, kept, answer) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { port, log, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Connections that were made so far, whatever came over them. One that was made by now is counted, for it makes one itself and
    /// waits for that.
    pub(crate) async fn connections(&self) -> usize {
        let mut connections = self.log.connections.subscribe();
        let own = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let (address, mut last) = (own.local_addr().unwrap(), self.log.last.subscribe());
        last.wait_for(|last| *last == Some(address)).await.unwrap();
        let made = *connections.borrow_and_update();
        self.log.connections.send_modify(|connections| *connections -= 1);
        made - 1
    }

    /// What was sent so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.seen.lock().unwrap().clone()
    }

    /// Waits until something was sent that is `wanted`.
    pub(crate) async fn sees(&self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let mut count = self.log.count.subscribe();
        let found = async {
            loop {
                count.borrow_and_update();
                if let Some(seen) = self.seen().into_iter().find(|seen| wanted(seen)) {
                    return seen;
                }
                count.changed().await.unwrap();
            }
        };
        tokio::time::timeout(GUARD, found).await.expect("it does not come")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept<F>(listener: TcpListener, log: Arc<Log>, answer: F)
where
    F: Fn(Seen) -> BoxFuture<'static, Answer> + Clone + Send + Sync + 'static,
{
    while let Ok((stream, from)) = listener.accept().await {
        log.connections.send_modify(|connections| *connections += 1);
        log.last.send_replace(Some(from));
        let (log, answer) = (log.clone(), answer.clone());
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let (log, answer) = (log.clone(), answer.clone());
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let seen = Seen {
                        method: parts.method.to_string(),
                        path: parts.uri.to_string(),
                        headers: parts.headers,
                        body: String::from_utf8_lossy(&body).into_owned(),
                    };
                    log.seen.lock().unwrap().push(seen.clone());
                    log.count.send_modify(|count| *count += 1);
                    Ok::<_, hyper::Error>(answer(seen).await)
                }
            });
            // A client that goes away is none of the test's.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A whole answer.
pub(crate) fn text(status: u16, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()).boxed_unsync());
    *answer.status_mut() = status.try_into().unwrap();
    answer
}

/// An answer that does not end.
pub(crate) fn endless() -> Answer {
    let piece = || Ok(Frame::data(Bytes::from_static(&[b' '; 16 << 10])));
    Response::new(StreamBody::new(futures_util::stream::repeat_with(piece)).boxed_unsync())
}

/// An answer of which nothing comes but the head.
pub(crate) fn silent() -> Answer {
    Response::new(StreamBody::new(futures_util::stream::pending()).boxed_unsync())
}

/// A whole answer of JSON.
pub(crate) fn json(status: u16, body: &Value) -> Answer {
    with(text(status, body.to_string()), "content-type", "application/json")
}

/// The same answer with a header.
pub(crate) fn with(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    answer.headers_mut().insert(name, value.parse().unwrap());
    answer
}
