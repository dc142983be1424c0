use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::HttpService;
use super::usage::{InUse, ResponseBody, Usage};
use crate::transport::acceptor::Finishing;

/// What a client sends first that speaks HTTP/2 without having asked (RFC 9113, section 3.3), as far as it tells it from HTTP/1.
const PREFACE: &[u8] = b"PRI";

/// How long to wait for the rest of a preface of which so far too little has come; each time twice as long, so many times. Then it is taken
/// for HTTP/1, which waits for the rest without looking, and has none of it if it is no request.
const PREFACE_PAUSE: Duration = Duration::from_millis(5);
const PREFACE_PAUSES: u32 = 8;

/// How long a connection may be silent before the client is asked whether it is there, and how long it has to answer.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// How often is looked whether a connection was used since the last time. If not, it is asked to end, and the next time it does.
const IDLE: Duration = Duration::from_secs(60);

/// Requests in flight on one connection.
const MAX_STREAMS: u32 = 256;

/// Whether the client speaks HTTP/2, once it has said something. Nothing of it is taken off the stream.
pub(super) async fn is_spoken(stream: &TcpStream) -> bool {
    let mut first = [0; PREFACE.len()];
    for pause in 0..PREFACE_PAUSES {
        match stream.peek(&mut first).await {
            Ok(count) if count == first.len() => return first == *PREFACE,
            Ok(count @ 1..) if PREFACE.starts_with(&first[..count]) => {
                tokio::time::sleep(PREFACE_PAUSE * 2u32.pow(pause)).await
            }
            _ => return false,
        }
    }
    false
}

/// Serves one connection to its end, until nobody has used it for a while, or until `finishing` says so and nothing is in flight any more.
pub(super) async fn serve(stream: TcpStream, service: HttpService, finishing: Finishing) {
    serve_while_used(stream, service, finishing, IDLE).await;
}

async fn serve_while_used(stream: TcpStream, service: HttpService, mut finishing: Finishing, idle: Duration) {
    let usage = Arc::<Usage>::default();
    let answer = |request: Request<Incoming>| {
        let exchange = InUse::begin(&usage);
        let service = service.clone();
        async move {
            let response = service.call(request).await;
            Ok::<_, Infallible>(response.map(|body| ResponseBody::new(body, exchange)))
        }
    };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .max_concurrent_streams(MAX_STREAMS)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    let mut connection = pin!(connection);
    let mut look = pin!(tokio::time::sleep(idle));
    let mut is_finishing = false;
    let ended = poll_fn(|cx| {
        if !is_finishing && Pin::new(&mut finishing).poll(cx).is_ready() {
            is_finishing = true;
            connection.as_mut().graceful_shutdown();
        }
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
            ready!(look.as_mut().poll(cx));
            look.as_mut().reset(Instant::now() + idle);
            match usage.rested() {
                true if is_finishing => return Poll::Ready(Ok(())),
                true => {
                    is_finishing = true;
                    connection.as_mut().graceful_shutdown();
                }
                false => {}
            }
        }
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::sync::oneshot;

    use super::*;
    use crate::Server;
    use crate::transport::HttpOptions;

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        (client.unwrap(), accepted.unwrap().0)
    }

    #[tokio::test]
    async fn a_connection_that_nobody_uses_ends() {
        let (client, accepted) = connected().await;
        let service = Server::new("test", "1.0.0").http_service(HttpOptions::default()).unwrap();
        let (_finish, finishing) = oneshot::channel();
        let serving = tokio::spawn(serve_while_used(accepted, service, finishing, Duration::from_millis(10)));
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client));
        let (sender, connection) = handshake.await.unwrap();
        let _: hyper::client::conn::http2::SendRequest<Full<Bytes>> = sender;
        let _ = connection.await;
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_ends_even_if_its_client_says_nothing() {
        let (_client, accepted) = connected().await;
        let service = Server::new("test", "1.0.0").http_service(HttpOptions::default()).unwrap();
        let (_finish, finishing) = oneshot::channel();
        serve_while_used(accepted, service, finishing, Duration::from_millis(10)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_half_of_it_is_looked_at_a_few_times() {
        for (said, is_http2) in [("PR", false), ("PRI", true), ("POST", false)] {
            let (mut client, accepted) = connected().await;
            client.write_all(said.as_bytes()).await.unwrap();
            assert_eq!(is_spoken(&accepted).await, is_http2, "{said}");
        }
    }
}
