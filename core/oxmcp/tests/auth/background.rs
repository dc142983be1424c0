//! What nobody waits for asks no user, and what ends a client asks nobody for anything.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use oxmcp::auth::{Authorization, Callback};
use oxmcp::store::MemoryTokens;
use oxmcp::{Client, ErrorKind, ProtocolVersion};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::grantor::Grantor;
use crate::listener::{Answer, Seen, json as answer, text, with};
use crate::resource::Resource;
use crate::user::{REDIRECT_URI, absent, agreeing, call, connect, settled};

type Events = mpsc::UnboundedSender<Bytes>;

/// A server that wants authorization and says by itself what has changed, in both eras.
struct Telling {
    grantor: Grantor,
    resource: Resource,
    /// The streams that it has opened.
    streams: mpsc::UnboundedReceiver<Events>,
    /// The sessions that it has opened, of which it knows the last alone.
    sessions: Arc<AtomicUsize>,
}

impl Telling {
    fn new() -> Self {
        let grantor = Grantor::new();
        let resource = Resource::new(&grantor);
        let (opened, streams) = mpsc::unbounded_channel();
        let sessions = Arc::new(AtomicUsize::new(0));
        let (url, granting, last) = (resource.url().to_owned(), grantor.clone(), sessions.clone());
        resource.rules(|rules| {
            let challenge = format!("Bearer resource_metadata=\"{}\"", rules.metadata_url);
            rules.first = Some(Arc::new(move |seen: &Seen| {
                if seen.path != "/mcp" {
                    return None;
                }
                if granting.scopes(seen.header("authorization"), &url).is_none() {
                    return Some(with(text(401, ""), "www-authenticate", &challenge));
                }
                let session = seen.header("mcp-session-id");
                if !session.is_empty() && session != last.load(Ordering::SeqCst).to_string() {
                    return Some(text(404, ""));
                }
                let body: Value = serde_json::from_str(&seen.body).unwrap_or_default();
                tell(seen, &body, &opened, &last)
            }));
        });
        Self { grantor, resource, streams, sessions }
    }

    /// Waits until it has opened another stream.
    async fn stream(&mut self) -> Events {
        settled(self.streams.recv()).await.unwrap()
    }

    /// The requests for a stream so far.
    fn listened(&self) -> usize {
        let seen = self.resource.listener.seen();
        seen.iter().filter(|seen| seen.method == "GET" && seen.path == "/mcp" || is_listen(seen)).count()
    }

    /// Waits until the client has tried in vain to refresh its tokens so often.
    async fn refused(&self, times: usize) {
        self.grantor.listener.sees(|_| self.grantor.asked_by("refresh_token").len() == times).await;
    }
}

fn is_listen(seen: &Seen) -> bool {
    seen.body.contains("subscriptions/listen")
}

fn tell(
    seen: &Seen,
    body: &Value,
    opened: &mpsc::UnboundedSender<Events>,
    sessions: &AtomicUsize,
) -> Option<Answer> {
    let capabilities = json!({"tools": {"listChanged": true}});
    let result = |result: Value| json!({"jsonrpc": "2.0", "id": body["id"], "result": result});
    let stream = |first: String| {
        let (events, read) = mpsc::unbounded_channel();
        events.send(first.into()).unwrap();
        opened.send(events).unwrap();
        let pieces = stream::unfold(read, |mut read| async move {
            let piece: Bytes = read.recv().await?;
            Some((Ok::<_, Infallible>(Frame::data(piece)), read))
        });
        with(Answer::new(StreamBody::new(pieces).boxed_unsync()), "content-type", "text/event-stream")
    };
    Some(match (seen.method.as_str(), body["method"].as_str()) {
        ("GET", _) => stream(": hello\n\n".to_owned()),
        ("DELETE", _) => text(204, ""),
        (_, Some("initialize")) => {
            let session = sessions.fetch_add(1, Ordering::SeqCst) + 1;
            let agreed = json!({
                "protocolVersion": "2025-11-25",
                "capabilities": capabilities,
                "serverInfo": {"name": "telling", "version": "1"},
            });
            with(answer(200, &result(agreed)), "mcp-session-id", &session.to_string())
        }
        (_, Some("notifications/initialized")) => text(202, ""),
        (_, Some("server/discover")) => {
            let discovered = json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities});
            answer(200, &result(discovered))
        }
        (_, Some("subscriptions/listen")) => {
            let params = json!({
                "_meta": {"io.modelcontextprotocol/subscriptionId": body["id"]},
                "notifications": body["params"]["notifications"],
            });
            let method = "notifications/subscriptions/acknowledged";
            stream(format!("data: {}\n\n", json!({"jsonrpc": "2.0", "method": method, "params": params})))
        }
        _ => return None,
    })
}

/// A user who agrees until told to decline.
#[derive(Clone, Default)]
struct User {
    asked: Arc<AtomicUsize>,
    declines: Arc<AtomicBool>,
}

