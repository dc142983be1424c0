use std::collections::VecDeque;
use std::pin::pin;

use bytes::Bytes;
use hyper::body::Incoming;
use oxmcp_proto::jsonrpc::{self, ErrorObject, InvalidMessage, Message, RawJson, RequestId};

use super::super::receive::{ReceiveError, receive};
use super::super::sse::Event;
use super::{EventStream, HttpError};

/// The requests of the server that are remembered per call, to tell those that a resumed stream brings again.
const MAX_ASKED: usize = 256;

/// What a request came to.
pub(super) type Outcome = std::result::Result<RawJson, ErrorObject>;

/// Looks for the answer to one request in what a server sends.
pub(super) struct Answer<'a> {
    id: &'a RequestId,
    max_depth: usize,
    /// Takes every other message.
    on_message: &'a mut (dyn FnMut(Message) + Send),
    /// The ids of the server's latest requests.
    asked: VecDeque<RequestId>,
    /// The stream was resumed, so messages may come again.
    resumed: bool,
    /// What was wrong with an event that could have been the answer.
    noise: Option<HttpError>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(
        id: &'a RequestId,
        max_depth: usize,
        on_message: &'a mut (dyn FnMut(Message) + Send),
    ) -> Self {
        Self { id, max_depth, on_message, asked: VecDeque::new(), resumed: false, noise: None }
    }

    /// Reads a body of JSON.
    pub(super) async fn in_json(mut self, body: Incoming, limit: usize) -> Result<Outcome, HttpError> {
        let body = receive(pin!(body), limit, None).await.map_err(|error| match error {
            ReceiveError::TooLarge => HttpError::TooLarge { limit },
            // A client sets neither a time nor a budget for a body.
            ReceiveError::Late | ReceiveError::NoRoom => {
                HttpError::Broken("the answer did not come in time".to_owned())
            }
            ReceiveError::Broken(error) => HttpError::broken(&error),
        })?;
        let answer = self.look(body)?;
        let id = self.id;
        answer.ok_or_else(|| HttpError::Protocol(format!("the response holds no answer to the request {id}")))
    }

    /// Reads a stream until the answer, or its end.
    pub(super) async fn in_events(&mut self, events: &mut EventStream) -> Result<Outcome, HttpError> {
        while let Some(event) = events.next().await? {
            let Event::Message(message) = event else { continue };
            match self.look(message) {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                // The answer may still come.
                Err(error) => self.noise = Some(error),
            }
        }
        Err(HttpError::Broken(format!("the stream ended before the answer to the request {}", self.id)))
    }

    /// What was wrong with an event that could have been the answer, if there was one: it says more than that the stream ended.
    pub(super) fn noise(self) -> Option<HttpError> {
        self.noise
    }

    /// Expects messages to come again.
    pub(super) fn resume(&mut self) {
        self.resumed = true;
    }

    /// Reads a message, and gives the outcome of the request if this is its answer.
    fn look(&mut self, message: Bytes) -> Result<Option<Outcome>, HttpError> {
        match jsonrpc::parse(message, self.max_depth).map_err(no_message)? {
            Message::Batch(members) => {
                let mut answer = None;
                for message in members {
                    answer = self.take(message.map_err(no_message)?).or(answer);
                }
                Ok(answer)
            }
            message => Ok(self.take(message)),
        }
    }

    fn take(&mut self, message: Message) -> Option<Outcome> {
        match message {
            Message::Response(response) if is_answer(self.id, response.id.as_ref()) => Some(response.outcome),
            Message::Request(request) if self.is_repeated(&request.id) => None,
            other => {
                (self.on_message)(other);
                None
            }
        }
    }

    /// Whether the server's request came before; otherwise it is remembered.
    fn is_repeated(&mut self, id: &RequestId) -> bool {
        if self.resumed && self.asked.contains(id) {
            return true;
        }
        if self.asked.len() == MAX_ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back(id.clone());
        false
    }
}

fn no_message(error: InvalidMessage) -> HttpError {
    HttpError::Protocol(format!("no JSON-RPC message: {error}"))
}

/// Whether an answer is that of a request. Some servers write ids back as strings, and leave them out of errors about a request that they
/// could not read.
fn is_answer(asked: &RequestId, answered: Option<&RequestId>) -> bool {
    match (asked, answered) {
        (_, None) => true,
        (RequestId::Number(asked), Some(RequestId::String(answered))) => answered.parse() == Ok(*asked),
        (asked, Some(answered)) => asked == answered,
    }
}
