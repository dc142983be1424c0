use std::sync::Arc;

use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, RequestId, write_json_string, write_notification, write_request};
use oxmcp_proto::link::{CallError, CloseReason};
use tokio::runtime::Handle;

use super::unreachable_client;
use crate::transport::http::outbox::Outbox;
use crate::transport::http::session::HttpSession;

/// Asks the client of a session: on the stream of the response to the request it belongs to, or, when there is none, on one for listening.
pub(in crate::transport::http) fn ask(
    session: Arc<HttpSession>,
    stream: Option<Arc<Outbox>>,
    method: Method,
    params: RawJson,
) -> BoxFuture<'static, Result<RawJson, CallError>> {
    Box::pin(async move {
        let limit = session.policy().asks;
        let patience = session.policy().answer_within;
        let (id, answer) = session.with_asks(|asks| asks.open(limit))?;
        let question = Question { session, stream, id };
        let is_sent = question.send(|out| {
            write_request(out, &id.into(), method.name(), |out| params.write_on_one_line(out));
        });
        if !is_sent {
            question.session.with_asks(|asks| asks.close(id));
            return unreachable_client(method).await;
        }
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(outcome)) => outcome,
            // The session is over.
            Ok(Err(_)) => Err(CallError::Closed(CloseReason::PeerClosed)),
            Err(_) => Err(CallError::Silent { after: patience }),
        }
    })
}

/// A request to the client. Dropping it before it settled tells the client that nobody waits any more.
struct Question {
    session: Arc<HttpSession>,
    stream: Option<Arc<Outbox>>,
    id: i64,
}

impl Question {
    fn send(&self, write: impl Fn(&mut Vec<u8>)) -> bool {
        match &self.stream {
            Some(stream) if stream.is_over() => false,
            Some(stream) if stream.send(&write) => true,
            _ => self.session.send(write),
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if !self.session.with_asks(|asks| asks.close(self.id)) {
            return;
        }
        let mut params = Vec::from(*br#"{"requestId":"#);
        RequestId::from(self.id).write(&mut params);
        params.extend_from_slice(br#","reason":"#);
        write_json_string("the server no longer waits", &mut params);
        params.push(b'}');
        let params = RawJson::from_written(params);
        let (session, stream) = (self.session.clone(), self.stream.clone());
        let send = move |params: &RawJson| {
            let write = |out: &mut Vec<u8>| {
                write_notification(out, Method::Cancelled.name(), |out| params.write_on_one_line(out));
            };
            let is_sent = stream.is_some_and(|stream| stream.send(write)) || session.send(write);
            if !is_sent {
                tracing::debug!("the client cannot be told that nobody waits for its answer");
            }
        };
        match (self.session.handshake.outlet(), Handle::try_current()) {
            (None, _) => send(&params),
            (Some(outlet), Ok(runtime)) => outlet.let_out(Method::Cancelled, params, &runtime, send),
            // The program ends.
            (Some(_), Err(_)) => {}
        }
    }
}
