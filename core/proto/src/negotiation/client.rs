use crate::jsonrpc::{ErrorObject, RawJson, codes};
use crate::methods::Method;
use crate::model::{
    ClientCapabilities, DiscoverResult, Implementation, InitializeParams, InitializeResult,
    ServerCapabilities, UnsupportedVersionData,
};
use crate::version::{Era, ProtocolVersion};

/// What a client brings to the negotiation.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Who it is.
    pub client_info: Implementation,
    /// What it can do.
    pub capabilities: ClientCapabilities,
    /// The one revision it accepts; any when `None`.
    pub only: Option<ProtocolVersion>,
    /// The era an earlier connection to this server found, to begin with.
    pub remembered: Option<Era>,
}

/// What a negotiation comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Negotiated {
    /// The revision both speak.
    pub version: ProtocolVersion,
    /// Who the server says it is.
    pub server_info: Implementation,
    /// What the server can do.
    pub capabilities: ServerCapabilities,
    /// How to use the server, for a model.
    pub instructions: Option<String>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this request and say what came of it through [`ClientNegotiation::handle`].
    Request {
        /// `server/discover` or `initialize`.
        method: Method,
        /// The revision to send it in.
        version: ProtocolVersion,
        /// Its parameters, without `_meta`.
        params: RawJson,
        /// Whether silence means something; then wait the probe's time, otherwise the connection's.
        is_probe: bool,
    },
    /// It is settled. In the handshake era, send `notifications/initialized` before anything else.
    Done(Box<Negotiated>),
    /// There is no way to go on.
    Failed(NegotiationError),
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A result.
    Result(RawJson),
    /// A JSON-RPC error.
    Error(ErrorObject),
    /// Nothing in the time a probe has.
    Silence,
    /// The transport refused it without a JSON-RPC error: HTTP 4xx or 5xx with another body, or a process that exited and
    /// was started again.
    Refused,
}

