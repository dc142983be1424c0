use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::LoggingLevel;
use crate::jsonrpc::RequestId;

/// Keys of `_meta` that the spec reserves (2026-07-28, basic, `_meta`).
pub mod keys {
    /// Wants progress, under this token.
    pub const PROGRESS_TOKEN: &str = "progressToken";
    /// The revision of a request.
    pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    /// Who sends a request.
    pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
    /// What the sender of a request can do.
    pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    /// The least severe level of the log messages that a request wants; absent means none (2026-07-28).
    pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
    /// Who answers.
    pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
    /// To which subscription a message belongs: the id of its `subscriptions/listen`.
    pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
    /// The trace and span a message belongs to (W3C Trace Context).
    pub const TRACEPARENT: &str = "traceparent";
    /// What tracing systems have to add to that (W3C Trace Context).
    pub const TRACESTATE: &str = "tracestate";
    /// What applications have to add to that (W3C Baggage).
    pub const BAGGAGE: &str = "baggage";
}

/// What `_meta` says of a request, as slices of it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RequestMeta<'a> {
    /// Under which token progress is wanted.
    #[serde(default, rename = "progressToken")]
    pub progress_token: Option<RequestId>,
    /// The revision (stateless era).
    #[serde(borrow, default, rename = "io.modelcontextprotocol/protocolVersion")]
    pub protocol_version: Option<Cow<'a, str>>,
    /// Who the client is (stateless era).
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientInfo")]
    pub client_info: Option<&'a RawValue>,
    /// What the client can do (stateless era).
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientCapabilities")]
    pub client_capabilities: Option<&'a RawValue>,
    /// The least severe level of the log messages that are wanted; absent means none (stateless era).
    #[serde(default, rename = "io.modelcontextprotocol/logLevel")]
    pub log_level: Option<LoggingLevel>,
}

impl<'a> RequestMeta<'a> {
    /// Reads the `_meta` of a request's parameters, jumping over everything else.
    pub fn of(params: Option<&'a crate::jsonrpc::RawJson>) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, default, rename = "_meta")]
            meta: Option<RequestMeta<'a>>,
        }
        match params {
            Some(params) => Ok(params.to::<Params<'_>>()?.meta.unwrap_or_default()),
            None => Ok(Self::default()),
        }
    }
}
