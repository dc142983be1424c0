//! How a connection ends: what was sent is read, and the reason is the one that says most.

use std::future::Pending;
use std::io;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use oxmcp_proto::jsonrpc::Request;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::*;
use crate::server::Answer;

/// A client's end that is asked nothing.
struct Caller;

impl Role for Caller {
    const SERVES: bool = false;

    fn has_batches(&self) -> bool {
        false
    }

    fn answer(&mut self, _: Request, _: &Ticket, _: &Connection) -> Answer {
        Answer::Ready(Ok(RawJson::empty_object()))
    }

    fn notified(&mut self, _: Notification) {}
}

/// A pipe that nobody reads.
struct BrokenPipe;

impl AsyncWrite for BrokenPipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

type Answered = oneshot::Receiver<Result<RawJson, CallError>>;

/// A connection with a call in flight, both ends of what it reads, and the line that answers the call.
fn calling() -> (Connection, Answered, DuplexStream, DuplexStream, String) {
    let connection = Connection::new(&Limits::default());
    let (sender, answered) = oneshot::channel();
    let waiter = Waiter { done: Done::Channel(sender), progress: None };
    let made = connection
        .call("ping", CallOptions::default(), waiter, |_, params| params.extend_from_slice(b"{}"))
        .unwrap();
    let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{}}}}\n", made.number());
    let (reader, peer) = duplex(1024);
    (connection, answered, reader, peer, line)
}

#[tokio::test]
async fn what_was_said_before_the_end_goes_out_if_the_peer_takes_it() {
    for (room, goes_out) in [(4096, true), (8, false)] {
        let (connection, answered, reader, _peer, _) = calling();
        connection.notify(Method::RootsListChanged, b"{}");
        connection.close(CloseReason::Local);
        let (writer, mut taken) = duplex(room);
        let reason = drive(connection, reader, writer, Caller, &Limits::default(), NO_PROCESS).await;
        assert_eq!(reason, CloseReason::Local);
        let mut lines = String::new();
        taken.read_to_string(&mut lines).await.unwrap();
        assert_eq!(lines.contains("notifications/roots/list_changed"), goes_out, "{lines}");
        assert_eq!(answered.await.unwrap(), Err(CallError::Closed(CloseReason::Local)));
    }
}

#[tokio::test]
async fn an_answer_in_the_pipe_is_not_lost_when_writing_fails() {
    let (connection, answered, reader, mut peer, line) = calling();
    peer.write_all(line.as_bytes()).await.unwrap();
    drop(peer);
    let reason = drive(connection, reader, BrokenPipe, Caller, &Limits::default(), NO_PROCESS).await;
    assert_eq!(reason, CloseReason::PeerClosed);
    assert_eq!(answered.await.unwrap().unwrap().as_str(), "{}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_and_does_not_close_is_given_up() {
    let (connection, answered, reader, _peer, _) = calling();
    let start = Instant::now();
    let reason = drive(connection, reader, BrokenPipe, Caller, &Limits::default(), NO_PROCESS).await;
    assert_eq!(reason, CloseReason::PeerClosed);
    // Writing failed before anything was written.
    assert_eq!(answered.await.unwrap(), Err(CallError::Unsent(CloseReason::PeerClosed)));
    // The clock is the paused one: this is what was waited for, not what it took.
    assert!(start.elapsed() <= Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn how_the_process_exited_is_told_when_it_comes_after_the_end_of_its_output() {
    let (connection, answered, reader, peer, _) = calling();
    drop(peer);
    let exited = CloseReason::PeerExited("exit status: 3".to_owned());
    let process = async {
        sleep(Duration::from_millis(100)).await;
        exited.clone()
    };
    let reason =
        drive(connection, reader, tokio::io::sink(), Caller, &Limits::default(), Some(process)).await;
    assert_eq!(reason, exited);
    assert_eq!(answered.await.unwrap(), Err(CallError::Closed(exited)));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_closes_its_output_and_runs_on_is_not_waited_for() {
    let (connection, answered, reader, peer, _) = calling();
    drop(peer);
    let start = Instant::now();
    let process: Option<Pending<CloseReason>> = Some(std::future::pending());
    let reason = drive(connection, reader, tokio::io::sink(), Caller, &Limits::default(), process).await;
    assert_eq!(reason, CloseReason::PeerClosed);
    assert_eq!(answered.await.unwrap(), Err(CallError::Closed(CloseReason::PeerClosed)));
    assert!(start.elapsed() <= Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn what_a_process_wrote_before_it_exited_is_read() {
    let (connection, answered, reader, mut peer, line) = calling();
    let exited = CloseReason::PeerExited("exit status: 0".to_owned());
    let process = std::future::ready(exited.clone());
    let limits = Limits::default();
    let driven = drive(connection, reader, tokio::io::sink(), Caller, &limits, Some(process));
    let write = async {
        sleep(Duration::from_millis(100)).await;
        peer.write_all(line.as_bytes()).await.unwrap();
        drop(peer);
    };
    let (reason, ()) = tokio::join!(driven, write);
    assert_eq!(reason, exited);
    assert_eq!(answered.await.unwrap().unwrap().as_str(), "{}");
}

#[test]
fn a_panic_keeps_its_words() {
    let words = |code: fn()| catch_unwind(code).map_err(|panic| panic_words(&*panic).to_owned()).unwrap_err();
    assert_eq!(words(|| panic!("plain")), "plain");
    assert_eq!(words(|| std::panic::panic_any(String::from("formatted"))), "formatted");
    assert_eq!(words(|| std::panic::panic_any(5)), "(no message)");
}