/// Why there is no common revision.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NegotiationError {
    /// The sides have no revision in common.
    #[error(
        "the server speaks none of the protocol versions this client accepts (server: {server}; client: {client})"
    )]
    NoCommonVersion {
        /// What the server offered.
        server: String,
        /// What this client accepts.
        client: String,
    },
    /// The server answered `initialize` or `server/discover` with an error that leaves no other way.
    #[error("the server refused to negotiate: {0}")]
    Refused(ErrorObject),
    /// The transport refused every request.
    #[error(
        "the server answers neither `server/discover` nor `initialize`: is there an MCP server at this address?"
    )]
    NotAServer,
    /// The server's answer is not what the spec says.
    #[error("the server answered {method} with something else than its result: {reason}")]
    BadResult {
        /// The method.
        method: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Finds the server's era and agrees on a revision (2026-07-28: versioning, "Backward Compatibility").
///
/// It probes with `server/discover`. A result or a modern error means a server of the stateless era; anything else, or silence,
/// means `initialize`. No answer is keyed to one error code.
///
/// ```
/// use oxmcp_proto::jsonrpc::ErrorObject;
/// use oxmcp_proto::negotiation::{ClientNegotiation, Offer, Reply, Step};
/// use oxmcp_proto::{Method, ProtocolVersion};
///
/// let (mut negotiation, first) = ClientNegotiation::start(Offer::default());
/// assert!(matches!(first, Step::Request { method: Method::Discover, .. }));
/// let next = negotiation.handle(Reply::Error(ErrorObject::method_not_found("server/discover")));
/// assert!(matches!(
///     next,
///     Step::Request { method: Method::Initialize, version: ProtocolVersion::V2025_11_25, .. }
/// ));
/// ```
#[derive(Debug)]
pub struct ClientNegotiation {
    offer: Offer,
    stage: Stage,
    /// The probe met silence, so an error to `initialize` may come from a modern server that was slow to start.
    silent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// `again`: the server refused the revision once, and yet says it supports it.
    Discover {
        last: bool,
        again: bool,
    },
    Initialize {
        version: ProtocolVersion,
        last: bool,
    },
}

impl ClientNegotiation {
    /// Begins, and says what to send first.
    pub fn start(offer: Offer) -> (Self, Step) {
        let handshake_first = match offer.only {
            Some(version) => version.era() == Era::Handshake,
            None => offer.remembered == Some(Era::Handshake),
        };
        let stage = if handshake_first {
            let version = offer.only.unwrap_or(ProtocolVersion::LATEST_HANDSHAKE);
            Stage::Initialize { version, last: offer.only.is_some() }
        } else {
            Stage::Discover { last: offer.only.is_some(), again: false }
        };
        let negotiation = Self { offer, stage, silent: false };
        let step = negotiation.request();
        (negotiation, step)
    }

    /// Takes what came of the last step's request, and says what to do next.
    pub fn handle(&mut self, reply: Reply) -> Step {
        match (self.stage, reply) {
            (Stage::Discover { last, .. }, Reply::Result(result)) => self.discovered(&result, last),
            (Stage::Discover { last, again }, Reply::Error(error)) if error.is_modern() => {
                self.refused_by_modern(error, last, again)
            }
            (Stage::Discover { last: true, .. }, Reply::Error(error)) => {
                self.fail(NegotiationError::Refused(error))
            }
            (Stage::Discover { last: true, .. }, Reply::Silence | Reply::Refused) => {
                self.fail(NegotiationError::NotAServer)
            }
            (Stage::Discover { last: false, .. }, reply) => {
                self.silent = reply == Reply::Silence;
                self.initialize(ProtocolVersion::LATEST_HANDSHAKE, !self.silent)
            }
            (Stage::Initialize { version, .. }, Reply::Result(result)) => self.initialized(version, &result),
            (Stage::Initialize { last: true, .. }, Reply::Error(error)) => {
                self.fail(NegotiationError::Refused(error))
            }
            (Stage::Initialize { last: true, .. }, Reply::Silence | Reply::Refused) => {
                self.fail(NegotiationError::NotAServer)
            }
            // The server was silent and is awake now, or is not what an earlier connection found.
            (Stage::Initialize { last: false, .. }, _) => {
                self.stage = Stage::Discover { last: true, again: false };
                self.request()
            }
        }
    }

    fn request(&self) -> Step {
        match self.stage {
            Stage::Discover { last, .. } => Step::Request {
                method: Method::Discover,
                version: ProtocolVersion::LATEST,
                params: RawJson::empty_object(),
                is_probe: !last,
            },
            Stage::Initialize { version, .. } => {
                let params = InitializeParams {
                    protocol_version: version.to_string(),
                    capabilities: self.offer.capabilities.clone(),
                    client_info: self.offer.client_info.clone(),
                    meta: None,
                    extra: Default::default(),
                };
                let params = RawJson::of(&params).unwrap_or_else(|_| RawJson::empty_object());
                Step::Request { method: Method::Initialize, version, params, is_probe: false }
            }
        }
    }

    fn initialize(&mut self, version: ProtocolVersion, last: bool) -> Step {
        self.stage = Stage::Initialize { version, last };
        self.request()
    }

    fn discovered(&mut self, result: &RawJson, last: bool) -> Step {
        let result: DiscoverResult = match result.to() {
            Ok(result) => result,
            // Whoever answers what it does not know with whatever is no modern server.
            Err(_) if !last => return self.initialize(ProtocolVersion::LATEST_HANDSHAKE, true),
            Err(error) => return self.bad_result("server/discover", error.to_string()),
        };
        match self.choose(&result.supported_versions) {
            Some(version) if version.era() == Era::Stateless => Step::Done(Box::new(Negotiated {
                version,
                server_info: result.server_info().unwrap_or_default(),
                capabilities: result.capabilities,
                instructions: result.instructions,
            })),
            Some(version) => self.initialize(version, true),
            None => self.no_common(&result.supported_versions),
        }
    }

    fn refused_by_modern(&mut self, error: ErrorObject, last: bool, again: bool) -> Step {
        if error.code != codes::UNSUPPORTED_PROTOCOL_VERSION {
            return self.fail(NegotiationError::Refused(error));
        }
        let data = error.data.as_ref().and_then(|data| data.to::<UnsupportedVersionData>().ok());
        let supported = data.map(|data| data.supported).unwrap_or_default();
        match self.choose(&supported) {
            Some(version) if version.era() == Era::Stateless && again => {
                self.fail(NegotiationError::Refused(error))
            }
            Some(version) if version.era() == Era::Stateless => {
                self.stage = Stage::Discover { last, again: true };
                self.request()
            }
            Some(version) => self.initialize(version, true),
            None => self.no_common(&supported),
        }
    }

    fn initialized(&mut self, asked: ProtocolVersion, result: &RawJson) -> Step {
        let result: InitializeResult = match result.to() {
            Ok(result) => result,
            Err(error) => return self.bad_result("initialize", error.to_string()),
        };
        match result.protocol_version.parse::<ProtocolVersion>() {
            Ok(version)
                if version == asked || (self.offer.only.is_none() && version.era() == Era::Handshake) =>
            {
                Step::Done(Box::new(Negotiated {
                    version,
                    server_info: result.server_info,
                    capabilities: result.capabilities,
                    instructions: result.instructions,
                }))
            }
            _ => self.no_common(&[result.protocol_version]),
        }
    }

    /// The newest revision of `supported` that this client accepts.
    fn choose(&self, supported: &[String]) -> Option<ProtocolVersion> {
        let known = supported.iter().filter_map(|name| name.parse::<ProtocolVersion>().ok());
        known.filter(|version| self.offer.only.is_none_or(|only| only == *version)).max()
    }

    fn no_common(&self, supported: &[String]) -> Step {
        let client = match self.offer.only {
            Some(only) => only.to_string(),
            None => ProtocolVersion::ALL.map(ProtocolVersion::as_str).join(", "),
        };
        self.fail(NegotiationError::NoCommonVersion { server: supported.join(", "), client })
    }

    fn bad_result(&self, method: &'static str, reason: String) -> Step {
        self.fail(NegotiationError::BadResult { method, reason })
    }

    fn fail(&self, error: NegotiationError) -> Step {
        Step::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(value: serde_json::Value) -> RawJson {
        RawJson::of(&value).unwrap()
    }

    fn method_of(step: &Step) -> Option<Method> {
        match step {
            Step::Request { method, .. } => Some(*method),
            _ => None,
        }
    }

    fn discovered(versions: &[&str]) -> Reply {
        Reply::Result(raw(json!({"supportedVersions": versions, "capabilities": {"tools": {}}})))
    }

    fn initialized(version: &str) -> Reply {
        let result = json!({"protocolVersion": version, "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}});
        Reply::Result(raw(result))
    }

    fn unsupported(versions: &[&str]) -> Reply {
        let data = raw(json!({"supported": versions, "requested": "2026-07-28"}));
        Reply::Error(ErrorObject::new(codes::UNSUPPORTED_PROTOCOL_VERSION, "no").with_data(data))
    }

    #[test]
    fn a_modern_server_is_settled_with_one_request() {
        let (mut negotiation, _) = ClientNegotiation::start(Offer::default());
        let Step::Done(done) = negotiation.handle(discovered(&["2026-07-28", "2025-11-25"])) else {
            panic!()
        };
        assert_eq!(done.version, ProtocolVersion::V2026_07_28);
    }

    #[test]
    fn whatever_is_no_modern_error_leads_to_initialize() {
        for reply in [
            Reply::Error(ErrorObject::method_not_found("x")),
            Reply::Error(ErrorObject::invalid_params("x")),
            Reply::Error(ErrorObject::new(-32000, "not initialized")),
            Reply::Error(ErrorObject::new(0, "?")),
            Reply::Silence,
            Reply::Refused,
        ] {
            let (mut negotiation, _) = ClientNegotiation::start(Offer::default());
            assert_eq!(method_of(&negotiation.handle(reply)), Some(Method::Initialize));
            let Step::Done(done) = negotiation.handle(initialized("2024-11-05")) else { panic!() };
            assert_eq!(done.version, ProtocolVersion::V2024_11_05);
        }
    }

    #[test]
    fn a_modern_error_never_falls_back_blindly() {
        let (mut negotiation, _) = ClientNegotiation::start(Offer::default());
        assert!(matches!(
            negotiation.handle(unsupported(&["2099-01-01"])),
            Step::Failed(NegotiationError::NoCommonVersion { .. })
        ));
        let (mut negotiation, _) = ClientNegotiation::start(Offer::default());
        let mismatch = Reply::Error(ErrorObject::new(codes::HEADER_MISMATCH, "no"));
        assert!(matches!(negotiation.handle(mismatch), Step::Failed(NegotiationError::Refused(_))));
        let (mut negotiation, _) = ClientNegotiation::start(Offer::default());
        let Step::Request { version, .. } = negotiation.handle(unsupported(&["2025-06-18"])) else {
            panic!()
        };
        assert_eq!(version, ProtocolVersion::V2025_06_18);
    }

    #[test]
    fn a_modern_server_that_was_slow_to_start_is_asked_again() {
        let (mut negotiation, _) = ClientNegotiation::start(Offer::default());
        assert_eq!(method_of(&negotiation.handle(Reply::Silence)), Some(Method::Initialize));
        let refused = Reply::Error(ErrorObject::method_not_found("initialize"));
        assert_eq!(method_of(&negotiation.handle(refused)), Some(Method::Discover));
        assert!(matches!(negotiation.handle(discovered(&["2026-07-28"])), Step::Done(_)));
    }

    #[test]
    fn a_pinned_revision_is_the_only_one() {
        let pin = |version| Offer { only: Some(version), ..Offer::default() };
        let (mut negotiation, first) = ClientNegotiation::start(pin(ProtocolVersion::V2025_06_18));
        assert_eq!(method_of(&first), Some(Method::Initialize));
        assert!(matches!(negotiation.handle(initialized("2025-03-26")), Step::Failed(_)));
        let (mut negotiation, _) = ClientNegotiation::start(pin(ProtocolVersion::V2026_07_28));
        let refused = negotiation.handle(Reply::Error(ErrorObject::method_not_found("x")));
        assert!(matches!(refused, Step::Failed(NegotiationError::Refused(_))));
    }

    #[test]
    fn a_remembered_era_saves_the_probe_and_is_dropped_when_wrong() {
        let offer = Offer { remembered: Some(Era::Handshake), ..Offer::default() };
        let (mut negotiation, first) = ClientNegotiation::start(offer);
        assert_eq!(method_of(&first), Some(Method::Initialize));
        let refused = Reply::Error(ErrorObject::method_not_found("initialize"));
        assert_eq!(method_of(&negotiation.handle(refused)), Some(Method::Discover));
    }

    #[test]
    fn a_result_of_another_shape_is_no_answer_to_a_probe_and_else_an_error() {
        let other = || Reply::Result(raw(json!({"tools": []})));
        let (mut negotiation, _) = ClientNegotiation::start(Offer::default());
        assert_eq!(method_of(&negotiation.handle(other())), Some(Method::Initialize));
        assert!(matches!(negotiation.handle(other()), Step::Failed(NegotiationError::BadResult { .. })));
    }

    #[test]
    fn a_revision_refused_and_yet_supported_is_tried_once_more() {
        let (mut negotiation, _) = ClientNegotiation::start(Offer::default());
        assert_eq!(method_of(&negotiation.handle(unsupported(&["2026-07-28"]))), Some(Method::Discover));
        let again = negotiation.handle(unsupported(&["2026-07-28"]));
        assert!(matches!(again, Step::Failed(NegotiationError::Refused(_))));
    }
}
