mod aside;
mod question;

use std::future::ready;

use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{InvalidMessage, RawJson, RequestId, Response};
use oxmcp_proto::link::{CallError, CloseReason};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

pub(super) use self::aside::Aside;
pub(super) use self::question::ask;
use super::session::HttpSession;

/// What a server has asked the client of a session and still waits for.
#[derive(Default)]
pub(super) struct Asks {
    last: i64,
    waiting: Waiting,
    ended: bool,
}

/// Who waits for which answer.
type Waiting = FxHashMap<i64, oneshot::Sender<Result<RawJson, CallError>>>;

impl Asks {
    /// Makes room for an answer, under an id that the session never had.
    pub(super) fn open(
        &mut self,
        limit: usize,
    ) -> Result<(i64, oneshot::Receiver<Result<RawJson, CallError>>), CallError> {
        if self.ended {
            return Err(CallError::Closed(CloseReason::PeerClosed));
        }
        if self.waiting.len() >= limit {
            return Err(CallError::Overloaded);
        }
        let (sender, receiver) = oneshot::channel();
        self.last += 1;
        self.waiting.insert(self.last, sender);
        Ok((self.last, receiver))
    }

    /// Hands an answer to who waits for it. False when nobody does.
    pub(super) fn settle(&mut self, id: &RequestId, outcome: Result<RawJson, CallError>) -> bool {
        let sender = id.as_number().and_then(|id| self.waiting.remove(&id));
        sender.is_some_and(|sender| sender.send(outcome).is_ok())
    }

    /// Asks nothing any more. Dropping what it returns settles what is asked already.
    pub(super) fn end(&mut self) -> Waiting {
        self.ended = true;
        std::mem::take(&mut self.waiting)
    }

    /// Waits for an answer no more. False when it is there.
    fn close(&mut self, id: i64) -> bool {
        self.waiting.remove(&id).is_some()
    }
}

impl HttpSession {
    /// Takes an answer of the client.
    pub(super) fn settle(&self, response: Response) {
        let Some(id) = response.id else { return };
        let is_known = self.with_asks(|asks| asks.settle(&id, response.outcome.map_err(CallError::Rpc)));
        if !is_known {
            tracing::debug!(%id, "the client answered what nobody waits for");
        }
    }

    /// Takes what was meant to be an answer and is no message.
    pub(super) fn settle_invalid(&self, id: &RequestId, invalid: &InvalidMessage) {
        let error = CallError::Invalid(invalid.error.message.clone());
        self.with_asks(|asks| asks.settle(id, Err(error)));
    }
}

