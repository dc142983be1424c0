//! A server that wants authorization and asks something of its client during calls, and a client whose user takes their time.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use oxmcp::auth::{Authorization, Callback};
use oxmcp::model::{ElicitFormParams, ElicitResult, Extra};
use oxmcp::{Client, ProtocolVersion};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::grantor::Grantor;
use crate::listener::{Answer, Seen, json as answer, text, with};
use crate::resource::Resource;
use crate::user::{REDIRECT_URI, settled};

/// What the user takes to authorize the client: more than the server may take for anything, and less than a test.
pub(crate) const VISIT: Duration = Duration::from_secs(70);

const ENDPOINT: &str = "event: endpoint\ndata: /messages\n\n";

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Streamable,
    /// HTTP+SSE.
    Sse,
    /// The same, whose stream is open to everybody.
    OpenSse,
}

impl Way {
    fn is_sse(self) -> bool {
        self != Self::Streamable
    }
}

/// What an answer is refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The tokens are not good any more, and cannot be refreshed.
    Tokens,
    /// They are not good for that.
    Scope,
}

/// What the server knows of its client.
#[derive(Default)]
struct State {
    /// Where it says something.
    events: Option<mpsc::UnboundedSender<Bytes>>,
    /// The call that is being served.
    call: Value,
}

impl State {
    fn open(&mut self, first: Bytes) -> Answer {
        let (events, read) = mpsc::unbounded_channel();
        events.send(first).unwrap();
        self.events = Some(events);
        let pieces = stream::unfold(read, |mut read| async move {
            let piece: Bytes = read.recv().await?;
            Some((Ok::<_, Infallible>(Frame::data(piece)), read))
        });
        with(Answer::new(StreamBody::new(pieces).boxed_unsync()), "content-type", "text/event-stream")
    }

    fn say(&self, message: &Value) {
        self.events.as_ref().unwrap().send(event(message)).unwrap();
    }
}

fn event(message: &Value) -> Bytes {
    format!("data: {message}\n\n").into()
}

/// A server that asks something of its client during a call: its user, or the client itself for the tool `ping`.
pub(crate) fn asking(grantor: &Grantor, way: Way, lack: Lack) -> Resource {
    let resource = Resource::new(grantor);
    let (granting, url, state) = (grantor.clone(), resource.url().to_owned(), Mutex::<State>::default());
    resource.rules(|rules| {
        let metadata = format!("resource_metadata=\"{}\"", rules.metadata_url);
        rules.first = Some(Arc::new(move |seen: &Seen| {
            match (way, seen.method.as_str(), seen.path.as_str()) {
                (Way::OpenSse, "GET", "/mcp") => return Some(state.lock().unwrap().open(ENDPOINT.into())),
                (Way::Streamable, _, "/mcp") | (Way::Sse, "GET", "/mcp") | (_, "POST", "/messages") => {}
                (_, _, "/mcp") => return Some(text(405, "")),
                _ => return None,
            }
            let Some(scopes) = granting.scopes(seen.header("authorization"), &url) else {
                return Some(with(text(401, ""), "www-authenticate", &format!("Bearer {metadata}")));
            };
            let body: Value = serde_json::from_str(&seen.body).unwrap_or_default();
            let is_answer = !body.is_null() && body["method"].is_null();
            if is_answer && lack == Lack::Scope && scopes != "write" {
                let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"write\", {metadata}");
                return Some(with(text(403, ""), "www-authenticate", &challenge));
            }
            Some(serve(&mut state.lock().unwrap(), way, seen, &body))
        }));
    });
    resource
}

fn serve(state: &mut State, way: Way, seen: &Seen, body: &Value) -> Answer {
    let result = |id: &Value, result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
    let accepted = || text(202, "");
    match (seen.method.as_str(), body["method"].as_str()) {
        ("GET", _) if way.is_sse() => state.open(ENDPOINT.into()),
        ("GET", _) => text(405, ""),
        (_, Some("initialize")) => {
            let agreed = json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "asking", "version": "1"},
            });
            let agreed = result(&body["id"], agreed);
            match way {
                Way::Streamable => answer(200, &agreed),
                Way::Sse | Way::OpenSse => {
                    state.say(&agreed);
                    accepted()
                }
            }
        }
        (_, Some("tools/call")) => {
            state.call = body["id"].clone();
            let asked = match body["params"]["name"].as_str() {
                Some("ping") => json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}),
                _ => {
                    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
                    let params = json!({"message": "Who are you?", "requestedSchema": schema});
                    json!({"jsonrpc": "2.0", "id": "e", "method": "elicitation/create", "params": params})
                }
            };
            match way {
                Way::Streamable => state.open(event(&asked)),
                Way::Sse | Way::OpenSse => {
                    state.say(&asked);
                    accepted()
                }
            }
        }
        (_, None) => {
            let said = body["result"]["content"]["name"].as_str().unwrap_or("nothing");
            let content = json!({"content": [{"type": "text", "text": said}]});
            state.say(&result(&state.call, content));
            accepted()
        }
        _ => accepted(),
    }
}

/// Connects, with a user who takes [`VISIT`] to authorize the client. If tokens lack, those that the client has are worth nothing any more
/// by the time that the user answers a question.
pub(crate) async fn connected(grantor: &Grantor, resource: &Resource, lack: Lack) -> Client {
    let (granting, expiring) = (grantor.clone(), grantor.clone());
    let slow = Callback::new(REDIRECT_URI, move |url| {
        let answer = granting.approve(&url);
        async move {
            // The clock is moved on by hand.
            tokio::time::pause();
            tokio::time::advance(VISIT).await;
            tokio::time::resume();
            Ok(answer)
        }
    });
    let connect = Client::connect(resource.url())
        .only(ProtocolVersion::V2025_11_25)
        .authorization(Authorization::code("Report Builder").user_agent(slow))
        .on_elicitation(move |_: ElicitFormParams| {
            if lack == Lack::Tokens {
                forget(&expiring);
            }
            async { ElicitResult::accept(Extra::from_iter([("name".to_owned(), json!("Ada"))])) }
        });
    settled(connect).await.unwrap()
}

pub(crate) fn forget(grantor: &Grantor) {
    grantor.ledger(|ledger| ledger.forget_refresh_tokens());
    grantor.expire();
}
