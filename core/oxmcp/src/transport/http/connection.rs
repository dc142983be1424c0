use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::HttpService;
use super::usage::{InUse, RequestBody, ResponseBody};
use super::wire::Wire;
use crate::transport::acceptor::Finishing;
use crate::transport::socket::without_delay;

/// How long a client may take for the head of a request, and how long a connection may be unused.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing has to happen on a connection before it is parked.
const REST: Duration = Duration::from_millis(10);

/// The same for one whose last park was shorter than this: its client pauses and comes back, and to wake it for each call costs more than its
/// buffers do.
const LONG_REST: Duration = Duration::from_millis(250);

/// Serves one connection to its end, or until `finishing` says so and nothing is in flight any more.
///
/// A connection that nobody uses is *parked*: its buffers for reading and writing HTTP, which are most of what a session weighs, are given
/// back until its next byte arrives.
pub(super) async fn serve(stream: TcpStream, service: HttpService, mut finishing: Finishing) {
    without_delay(&stream);
    #[cfg(feature = "http2")]
    tokio::select! {
        spoken = tokio::time::timeout(HEAD_PATIENCE, super::http2::is_spoken(&stream)) => match spoken {
            Ok(true) => return super::http2::serve(stream, service, finishing).await,
            Ok(false) => {}
            Err(_) => return,
        },
        _ = &mut finishing => return,
    }
    let (mut wire, mut rest) = (Wire::new(stream), REST);
    // In a box, because it must not weigh on the parked connection.
    while let Some(parked) = Box::pin(use_wire(wire, &service, rest, &mut finishing)).await {
        wire = parked;
        let since = Instant::now();
        tokio::select! {
            readable = wire.stream.inner().readable() => {
                if readable.is_err() {
                    return;
                }
            }
            _ = &mut finishing => return,
            () = tokio::time::sleep(HEAD_PATIENCE) => return,
        }
        rest = rest_after(since.elapsed());
    }
}

/// How long a connection rests before it is parked again that was parked for so long.
fn rest_after(parked: Duration) -> Duration {
    if parked < LONG_REST { LONG_REST } else { REST }
}

