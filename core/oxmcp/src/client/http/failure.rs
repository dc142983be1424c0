use std::time::Duration;

use http::StatusCode;
use oxmcp_proto::jsonrpc::codes;
use oxmcp_proto::link::{CallError, CloseReason, Refusal};

use super::no_session::NoSession;
use crate::transport::http::{Fate, HttpError};
use crate::{Error, ErrorKind};

/// The ways in which a call over HTTP fails.
pub(in crate::client) enum CallFailure {
    Call(CallError),
    Http(HttpError),
    /// The server no longer knows the session (2025-11-25, transports, "Session Management").
    SessionEnded,
    /// Nor does it open a new one.
    NoSession(NoSession),
    /// No connection was free for so long.
    Queued {
        after: Duration,
    },
}

impl CallFailure {
    /// What the failure of an exchange in a session, or in none, means.
    pub(super) fn of(error: HttpError, in_session: bool) -> Self {
        match &error {
            // Some servers say in this way that they do not know the method.
            HttpError::Status { rpc: Some(rpc), .. } if rpc.code == codes::METHOD_NOT_FOUND => {
                Self::Http(error)
            }
            HttpError::Status { status: StatusCode::NOT_FOUND, .. } if in_session => Self::SessionEnded,
            _ => Self::Http(error),
        }
    }

    /// What became of a call that failed so, and was sent or not.
    pub(super) fn fate(&self, is_sent: bool) -> Fate {
        match self {
            Self::Call(CallError::Rpc(_)) => Fate::Answered,
            Self::Call(error) if is_sent && error.may_have_run() => Fate::Unknown,
            Self::Http(error) => error.fate(is_sent),
            Self::Call(_) | Self::SessionEnded | Self::NoSession(_) | Self::Queued { .. } => Fate::Untaken,
        }
    }

    /// Whether the same call may fare better in a moment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Http(error) => error.is_passing(),
            Self::NoSession(why) => why.may_pass,
            Self::Call(_) | Self::SessionEnded | Self::Queued { .. } => false,
        }
    }

    /// How long the server wants to be left alone, if it said so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Http(error) => error.retry_after(),
            _ => None,
        }
    }
}

impl From<CallError> for CallFailure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<CallFailure> for Error {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Call(error) => error.into(),
            CallFailure::Http(error) => to_error(error),
            CallFailure::SessionEnded => Error::new(
                ErrorKind::Closed,
                "the server has ended the session (HTTP 404) and a new one at once, and did not run the call; is it several servers that do not share their sessions?",
            ),
            CallFailure::NoSession(NoSession { kind, message, .. }) => Error::new(
                if kind == ErrorKind::Unauthorized { kind } else { ErrorKind::Closed },
                format!(
                    "the server has ended the session (HTTP 404), and did not run the call; a new session could not be opened: {message}"
                ),
            ),
            CallFailure::Queued { after } => Error::new(
                ErrorKind::Overloaded,
                format!(
                    "as many calls are under way as the client may have connections (`Limits::http_connections`), and none has ended within {after:?}; the call was not sent"
                ),
            ),
        }
    }
}

/// Whether a status says that authorization is missing.
pub(super) fn is_unauthorized(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

pub(super) fn to_error(error: HttpError) -> Error {
    let may_have_run = error.fate(true) == Fate::Unknown;
    in_words(error).running(may_have_run)
}

fn in_words(error: HttpError) -> Error {
    let may_pass = error.may_pass();
    match error {
        HttpError::Status { status, rpc, has_credentials, has_challenge, body, .. }
            if is_unauthorized(status) =>
        {
            let said = rpc.map_or(body, |rpc| rpc.message);
            let hint = match (status, has_credentials) {
                (StatusCode::UNAUTHORIZED, false) => "; it wants authorization, and none was sent",
                (StatusCode::UNAUTHORIZED, true) => "; it does not accept the authorization that was sent",
                // It has said what it does not allow.
                _ if !said.trim().is_empty() => "",
                (_, true) if has_challenge => "; it does not allow it with the authorization that was sent",
                (_, false) if has_challenge => "; it wants authorization, and none was sent",
                (_, true) => {
                    "; it may not allow it with the authorization that was sent, or the `Host` of this URL or the `Origin` that it was sent with"
                }
                (_, false) => {
                    "; it may want authorization, and none was sent, or not allow the `Host` of this URL or the `Origin` that it was sent with"
                }
            };
            let message =
                format!("the server refused the request with HTTP {status}{}{hint}", said_by(&said));
            Error::new(ErrorKind::Unauthorized, message)
        }
        HttpError::Status { rpc: Some(rpc), .. } => Error::from(rpc).passing(may_pass),
        HttpError::Status { status, body, .. } if may_pass => {
            let message =
                format!("the server cannot serve now: it answered with HTTP {status}{}", said_by(&body));
            Error::new(ErrorKind::Overloaded, message)
        }
        HttpError::Status { status, body, .. } => {
            Error::protocol(format!("the server answered with HTTP {status}{}", said_by(&body)))
        }
        HttpError::Connect { address, source } => {
            let message =
                format!("the server at {address} could not be reached; is it running, and is the URL right?");
            Error::new(ErrorKind::Connect, message).with_source(source)
        }
        #[cfg(feature = "tls")]
        HttpError::Insecure { is_certificate, source } => {
            let message = if is_certificate {
                "the server's certificate was refused; is it of an authority that this system trusts? SSL_CERT_FILE and SSL_CERT_DIR name others"
            } else {
                "the server and this client found no common TLS; does the server speak https at this port?"
            };
            Error::new(ErrorKind::Connect, message).with_source(source).passing(may_pass)
        }
        HttpError::Unauthorized(error) => error,
        HttpError::Broken(how) => CallError::Closed(CloseReason::Broken(how)).into(),
        HttpError::TooLarge { limit } => CallError::TooLarge { limit }.into(),
        HttpError::Protocol(what) | HttpError::Foreign(what) => {
            Error::protocol(format!("the server broke the protocol: {what}"))
        }
    }
}

/// What the body of a response says, as the end of a sentence.
fn said_by(body: &str) -> String {
    match body.trim() {
        "" => String::new(),
        said => format!(": {said}"),
    }
}

/// What a message of a link came to that a server did not take, while the link itself stands.
pub(super) fn refused(error: HttpError) -> CallError {
    match error {
        HttpError::Broken(how) => CallError::Closed(CloseReason::Broken(how)),
        // It has lost what the stream belongs to.
        HttpError::Status { status: StatusCode::NOT_FOUND, rpc: None, .. } => {
            CallError::Closed(CloseReason::Broken(to_error(error).to_string()))
        }
        HttpError::Status { status, rpc: Some(rpc), .. } if !is_unauthorized(status) => CallError::Rpc(rpc),
        error => {
            let error = to_error(error);
            let refusal = match error.kind() {
                ErrorKind::Connect => Refusal::Unreachable,
                ErrorKind::Overloaded if error.may_have_run() => Refusal::Failed,
                ErrorKind::Overloaded => Refusal::Busy,
                ErrorKind::Unauthorized => Refusal::Unauthorized,
                _ => Refusal::Unwanted,
            };
            CallError::Refused { refusal, why: error.to_string() }
        }
    }
}