impl User {
    fn authorization(&self, grantor: &Grantor) -> Authorization {
        let (user, grantor) = (self.clone(), grantor.clone());
        Authorization::code("Report Builder").user_agent(Callback::new(REDIRECT_URI, move |url| {
            user.asked.fetch_add(1, Ordering::SeqCst);
            let declines = user.declines.load(Ordering::SeqCst);
            let answer = if declines { Err("the user declines".into()) } else { Ok(grantor.approve(&url)) };
            async move { answer }
        }))
    }

    fn decline(&self, declines: bool) {
        self.declines.store(declines, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn connect_to(server: &Telling, user: &User, version: ProtocolVersion) -> Client {
    let authorization = user.authorization(&server.grantor);
    let connect = Client::connect(server.resource.url()).only(version).on_list_changed(|_, _| {});
    settled(connect.authorization(authorization)).await.unwrap()
}

async fn a_lost_stream_asks_nobody(version: ProtocolVersion) {
    let mut server = Telling::new();
    let user = User::default();
    let client = connect_to(&server, &user, version).await;
    let stream = server.stream().await;
    assert_eq!((user.asked(), server.listened()), (1, 1));
    user.decline(true);
    server.grantor.ledger(|ledger| ledger.forget_refresh_tokens());
    server.grantor.expire();
    drop(stream);
    server.refused(1).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
    // Whoever calls is asked, once,
    let error = call(&client, "anything").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert_eq!(user.asked(), 2);
    // and the stream is there again when the client has tokens.
    user.decline(false);
    call(&client, "anything").await.unwrap();
    let _stream = server.stream().await;
    assert_eq!((user.asked(), server.listened()), (3, 3));
}

#[tokio::test]
async fn a_stream_of_a_session_that_is_lost_asks_nobody() {
    a_lost_stream_asks_nobody(ProtocolVersion::V2025_11_25).await;
}

#[tokio::test]
async fn a_stream_of_notifications_that_is_lost_asks_nobody() {
    a_lost_stream_asks_nobody(ProtocolVersion::V2026_07_28).await;
}

/// The clock is moved on by hand while the user is asked.
#[tokio::test]
async fn a_user_who_takes_their_time_over_a_new_session_is_waited_for() {
    let mut server = Telling::new();
    let granting = server.grantor.clone();
    let slow = Callback::new(REDIRECT_URI, move |url| {
        let answer = granting.approve(&url);
        async move {
            tokio::time::pause();
            // More than a session may take to be opened, and less than a test.
            tokio::time::advance(Duration::from_secs(50)).await;
            tokio::time::resume();
            Ok(answer)
        }
    });
    let connect = Client::connect(server.resource.url()).only(ProtocolVersion::V2025_11_25);
    let authorization = Authorization::code("Report Builder").user_agent(slow);
    let client = settled(connect.authorization(authorization)).await.unwrap();
    let _stream = server.stream().await;
    // The server forgets the session, and with the first request of the next one that it has given tokens.
    server.sessions.fetch_add(1, Ordering::SeqCst);
    let (granting, first) = (server.grantor.clone(), AtomicBool::new(true));
    server.resource.rules(|rules| {
        let script = rules.first.take().unwrap();
        rules.first = Some(Arc::new(move |seen: &Seen| {
            if seen.body.contains("\"initialize\"") && first.swap(false, Ordering::SeqCst) {
                granting.ledger(|ledger| ledger.forget_refresh_tokens());
                granting.expire();
            }
            script(seen)
        }));
    });
    call(&client, "anything").await.unwrap();
    assert_eq!(server.grantor.ledger(|ledger| ledger.asked.len()), 2);
}

#[tokio::test]
async fn the_end_of_a_session_asks_for_no_tokens() {
    let mut server = Telling::new();
    let user = User::default();
    let client = connect_to(&server, &user, ProtocolVersion::V2025_11_25).await;
    let _stream = server.stream().await;
    server.grantor.expire();
    let tokens = || server.grantor.listener.seen().iter().filter(|seen| seen.path == "/token").count();
    assert_eq!(tokens(), 1);
    settled(client.close()).await.unwrap();
    assert!(server.resource.listener.seen().iter().any(|seen| seen.method == "DELETE"));
    assert_eq!((user.asked(), tokens()), (1, 1));
}

#[test]
fn a_client_that_closes_keeps_what_is_being_refreshed() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let tokens = MemoryTokens::default();
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    runtime().block_on(async {
        let client = connect(resource.url(), agreeing(&grantor).store(tokens.clone())).await.unwrap();
        grantor.expire();
        grantor.pause();
        let caller = client.clone();
        let dropped = tokio::spawn(async move { caller.call_tool("anything", json!({})).await });
        grantor.listener.sees(|seen| seen.field("grant_type") == "refresh_token").await;
        dropped.abort();
        assert!(dropped.await.unwrap_err().is_cancelled());
        // The server goes on when everybody else waits.
        tokio::time::pause();
        let resuming = grantor.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            tokio::time::resume();
            resuming.resume();
        });
        client.close().await.unwrap();
    });
    grantor.resume();
    runtime().block_on(async {
        let client = connect(resource.url(), absent().store(tokens)).await.unwrap();
        call(&client, "anything").await.unwrap();
    });
    grantor.ledger(|ledger| assert_eq!((ledger.asked.len(), ledger.refreshes, ledger.reuses), (1, 1, 0)));
}
