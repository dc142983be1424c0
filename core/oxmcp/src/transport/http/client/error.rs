use std::error::Error as StdError;
use std::time::Duration;

use http::{StatusCode, Uri};
use hyper_util::client::legacy;
use oxmcp_proto::jsonrpc::ErrorObject;

#[cfg(feature = "tls")]
use super::super::tls;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The status is not a success.
    #[error("HTTP {status}: {body}")]
    Status {
        /// The status.
        status: StatusCode,
        /// The JSON-RPC error in the body.
        rpc: Option<ErrorObject>,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
        /// Whether something was sent that may authorize the request.
        has_credentials: bool,
        /// Whether the server says how to be authorized (`WWW-Authenticate`).
        has_challenge: bool,
        /// The beginning of the body, unless it is a page behind a refusal, or where a redirect points, for people.
        body: String,
    },
    /// There is no connection.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The host and the port, as the URL has them; not the rest of it, which may hold a secret.
        address: String,
        /// Why not.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// There is a connection, but none that is secure.
    #[cfg(feature = "tls")]
    #[error("cannot connect securely: {source}")]
    Insecure {
        /// Whether it is about the server's certificate.
        is_certificate: bool,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The server wants authorization that could not be had.
    #[error(transparent)]
    Unauthorized(crate::Error),
    /// The connection ended in the middle.
    #[error("{0}")]
    Broken(String),
    /// The answer, or a message on the way to it, is larger than the limit.
    #[error("a message is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// What came is no answer.
    #[error("{0}")]
    Protocol(String),
    /// What came is nothing that a server of MCP sends at all.
    #[error("{0}")]
    Foreign(String),
}

impl HttpError {
    /// The error of a request to `uri` that got no response.
    pub(super) fn not_sent(uri: &Uri, error: legacy::Error) -> Self {
        #[cfg(feature = "tls")]
        if error.is_connect()
            && let Some(source) = tls::cause(&error)
        {
            let is_certificate = matches!(source, rustls::Error::InvalidCertificate(_));
            return Self::Insecure { is_certificate, source: source.clone() };
        }
        if !error.is_connect() {
            return Self::broken(&error);
        }
        let address = uri.authority().map(ToString::to_string).unwrap_or_default();
        // What the HTTP library calls it says nothing; its cause does.
        let source = match error.source() {
            Some(cause) => in_words(cause).into(),
            None => error.into(),
        };
        Self::Connect { address, source }
    }

    /// The error of a response that broke off.
    pub(super) fn broken(error: &dyn StdError) -> Self {
        Self::Broken(in_words(error))
    }

    /// Whether the same request may fare better in a while.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken(_) => true,
            Self::Status { status: StatusCode::NOT_IMPLEMENTED, .. } => false,
            Self::Status { status, .. } => {
                // A conflict is with an earlier stream that the server does not know to be lost yet.
                let passing = [
                    StatusCode::REQUEST_TIMEOUT,
                    StatusCode::CONFLICT,
                    StatusCode::TOO_EARLY,
                    StatusCode::TOO_MANY_REQUESTS,
                ];
                status.is_server_error() || passing.contains(status)
            }
            _ => false,
        }
    }
}

/// What the failure of a request says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The server did not take it, or it never got there.
    Untaken,
    /// The server has answered it, with an error.
    Answered,
    /// Nobody knows.
    Unknown,
}

impl HttpError {
    /// What became of a request that failed so, and was sent or not.
    ///
    /// A `4xx` is a refusal. A server error is often that of a proxy, whose server may have run the request; one that says when to come back
    /// (`503` with `Retry-After`) has refused it too.
    pub(crate) fn fate(&self, is_sent: bool) -> Fate {
        match self {
            _ if !is_sent => Fate::Untaken,
            Self::Status { status: StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY, .. } => {
                Fate::Untaken
            }
            Self::Status { status: StatusCode::SERVICE_UNAVAILABLE, retry_after: Some(_), .. } => {
                Fate::Untaken
            }
            Self::Status { rpc: Some(_), .. } => Fate::Answered,
            Self::Status { status, .. } => match *status {
                StatusCode::REQUEST_TIMEOUT => Fate::Unknown,
                StatusCode::NOT_IMPLEMENTED => Fate::Untaken,
                status if status.is_server_error() => Fate::Unknown,
                _ => Fate::Untaken,
            },
            Self::Connect { .. } | Self::Unauthorized(_) => Fate::Untaken,
            #[cfg(feature = "tls")]
            Self::Insecure { .. } => Fate::Untaken,
            Self::Broken(_) | Self::TooLarge { .. } | Self::Protocol(_) | Self::Foreign(_) => Fate::Unknown,
        }
    }

    /// Whether the same request may fare better at once, or after the time that the server asks for: nothing of it is at fault.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken(_) => true,
            Self::Status { status, .. } => matches!(
                *status,
                StatusCode::REQUEST_TIMEOUT
                    | StatusCode::TOO_EARLY
                    | StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            _ => false,
        }
    }

    /// How long the server wants to be left alone, if it said so.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// An error with its causes.
fn in_words(error: &dyn StdError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some errors repeat their cause.
        if !words.ends_with(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    words
}
