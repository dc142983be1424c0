use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use oxmcp_proto::jsonrpc::ErrorObject;
use oxmcp_proto::link::{CallError, CloseReason, Refusal};
use oxmcp_proto::negotiation::NegotiationError;

/// A result with this library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Every binding has an exception class or a code for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller erred: a bad argument or configuration, or something was used after it was closed.
    Misuse,
    /// No connection came to be.
    Connect,
    /// The connection ended before the answer.
    Closed,
    /// No answer within the time allowed.
    Timeout,
    /// This side cancelled.
    Cancelled,
    /// The peer answered with a JSON-RPC error; see [`Error::rpc`].
    Rpc,
    /// The peer broke MCP, JSON-RPC or HTTP.
    Protocol,
    /// A message is larger than [`Limits::message_bytes`](crate::Limits::message_bytes), or a list than
    /// [`Limits::list_pages`](crate::Limits::list_pages) and [`Limits::list_bytes`](crate::Limits::list_bytes) allow.
    TooLarge,
    /// The two sides have no revision in common.
    UnsupportedVersion,
    /// The peer did not declare the capability that this needs.
    Unsupported,
    /// The server wants authorization that was not given (HTTP 401 or 403).
    Unauthorized,
    /// A limit of this side is reached, or the server cannot serve now (HTTP 429 and 5xx): try again later.
    Overloaded,
    /// A fault of this library or of a user's handler.
    Internal,
}

/// An error: its kind, and a text that says what happened, which side erred, and what to do.
///
/// Its text is whole: that of the error it was made of, if any, is the end of it. So [`source`](StdError::source) is what lies behind that one,
/// and who prints an error with its sources, as `anyhow` does, prints nothing twice; the error itself is its [`origin`](Self::origin). `Debug`
/// shows the text and the kind, for a `main` that returns an error and for `unwrap`; with `{:#?}`, everything.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    rpc: Option<ErrorObject>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    may_pass: bool,
    may_have_run: bool,
}

impl Error {
    /// An error of a part of yours that the library calls: a [store](crate::store), a [layer](crate::layer), a source of assertions. The message
    /// says what happened and what to do. An error that a peer is to be answered with as it is, is made of an [`ErrorObject`].
    ///
    /// ```
    /// use oxmcp::{Error, ErrorKind};
    /// use std::io;
    ///
    /// fn keep(task: &str, disk: impl Fn(&str) -> io::Result<()>) -> oxmcp::Result<()> {
    ///     disk(task).map_err(|error| match error.kind() {
    ///         io::ErrorKind::StorageFull => Error::new(ErrorKind::Overloaded, "there is no room for another task"),
    ///         _ => Error::new(ErrorKind::Internal, "the task could not be kept").with_source(error),
    ///     })
    /// }
    ///
    /// let error = keep("a", |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Overloaded);
    /// let error = keep("a", |_| Err(io::Error::other("the disk is gone"))).unwrap_err();
    /// assert_eq!(error.to_string(), "the task could not be kept: the disk is gone");
    /// ```
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        use ErrorKind::{Closed, Connect, Overloaded, Timeout};
        let may_pass = matches!(kind, Connect | Closed | Timeout | Overloaded);
        Self { kind, message: message.into(), rpc: None, source: None, may_pass, may_have_run: false }
    }

    pub(crate) fn misuse(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Misuse, message)
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol, message)
    }

    /// The same error, made of another, whose text its own ends with.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// The error that it was made of, to look at more closely.
    ///
    /// ```
    /// use oxmcp::{Error, ErrorKind};
    /// use std::io;
    ///
    /// let error = Error::new(ErrorKind::Internal, "the task could not be kept").with_source(io::Error::other("the disk is gone"));
    /// assert!(error.origin().is_some_and(|origin| origin.is::<io::Error>()));
    /// ```
    pub fn origin(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.source.as_deref()
    }

    /// The same error, where its kind does not say whether it [may pass](Self::may_pass).
    pub(crate) fn passing(self, may_pass: bool) -> Self {
        Self { may_pass, ..self }
    }

    /// Whether the same request may fare better in a while, on another connection if this one is over. It says nothing of what became of this
    /// request.
    pub(crate) fn may_pass(&self) -> bool {
        self.may_pass
    }

    /// The same error, of a call that the peer [may have run](Self::may_have_run) or not.
    pub(crate) fn running(self, may_have_run: bool) -> Self {
        Self { may_have_run, ..self }
    }

    /// Whether the server may have run the call that failed, although nobody can say what came of it: something of it may have been sent, and
    /// no answer came, or none that can be used; or it needed input for it, and what was to follow failed. A call that must not be made twice
    /// must not be repeated after such an error without finding out.
    ///
    /// False when nothing of the call was sent, when the server said that it did not take it, and when it answered with an error of its own
    /// ([`ErrorKind::Rpc`]).
    ///
    /// ```
    /// # use oxmcp::{Client, Server};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("shop", "1.0.0").tool("buy", "Buy it.", || std::future::pending::<&str>());
    /// let client = Client::connect(server).await?;
    /// let bought = client.call_tool("buy", serde_json::json!({})).timeout(Duration::from_millis(10)).await;
    /// match bought {
    ///     Err(error) if error.may_have_run() => println!("look whether it was bought: {error}"),
    ///     Err(error) => println!("it was not bought: {error}"),
    ///     Ok(_) => println!("it was bought"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn may_have_run(&self) -> bool {
        self.may_have_run
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The peer's error, for [`ErrorKind::Rpc`].
    pub fn rpc(&self) -> Option<&ErrorObject> {
        self.rpc.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return write!(f, "{self} ({:?})", self.kind);
        }
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("rpc", &self.rpc)
            .field("source", &self.source)
            .field("may_pass", &self.may_pass)
            .field("may_have_run", &self.may_have_run)
            .finish()
    }
}

