use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, RawJson, Request, RequestId, write_json_string};
use oxmcp_proto::model::{CallToolParams, InitializeParams, RequestMeta, keys};
use oxmcp_proto::negotiation::{choose_handshake_version, unsupported_version};
use oxmcp_proto::{Era, Method, ProtocolVersion};
use serde::Deserialize;

use super::output::{ToolError, ToolOutput};
use super::tools::Tools;
use super::{Context, Server, ToolCall};
use crate::Limits;
use crate::connection::panic_words;

/// What a request comes to.
pub(crate) type Outcome = Result<RawJson, ErrorObject>;

/// The answer to a request.
pub(crate) enum Answer {
    /// Here it is.
    Ready(Outcome),
    /// The request breaks the rules and no handler saw it. Over HTTP the status says so too.
    Refused(ErrorObject),
    /// It comes when the future is done; dropping the future cancels the work. It never panics.
    Later(BoxFuture<'static, Outcome>),
}

/// What `initialize` settled.
#[derive(Clone, Debug)]
pub(crate) struct Handshake {
    pub(crate) version: ProtocolVersion,
    client_info: Option<RawJson>,
}

/// Where the notifications of one request go.
pub(crate) trait Notify: Send + Sync {
    /// Sends a notification with parameters that are JSON on one line. False when nobody waits for the request any more, or nobody
    /// keeps up. Never blocks.
    fn notify(&self, method: Method, params: &[u8]) -> bool;
}

/// The part of a server that answers requests: no transport, no session. One request in, one answer out.
pub(crate) struct Core {
    /// The server's identity as a `_meta` member of results in the stateless era.
    meta: String,
    info: RawJson,
    instructions: Option<String>,
    capabilities: RawJson,
    page_size: usize,
    pub(crate) limits: Limits,
    tools: Arc<Tools>,
}

impl Core {
    pub(super) fn new(server: &Server) -> Self {
        let info = RawJson::of(&server.info).unwrap_or_else(|_| RawJson::empty_object());
        Self {
            meta: format!(r#""_meta":{{"{}":{}}}"#, keys::SERVER_INFO, info.as_str()),
            info,
            instructions: server.instructions.clone(),
            capabilities: RawJson::from_written(&br#"{"tools":{}}"#[..]),
            page_size: server.page_size,
            limits: server.limits.clone(),
            tools: server.tools.clone(),
        }
    }

    /// Opens a session of the handshake era: the answer to `initialize`, and what the session's requests need to know.
    pub(crate) fn initialize(&self, request: &Request) -> Result<(Handshake, RawJson), ErrorObject> {
        let params = request.params.clone().unwrap_or_else(RawJson::empty_object);
        let params: InitializeParams = params.to().map_err(invalid_params)?;
        let version = choose_handshake_version(&params.protocol_version);
        let mut result = Vec::with_capacity(256);
        result.extend_from_slice(br#"{"protocolVersion":"#);
        write_json_string(version.as_str(), &mut result);
        self.write_identity(&mut result);
        result.extend_from_slice(br#","serverInfo":"#);
        result.extend_from_slice(self.info.as_bytes());
        result.push(b'}');
        let handshake = Handshake { version, client_info: RawJson::of(&params.client_info).ok() };
        Ok((handshake, RawJson::from_written(result)))
    }

    /// Answers a request other than `initialize`. `session` is what `initialize` settled, if there was one; a request that names its
    /// own revision in `_meta` is served statelessly all the same.
    pub(crate) fn answer(
        self: &Arc<Self>,
        request: Request,
        session: Option<&Handshake>,
        notify: impl FnOnce() -> Arc<dyn Notify>,
    ) -> Answer {
        let (version, context) = {
            let meta = match RequestMeta::of(request.params.as_ref()) {
                Ok(meta) => meta,
                Err(error) => return Answer::Refused(invalid_params(error)),
            };
            let version = match version_of(&meta, session, &request.method) {
                Ok(version) => version,
                Err(error) => return Answer::Refused(error),
            };
            let params = request.params.as_ref();
            let client_info = match (version.era(), session) {
                (Era::Handshake, Some(session)) => session.client_info.clone(),
                _ => params.zip(meta.client_info).map(|(params, info)| params.part(info)),
            };
            (version, (client_info, meta.progress_token))
        };
        let method = match &request.method {
            MethodName::Known(method) if method.is_in(version) => *method,
            other => return Answer::Refused(ErrorObject::method_not_found(other.as_str())),
        };
        match method {
            Method::Ping => Answer::Ready(Ok(RawJson::empty_object())),
            Method::Discover => Answer::Ready(Ok(self.discover())),
            Method::ListTools => Answer::Ready(self.list_tools(version, request.params.as_ref())),
            Method::CallTool => {
                let (client_info, progress_token) = context;
                self.call_tool(request.id, version, client_info, progress_token, request.params, notify)
            }
            other => Answer::Refused(ErrorObject::method_not_found(other.name())),
        }
    }

    fn discover(&self) -> RawJson {
        let mut result = Vec::with_capacity(512);
        result.extend_from_slice(br#"{"resultType":"complete","supportedVersions":["#);
        for (at, version) in ProtocolVersion::ALL.iter().rev().enumerate() {
            if at > 0 {
                result.push(b',');
            }
            write_json_string(version.as_str(), &mut result);
        }
        result.push(b']');
        self.write_identity(&mut result);
        result.extend_from_slice(br#","ttlMs":0,"cacheScope":"private","#);
        result.extend_from_slice(self.meta.as_bytes());
        result.push(b'}');
        RawJson::from_written(result)
    }

    /// Writes what `initialize` and `server/discover` both tell.
    fn write_identity(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#","capabilities":"#);
        out.extend_from_slice(self.capabilities.as_bytes());
        if let Some(instructions) = &self.instructions {
            out.extend_from_slice(br#","instructions":"#);
            write_json_string(instructions, out);
        }
    }

    fn list_tools(&self, version: ProtocolVersion, params: Option<&RawJson>) -> Outcome {
        #[derive(Default, Deserialize)]
        struct Params {
            #[serde(default)]
            cursor: Option<String>,
        }
        let params: Params = params.map_or(Ok(Params::default()), RawJson::to).map_err(invalid_params)?;
        let page = self.tools.snapshot().page(params.cursor.as_deref(), self.page_size)?;
        let mut result = Vec::with_capacity(page.tools.as_bytes().len() + 256);
        result.extend_from_slice(br#"{"tools":"#);
        result.extend_from_slice(page.tools.as_bytes());
        if let Some(cursor) = &page.next_cursor {
            result.extend_from_slice(br#","nextCursor":"#);
            write_json_string(cursor, &mut result);
        }
        if version.wire().cache_hints {
            // Nothing tells a client yet that the list has changed, so no age is fresh.
            result.extend_from_slice(br#","ttlMs":0,"cacheScope":"private""#);
        }
        self.finish_result(version, &mut result, false, false);
        Ok(RawJson::from_written(result))
    }

    fn call_tool(
        self: &Arc<Self>,
        id: RequestId,
        version: ProtocolVersion,
        client_info: Option<RawJson>,
        progress_token: Option<RequestId>,
        params: Option<RawJson>,
        notify: impl FnOnce() -> Arc<dyn Notify>,
    ) -> Answer {
        let Some(params) = params else {
            return Answer::Ready(Err(ErrorObject::invalid_params("tools/call needs params with a `name`")));
        };
        let (tool, arguments) = {
            let call: CallToolParams<'_> = match params.to() {
                Ok(call) => call,
                Err(error) => return Answer::Ready(Err(invalid_params(error))),
            };
            let Some(tool) = self.tools.tool(&call.name) else {
                return Answer::Ready(Err(ErrorObject::invalid_params(format!(
                    "unknown tool: {}",
                    call.name
                ))));
            };
            let arguments = match call.arguments {
                Some(arguments) if arguments.get() != "null" => params.part(arguments),
                _ => RawJson::empty_object(),
            };
            (tool, arguments)
        };
        if let Err(problem) = tool.check(&arguments) {
            // The model sees it and can mend its call (2025-11-25, tools, "Error Handling").
            return Answer::Ready(
                self.tool_result(version, Err(ToolError::Failed(format!("invalid arguments: {problem}")))),
            );
        }
        let meta = params.to::<MetaOnly<'_>>().ok().and_then(|only| only.meta).map(|meta| params.part(meta));
        let context = Context::new(id, version, client_info, meta, progress_token, notify());
        let handler = tool.handler.clone();
        let future = match std::panic::catch_unwind(AssertUnwindSafe(|| {
            handler.call(ToolCall { arguments, context })
        })) {
            Ok(future) => future,
            Err(panic) => return Answer::Ready(Err(panicked(&*panic))),
        };
        let core = self.clone();
        Answer::Later(Box::pin(async move {
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(Ok(output)) => match tool.check_output(&output) {
                    Ok(()) => core.tool_result(version, Ok(output)),
                    Err(why) => {
                        tracing::error!("a tool's result does not meet its outputSchema: {why}");
                        Err(ErrorObject::internal(format!(
                            "the tool's result does not meet its outputSchema: {why}"
                        )))
                    }
                },
                Ok(error) => core.tool_result(version, error),
                Err(panic) => Err(panicked(&*panic)),
            }
        }))
    }

    fn tool_result(&self, version: ProtocolVersion, output: Result<ToolOutput, ToolError>) -> Outcome {
        let mut result = Vec::with_capacity(256);
        result.push(b'{');
        let output = match output {
            Ok(output) => output,
            Err(ToolError::Rpc(error)) => return Err(error),
            Err(ToolError::Failed(message)) => {
                ToolOutput::Text(message).write_members(&mut result)?;
                result.extend_from_slice(br#","isError":true"#);
                self.finish_result(version, &mut result, false, false);
                return Ok(RawJson::from_written(result));
            }
        };
        output.write_members(&mut result)?;
        let has_own = |name| version.wire().result_type && output.has_member(name);
        let (has_type, has_meta) = (has_own("resultType"), has_own("_meta"));
        self.finish_result(version, &mut result, has_type, has_meta);
        Ok(RawJson::from_written(result))
    }

    /// Ends a result object with what every result of the revision has.
    fn finish_result(&self, version: ProtocolVersion, out: &mut Vec<u8>, has_type: bool, has_meta: bool) {
        if version.wire().result_type {
            if !has_type {
                out.extend_from_slice(br#","resultType":"complete""#);
            }
            if !has_meta {
                out.push(b',');
                out.extend_from_slice(self.meta.as_bytes());
            }
        }
        out.push(b'}');
    }
}

#[derive(Deserialize)]
struct MetaOnly<'a> {
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<&'a serde_json::value::RawValue>,
}

/// The revision a request is in: the one its `_meta` names, else its session's.
fn version_of(
    meta: &RequestMeta<'_>,
    session: Option<&Handshake>,
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

fn invalid_params(error: serde_json::Error) -> ErrorObject {
    ErrorObject::invalid_params(format!("invalid params: {error}"))
}

/// The error for a handler that panicked. The panic's own words stay here: they may hold what the peer must not see.
fn panicked(panic: &(dyn Any + Send)) -> ErrorObject {
    tracing::error!(panic = panic_words(panic), "a tool handler panicked");
    ErrorObject::internal("the tool's handler panicked")
}
