use std::sync::Arc;

use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, RawJson, Request, RequestId};
use oxmcp_proto::model::{LoggingLevel, RequestMeta, keys};
use oxmcp_proto::negotiation::unsupported_version;
use oxmcp_proto::{Era, Method, ProtocolVersion};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Caller, Session};
use crate::auth::AuthInfo;

/// A request with what it says of itself and of its sender, or its session says for it.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) id: RequestId,
    pub(super) version: ProtocolVersion,
    pub(super) params: Option<RawJson>,
    /// The `_meta` of the parameters.
    pub(super) meta: Option<RawJson>,
    pub(super) progress_token: Option<RequestId>,
    pub(super) client: Sender,
    /// What the access token of its sender says, if the server is protected.
    pub(super) auth: Option<Arc<AuthInfo>>,
    /// What it brings along from an earlier round; only in the stateless era.
    pub(super) retry: Option<Box<Retry>>,
}

/// What a request brings along that is sent again with the input that its server asked for (2026-07-28, patterns, MRTR).
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) responses: Option<RawJson>,
    pub(super) state: Option<RawJson>,
}

/// Who sent a request.
#[derive(Clone, Debug)]
pub(super) enum Sender {
    /// The client of a session.
    Session(Arc<Session>),
    /// A client that says with each request who it is and what it can do.
    Stateless {
        info: Option<RawJson>,
        capabilities: Option<RawJson>,
        /// The least severe level of the log messages that it wants for this request; none when it wants none, or the server has none.
        log_level: Option<LoggingLevel>,
    },
}

impl Incoming {
    /// Reads what the request says of itself. A request that names its revision is stateless, even in a session. `server_logs` says whether
    /// there are log messages to be asked for.
    pub(super) fn read(
        request: Request,
        caller: Caller<'_>,
        server_logs: bool,
    ) -> Result<(MethodName, Self), ErrorObject> {
        let Caller { session, auth } = caller;
        let Said { meta: meta_json, retry } = said_by(request.params.as_ref())?;
        let meta: RequestMeta<'_> = match &meta_json {
            Some(json) => json.to().map_err(|error| invalid_params(&error))?,
            None => RequestMeta::default(),
        };
        let version = version_of(&meta, session, &request.method)?;
        let client = match (version.era(), session) {
            (Era::Handshake, Some(session)) => Sender::Session(session.clone()),
            _ => {
                let part = |raw| meta_json.as_ref().zip(raw).map(|(json, raw)| json.part(raw));
                Sender::Stateless {
                    info: part(meta.client_info),
                    capabilities: part(meta.client_capabilities),
                    log_level: meta.log_level.filter(|_| server_logs),
                }
            }
        };
        let retry = retry.filter(|_| version.era() == Era::Stateless);
        let progress_token = meta.progress_token;
        let Request { id, method, params } = request;
        Ok((method, Self { id, version, params, meta: meta_json, progress_token, client, auth, retry }))
    }

    /// Under which name things belong to who sends it, as authorization found out.
    pub(super) fn principal(&self) -> Option<String> {
        self.auth.as_ref().map(|auth| auth.principal())
    }

    /// The parameters; an object without members when there are none.
    pub(super) fn params(&self) -> RawJson {
        self.params.clone().unwrap_or_else(RawJson::empty_object)
    }
}

impl Sender {
    /// The least severe level of the log messages that it wants; none when it wants none.
    pub(super) fn log_level(&self) -> Option<LoggingLevel> {
        match self {
            Self::Session(session) => session.log_filter.level(),
            Self::Stateless { log_level, .. } => *log_level,
        }
    }

    /// Who the client says it is.
    pub(super) fn info(&self) -> Option<&RawJson> {
        match self {
            Self::Session(session) => session.client_info.as_ref(),
            Self::Stateless { info, .. } => info.as_ref(),
        }
    }

    /// The session that the client is in, if it is in one.
    pub(super) fn session(&self) -> Option<&Session> {
        match self {
            Self::Session(session) => Some(session),
            Self::Stateless { .. } => None,
        }
    }

    /// What the client says it can do.
    pub(super) fn capabilities(&self) -> Option<&RawJson> {
        match self {
            Self::Session(session) => session.client_capabilities.as_ref(),
            Self::Stateless { capabilities, .. } => capabilities.as_ref(),
        }
    }
}

/// What parameters of any method may say.
#[derive(Default)]
struct Said {
    meta: Option<RawJson>,
    retry: Option<Box<Retry>>,
}

/// Reads what parameters of any method may say, jumping over everything else.
fn said_by(params: Option<&RawJson>) -> Result<Said, ErrorObject> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        #[serde(borrow, default, rename = "_meta")]
        meta: Option<&'a RawValue>,
        #[serde(borrow, default)]
        input_responses: Option<&'a RawValue>,
        #[serde(borrow, default)]
        request_state: Option<&'a RawValue>,
    }
    let Some(params) = params else { return Ok(Said::default()) };
    let found: Params<'_> = params.to().map_err(|error| invalid_params(&error))?;
    let part = |raw| params.part(raw);
    let retry = match (found.input_responses, found.request_state) {
        (None, None) => None,
        (responses, state) => {
            Some(Box::new(Retry { responses: responses.map(part), state: state.map(part) }))
        }
    };
    Ok(Said { meta: found.meta.map(part), retry })
}

/// The revision a request is in: the one its `_meta` names, else its session's.
fn version_of(
    meta: &RequestMeta<'_>,
    session: Option<&Arc<Session>>,
    method: &MethodName,
) -> Result<ProtocolVersion, ErrorObject> {
    let missing = |key: &str| ErrorObject::invalid_params(format!("the request's `_meta` has no `{key}`"));
    match (&meta.protocol_version, session) {
        (Some(name), _) => match name.parse::<ProtocolVersion>() {
            Ok(version) if version.era() == Era::Stateless => match meta.client_capabilities {
                Some(capabilities) if capabilities.get().starts_with('{') => Ok(version),
                _ => Err(missing(keys::CLIENT_CAPABILITIES)),
            },
            _ => Err(unsupported_version(name)),
        },
        (None, Some(session)) => Ok(session.version),
        // A handshake client may ask whether anyone is there before it says who it is (2025-11-25, lifecycle).
        (None, None) if *method == MethodName::Known(Method::Ping) => Ok(ProtocolVersion::LATEST_HANDSHAKE),
        (None, None) => Err(missing(keys::PROTOCOL_VERSION)),
    }
}

/// The error for parameters that cannot be read.
pub(super) fn invalid_params(error: &serde_json::Error) -> ErrorObject {
    ErrorObject::invalid_params(format!("invalid params: {error}"))
}