impl StdError for Error {
    /// What lies behind the error that it was made of; see [`Error::origin`].
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref()?.source()
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        let kind = match &error {
            CallError::Rpc(_) => ErrorKind::Rpc,
            CallError::Silent { .. } | CallError::TimeoutInAll { .. } => ErrorKind::Timeout,
            CallError::Cancelled => ErrorKind::Cancelled,
            CallError::Closed(_) | CallError::Unsent(_) => ErrorKind::Closed,
            CallError::TooLarge { .. } => ErrorKind::TooLarge,
            CallError::Invalid(_) => ErrorKind::Protocol,
            CallError::Overloaded => ErrorKind::Overloaded,
            CallError::Refused { refusal: Refusal::Unreachable, .. } => ErrorKind::Connect,
            CallError::Refused { refusal: Refusal::Busy | Refusal::Failed, .. } => ErrorKind::Overloaded,
            CallError::Refused { refusal: Refusal::Unauthorized, .. } => ErrorKind::Unauthorized,
            CallError::Refused { refusal: Refusal::Unwanted, .. } => ErrorKind::Protocol,
        };
        let may_have_run = error.may_have_run();
        match error {
            CallError::Rpc(rpc) => Self { rpc: Some(rpc.clone()), ..Self::new(kind, rpc.message) },
            error => {
                let is_over = matches!(
                    error,
                    CallError::Closed(CloseReason::Local) | CallError::Unsent(CloseReason::Local)
                );
                let error = Self::new(kind, error.to_string());
                let may_pass = error.may_pass && !is_over;
                error.passing(may_pass).running(may_have_run)
            }
        }
    }
}

/// The error that a peer is answered with, or answered with: for layers.
impl From<ErrorObject> for Error {
    fn from(rpc: ErrorObject) -> Self {
        CallError::Rpc(rpc).into()
    }
}

impl From<NegotiationError> for Error {
    fn from(error: NegotiationError) -> Self {
        let kind = match &error {
            NegotiationError::NoCommonVersion { .. } => ErrorKind::UnsupportedVersion,
            NegotiationError::Refused(_) => ErrorKind::Rpc,
            NegotiationError::NotAServer => ErrorKind::Connect,
            NegotiationError::BadResult { .. } => ErrorKind::Protocol,
        };
        let message = error.to_string();
        let rpc = match error {
            NegotiationError::Refused(rpc) => Some(rpc),
            _ => None,
        };
        Self { rpc, ..Self::new(kind, message) }
    }
}

/// The words of an error and of what caused it.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// An error and its sources, as `anyhow` prints them with `{:#}`.
    fn in_full(error: &Error) -> String {
        let sources = std::iter::successors(error.source(), |&error| error.source());
        let words: Vec<String> =
            std::iter::once(error.to_string()).chain(sources.map(ToString::to_string)).collect();
        words.join(": ")
    }

    /// An error that shows its own words alone.
    #[derive(Debug)]
    struct Refused(io::Error);

    impl fmt::Display for Refused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("nobody listens")
        }
    }

    impl StdError for Refused {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn each_cause_is_said_once() {
        let refused = || Refused(io::Error::other("the port is closed"));
        let error = Error::new(ErrorKind::Connect, "no connection").with_source(refused());
        assert_eq!(error.to_string(), "no connection: nobody listens");
        assert_eq!(in_full(&error), "no connection: nobody listens: the port is closed");
        let outer = Error::misuse("it cannot be used").with_source(error);
        assert_eq!(in_full(&outer), "it cannot be used: no connection: nobody listens: the port is closed");
        assert!(outer.origin().is_some_and(|origin| origin.is::<Error>()));
    }

    #[test]
    fn what_main_prints_begins_with_the_text() {
        let error =
            Error::new(ErrorKind::Connect, "no connection").with_source(io::Error::other("nobody listens"));
        assert_eq!(format!("{error:?}"), "no connection: nobody listens (Connect)");
        assert!(format!("{error:#?}").contains("may_have_run: false"), "{error:#?}");
    }
}
