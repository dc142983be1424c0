use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::HttpService;
use crate::transport::acceptor::Finishing;

/// What a client sends first that speaks HTTP/2 without having asked (RFC 9113, section 3.3), as far as it tells it from HTTP/1.
const PREFACE: &[u8] = b"PRI";

/// How long to wait for the rest of a preface of which so far too little has come.
const PREFACE_PAUSE: Duration = Duration::from_millis(5);

/// How long a connection may be silent before the client is asked whether it is there, and how long it has to answer.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// Requests in flight on one connection.
const MAX_STREAMS: u32 = 256;

/// Whether the client speaks HTTP/2, once it has said something. Nothing of it is taken off the stream.
pub(super) async fn is_spoken(stream: &TcpStream) -> bool {
    let mut first = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut first).await {
            Ok(count) if count == first.len() => return first == *PREFACE,
            Ok(count @ 1..) if PREFACE.starts_with(&first[..count]) => {
                tokio::time::sleep(PREFACE_PAUSE).await
            }
            _ => return false,
        }
    }
}

/// Serves one connection to its end, or until `finishing` says so and nothing is in flight any more.
pub(super) async fn serve(stream: TcpStream, service: HttpService, mut finishing: Finishing) {
    let answer = move |request: Request<Incoming>| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.call(request).await) }
    };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .max_concurrent_streams(MAX_STREAMS)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    let mut connection = pin!(connection);
    let mut is_finishing = false;
    let ended = poll_fn(|cx| {
        if !is_finishing && Pin::new(&mut finishing).poll(cx).is_ready() {
            is_finishing = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection ended early");
    }
}