/// Serves until the connection ends, or has rested for so long; then it comes back.
async fn use_wire(
    wire: Wire,
    service: &HttpService,
    rest: Duration,
    finishing: &mut Finishing,
) -> Option<Wire> {
    let usage = wire.usage.clone();
    let answer = |request: Request<Incoming>| {
        let exchange = InUse::begin(&usage);
        let request = request.map(|body| RequestBody::new(body, usage.clone()));
        async move {
            let response = service.call(request).await;
            Ok::<_, Infallible>(response.map(|body| ResponseBody::new(body, exchange)))
        }
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(wire, service_fn(answer));
    let mut timer = pin!(tokio::time::sleep(rest));
    let mut is_timed = true;
    let mut is_finishing = finishing.is_terminated();
    let ended = poll_fn(|cx| {
        if !is_finishing && Pin::new(&mut *finishing).poll(cx).is_ready() {
            is_finishing = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(Some(ended));
        }
        // The end of an exchange wakes this task, so nothing has to be timed while there is one.
        if !is_timed && !usage.has_exchange() {
            timer.as_mut().reset(Instant::now() + rest);
            is_timed = true;
        }
        while is_timed && timer.as_mut().poll(cx).is_ready() {
            if !is_finishing && usage.rested() {
                return Poll::Ready(None);
            }
            is_timed = !usage.has_exchange();
            timer.as_mut().reset(Instant::now() + rest);
        }
        Poll::Pending
    });
    match ended.await {
        Some(Ok(())) => None,
        Some(Err(error)) => {
            tracing::debug!(%error, "a connection ended early");
            None
        }
        None => {
            let parts = connection.into_parts();
            // As it is, it keeps the whole buffer.
            let unread = Bytes::copy_from_slice(&parts.read_buf);
            Some(Wire { unread, ..parts.io })
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use tokio::sync::oneshot;

    use super::*;
    use crate::Server;
    use crate::transport::HttpOptions;

    const REQUEST: &str = "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                           accept: application/json, text/event-stream\r\ncontent-length: 40\r\n\r\n\
                           {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";

    async fn connected() -> (TcpStream, Wire) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        (client.unwrap(), Wire::new(accepted.unwrap().0))
    }

    fn service() -> HttpService {
        Server::new("test", "1.0.0").http_service(HttpOptions::default()).unwrap()
    }

    /// Reads one response: a head, and a body as long as it says.
    async fn response(client: &mut TcpStream) -> String {
        let mut read = Vec::new();
        loop {
            read.push(client.read_u8().await.unwrap());
            let text = std::str::from_utf8(&read).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return text.to_owned();
            }
        }
    }

    #[tokio::test]
    async fn a_parked_connection_goes_on_where_it_was() {
        let (mut client, wire) = connected().await;
        let (_finish, mut finishing) = oneshot::channel();
        let service = service();
        let (half, rest) = REQUEST.split_at(30);

        client.write_all(format!("{REQUEST}{half}").as_bytes()).await.unwrap();
        let wire = use_wire(wire, &service, REST, &mut finishing).await.expect("it rests");
        assert_eq!(wire.unread, half);
        let first = response(&mut client).await;
        assert!(first.starts_with("HTTP/1.1 400"), "{first}");

        client.write_all(rest.as_bytes()).await.unwrap();
        let wire = use_wire(wire, &service, REST, &mut finishing).await.expect("it rests again");
        assert!(wire.unread.is_empty());
        assert_eq!(response(&mut client).await.lines().next(), first.lines().next());

        drop(client);
        assert!(use_wire(wire, &service, REST, &mut finishing).await.is_none());
    }

    #[tokio::test]
    async fn a_request_that_is_not_whole_keeps_its_connection_awake() {
        let (mut client, wire) = connected().await;
        let (_finish, mut finishing) = oneshot::channel();
        let service = service();
        let (head, body) = REQUEST.split_at(REQUEST.len() - 40);
        client.write_all(head.as_bytes()).await.unwrap();
        let serving = use_wire(wire, &service, REST, &mut finishing);
        let slow_client = async {
            // Longer than a rest; however long it takes, the body belongs to its head.
            tokio::time::sleep(3 * REST).await;
            client.write_all(body.as_bytes()).await.unwrap();
            response(&mut client).await
        };
        let (wire, response) = tokio::join!(serving, slow_client);
        assert!(response.starts_with("HTTP/1.1 400") && response.contains("session"), "{response}");
        assert!(wire.expect("it rests").unread.is_empty());
    }

    #[tokio::test]
    async fn a_body_that_nobody_read_is_no_request() {
        let (mut client, wire) = connected().await;
        let (_finish, mut finishing) = oneshot::channel();
        // Refused for its host, before its body has come.
        let head = "POST /mcp HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 100000\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        let service = service();
        let serving = use_wire(wire, &service, REST, &mut finishing);
        let slow_client = async {
            assert!(response(&mut client).await.starts_with("HTTP/1.1 403"));
            tokio::time::sleep(3 * REST).await;
            let _ = client.write_all(REQUEST.as_bytes()).await;
            let mut answers = Vec::new();
            let _ = client.read_to_end(&mut answers).await;
            assert!(answers.is_empty(), "{answers:?}");
        };
        let (wire, ()) = tokio::join!(serving, slow_client);
        assert!(wire.is_none());
    }

    #[test]
    fn who_comes_back_soon_is_not_parked_as_soon_again() {
        let (soon, late) = (Duration::from_millis(100), Duration::from_secs(1));
        assert_eq!((rest_after(soon), rest_after(late)), (LONG_REST, REST));
        // One that pauses for as long again finds its connection awake.
        assert!(soon < rest_after(soon) && rest_after(late) < soon);
    }
}