/// The answer to what cannot be asked, because nothing leads from an exchange to a client that could answer.
pub(super) fn unreachable_client(method: Method) -> BoxFuture<'static, Result<RawJson, CallError>> {
    let why = format!("there is no stream that could carry {} to the client", method.name());
    Box::pin(ready(Err(CallError::Closed(CloseReason::Broken(why)))))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::task::Poll;
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::FutureExt;
    use oxmcp_proto::jsonrpc::{ErrorObject, Message, MethodName, Request, parse};
    use serde_json::{Value, json};

    use super::*;
    use crate::server::Peer;
    use crate::transport::http::outbox::{End, Next, Outbox, Reader};
    use crate::transport::http::sessions::Sessions;
    use crate::{Limits, Server};

    /// A session, which lasts as long as the table.
    fn session(limits: Limits) -> (Sessions, Arc<HttpSession>) {
        let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "0"}});
        let method = MethodName::Known(Method::Initialize);
        let request = Request { id: 1.into(), method, params: Some(RawJson::of(&params).unwrap()) };
        let handshake = Server::new("s", "0").core().initialize(&request).unwrap().0;
        let sessions = Sessions::new(&limits, None);
        let session = sessions.find(&sessions.open(handshake)).unwrap();
        (sessions, session)
    }

    /// The messages that wait for the client on a stream.
    async fn sent(reader: &mut Reader) -> Vec<Value> {
        let next = poll_fn(|cx| Poll::Ready(reader.poll_next(cx))).await;
        let Poll::Ready(Next::Events(events) | Next::End(events, _)) = next else { return Vec::new() };
        let events = String::from_utf8(events).unwrap();
        let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    fn answer(session: &HttpSession, response: &Value) {
        match parse(Bytes::from(response.to_string()), 64).unwrap() {
            Message::Response(response) => session.settle(response),
            other => panic!("{other:?}"),
        }
    }

    fn roots() -> (Method, RawJson) {
        (Method::ListRoots, RawJson::empty_object())
    }

    #[tokio::test]
    async fn a_question_goes_out_with_the_request_it_belongs_to() {
        let (_sessions, session) = session(Limits::default());
        let mut listening = Reader::new(session.listen().unwrap());
        let outbox = Outbox::of_request(&session, 7.into());
        let mut response = Reader::new(outbox.clone());
        let (method, params) = roots();
        let (mut first, mut second) = (outbox.ask(method, params.clone()), outbox.ask(method, params));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        let asked = sent(&mut response).await;
        assert_eq!(asked[0]["method"], "roots/list");
        assert_ne!(asked[0]["id"], asked[1]["id"]);
        let roots = json!({"roots": []});
        answer(&session, &json!({"jsonrpc": "2.0", "id": 99, "result": roots}));
        answer(&session, &json!({"jsonrpc": "2.0", "id": asked[1]["id"].to_string(), "result": roots}));
        answer(
            &session,
            &json!({"jsonrpc": "2.0", "id": asked[0]["id"], "error": {"code": -1, "message": "no"}}),
        );
        assert_eq!(second.await.unwrap().as_str(), roots.to_string());
        assert_eq!(first.await, Err(CallError::Rpc(ErrorObject::new(-1, "no"))));
        assert!(sent(&mut response).await.is_empty() && sent(&mut listening).await.is_empty());
        // A request that is answered asks nothing more.
        outbox.end(End::Silent);
        assert!(matches!(outbox.ask(method, RawJson::empty_object()).await, Err(CallError::Closed(_))));
    }

    #[tokio::test]
    async fn a_client_that_takes_no_events_is_asked_where_it_listens() {
        let (_sessions, session) = session(Limits::default());
        let aside = Aside(session.clone());
        let (method, params) = roots();
        // Nobody listens, or ever did.
        assert!(matches!(aside.ask(method, params.clone()).await, Err(CallError::Closed(_))));
        let (mut older, newer) = (Reader::new(session.listen().unwrap()), session.listen().unwrap());
        let mut newer = Reader::new(newer);
        let mut question = aside.ask(method, params.clone());
        assert!((&mut question).now_or_never().is_none());
        assert_eq!(sent(&mut newer).await.len(), 1);
        drop((newer, question));
        let mut question = aside.ask(method, params.clone());
        assert!((&mut question).now_or_never().is_none());
        assert_eq!(sent(&mut older).await.len(), 2, "the end of the first question, and the second");
        drop((older, question));
        // Now it waits for whoever listens next.
        let mut question = aside.ask(method, params);
        assert!((&mut question).now_or_never().is_none());
        let mut last = Reader::new(session.listen().unwrap());
        let asked = sent(&mut last).await;
        let asked = asked.iter().find(|message| message["method"] == "roots/list").unwrap();
        answer(&session, &json!({"jsonrpc": "2.0", "id": asked["id"], "result": {}}));
        assert_eq!(question.await.unwrap().as_str(), "{}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_settles_whatever_happens() {
        let limits = Limits { calls: 2, input_wait: Duration::from_secs(5), ..Limits::default() };
        let (sessions, session) = session(limits);
        let outbox = Outbox::of_request(&session, 7.into());
        let mut response = Reader::new(outbox.clone());
        let ask = || {
            let (method, params) = roots();
            outbox.ask(method, params)
        };
        assert_eq!(ask().await, Err(CallError::Silent { after: Duration::from_secs(5) }));
        let messages = sent(&mut response).await;
        assert_eq!(messages[1]["method"], "notifications/cancelled");
        assert_eq!(messages[1]["params"]["requestId"], messages[0]["id"]);
        // Too late, and to nobody.
        answer(&session, &json!({"jsonrpc": "2.0", "id": messages[0]["id"], "result": {}}));

        let (mut first, mut second) = (ask(), ask());
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        assert_eq!(ask().await, Err(CallError::Overloaded));
        drop(first);
        let messages = sent(&mut response).await;
        assert_eq!(
            messages[2]["params"]["requestId"], messages[0]["id"],
            "whoever drops a question cancels it"
        );
        sessions.end_all();
        assert_eq!(second.await, Err(CallError::Closed(CloseReason::PeerClosed)));
        assert_eq!(ask().await, Err(CallError::Closed(CloseReason::PeerClosed)));
    }

    #[tokio::test]
    async fn what_waits_for_a_listener_is_bounded() {
        let (_sessions, session) = session(Limits::default());
        drop(Reader::new(session.listen().unwrap()));
        let message = format!("\"{}\"", "x".repeat(1000));
        let kept =
            (0..1000).take_while(|_| session.send(|out| out.extend_from_slice(message.as_bytes()))).count();
        assert!((60..=66).contains(&kept), "{kept}");
        let mut next = Reader::new(session.listen().unwrap());
        assert_eq!(sent(&mut next).await.len(), kept);
    }
}
