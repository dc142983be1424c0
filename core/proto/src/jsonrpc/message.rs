use std::fmt;

use super::{ErrorObject, RawJson, RequestId};
use crate::methods::Method;

/// One JSON-RPC message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Wants an answer.
    Request(Request),
    /// Wants none.
    Notification(Notification),
    /// Is one.
    Response(Response),
    /// Several messages in one array; only revision 2025-03-26 has them. Members that are not messages are in there as
    /// errors, in their place.
    Batch(Vec<Result<Message, InvalidMessage>>),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the answer must carry.
    pub id: RequestId,
    /// What to do.
    pub method: MethodName,
    /// With what; an object, when there is any.
    pub params: Option<RawJson>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// What happened.
    pub method: MethodName,
    /// The particulars; an object, when there are any.
    pub params: Option<RawJson>,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The request it answers; absent in an error about a message whose id could not be read.
    pub id: Option<RequestId>,
    /// The answer.
    pub outcome: Result<RawJson, ErrorObject>,
}

/// The name of a method: one the spec has, or another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MethodName {
    /// In the method table.
    Known(Method),
    /// Not in the table: an extension's, or a mistake.
    Other(Box<str>),
}

impl MethodName {
    /// The name as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(method) => method.name(),
            Self::Other(name) => name,
        }
    }

    /// The method, if it is in the table.
    pub fn known(&self) -> Option<Method> {
        match self {
            Self::Known(method) => Some(*method),
            Self::Other(_) => None,
        }
    }
}

impl From<Method> for MethodName {
    fn from(method: Method) -> Self {
        Self::Known(method)
    }
}

impl From<&str> for MethodName {
    fn from(name: &str) -> Self {
        match Method::from_name(name) {
            Some(method) => Self::Known(method),
            None => Self::Other(name.into()),
        }
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why bytes are not a message, and what to answer, if anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMessage {
    /// The id of the request it was meant to be, where that could be read.
    pub id: Option<RequestId>,
    /// The error JSON-RPC has for it.
    pub error: ErrorObject,
    /// Whether it has a `method`, so that its id is the sender's own and no answer's.
    pub has_method: bool,
    /// Whether it at least began as a JSON object or array. What did not is noise (a log line, a banner), and an answer to
    /// noise is noise itself.
    pub looks_like_json: bool,
    /// Whether it was meant to be a message of JSON-RPC: it has a `jsonrpc`, or what only an answer has. Other objects on a stream are the
    /// lines of a log that is kept in JSON; they have ids and methods too, which mean something else.
    pub looks_like_message: bool,
}

impl InvalidMessage {
    /// An error about a message of which nothing else is known.
    pub fn new(error: ErrorObject) -> Self {
        Self { id: None, error, has_method: false, looks_like_json: true, looks_like_message: true }
    }

    /// The id of the call it was meant to answer, where that could be read.
    pub fn answers(&self) -> Option<&RequestId> {
        self.id.as_ref().filter(|_| !self.has_method && self.looks_like_message)
    }

    /// Whether it was meant to be a request with an id that could be read.
    pub fn asks(&self) -> bool {
        self.id.is_some() && self.has_method && self.looks_like_message
    }
}

impl fmt::Display for InvalidMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.message)
    }
}

impl std::error::Error for InvalidMessage {}
