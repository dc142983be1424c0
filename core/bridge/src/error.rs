use std::fmt;

use bytes::Bytes;
use oxmcp::RawJson;

/// What went wrong, in the words every binding uses for its exception class or result code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum ErrorKind {
    /// The caller erred: malformed JSON or configuration, unknown operation, a server that was closed, use after
    /// `fork`.
    Misuse = 1,
    /// No connection came to be: the command could not be started, the address could not be reached, TLS failed.
    Connect = 2,
    /// The connection ended before the answer: the peer exited, closed or broke it, or this side closed it.
    Closed = 3,
    /// No answer within the time allowed.
    Timeout = 4,
    /// This side cancelled the operation.
    Cancelled = 5,
    /// The peer answered with a JSON-RPC error; `code`, `message` and `data` are the peer's.
    Rpc = 6,
    /// The peer broke MCP, JSON-RPC or HTTP: what it sent cannot be understood.
    Protocol = 7,
    /// A message is larger than the limit.
    TooLarge = 8,
    /// The two sides have no protocol revision in common.
    UnsupportedVersion = 9,
    /// The peer did not declare the capability that the operation needs.
    Unsupported = 10,
    /// The server wants authorization that was not given (HTTP 401 or 403).
    Unauthorized = 11,
    /// A limit of this side is reached, or the server cannot serve now (HTTP 429 and 5xx); try again later.
    Overloaded = 12,
    /// A fault of this library or of a user's handler (a panic or an exception).
    Internal = 13,
}

/// An error with its kind, a message for people that says which side erred and what to do, and, for
/// [`ErrorKind::Rpc`], the peer's code and data.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    code: Option<i64>,
    data: Option<Bytes>,
}

impl Error {
    /// An error of this side.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, data: None }
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The peer's JSON-RPC error code, for [`ErrorKind::Rpc`].
    pub fn code(&self) -> Option<i64> {
        self.code
    }

    /// The peer's error data as JSON, for [`ErrorKind::Rpc`].
    pub fn data(&self) -> Option<&Bytes> {
        self.data.as_ref()
    }

    /// The form in which errors cross: `{"kind": "Timeout", "message": "...", "code"?: -32602, "data"?: ...}`. `kind`
    /// is the name of the [`ErrorKind`] variant.
    pub fn to_json(&self) -> Bytes {
        let mut json = Vec::with_capacity(128);
        json.extend_from_slice(br#"{"kind":""#);
        json.extend_from_slice(format!("{:?}", self.kind).as_bytes());
        json.extend_from_slice(br#"","message":"#);
        json.extend_from_slice(serde_json::Value::from(self.message.as_str()).to_string().as_bytes());
        if let Some(code) = self.code {
            json.extend_from_slice(format!(r#","code":{code}"#).as_bytes());
        }
        if let Some(data) = &self.data {
            json.extend_from_slice(br#","data":"#);
            json.extend_from_slice(data);
        }
        json.push(b'}');
        json.into()
    }
}

impl From<oxmcp::Error> for Error {
    fn from(error: oxmcp::Error) -> Self {
        let kind = match error.kind() {
            oxmcp::ErrorKind::Misuse => ErrorKind::Misuse,
            oxmcp::ErrorKind::Connect => ErrorKind::Connect,
            oxmcp::ErrorKind::Closed => ErrorKind::Closed,
            oxmcp::ErrorKind::Timeout => ErrorKind::Timeout,
            oxmcp::ErrorKind::Cancelled => ErrorKind::Cancelled,
            oxmcp::ErrorKind::Rpc => ErrorKind::Rpc,
            oxmcp::ErrorKind::Protocol => ErrorKind::Protocol,
            oxmcp::ErrorKind::TooLarge => ErrorKind::TooLarge,
            oxmcp::ErrorKind::UnsupportedVersion => ErrorKind::UnsupportedVersion,
            oxmcp::ErrorKind::Unsupported => ErrorKind::Unsupported,
            oxmcp::ErrorKind::Unauthorized => ErrorKind::Unauthorized,
            oxmcp::ErrorKind::Overloaded => ErrorKind::Overloaded,
            // A kind that came later is a fault of this table.
            _ => ErrorKind::Internal,
        };
        Self {
            kind,
            message: error.to_string(),
            code: error.rpc().map(|rpc| rpc.code),
            data: error.rpc().and_then(|rpc| rpc.data.clone()).map(RawJson::into_bytes),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
