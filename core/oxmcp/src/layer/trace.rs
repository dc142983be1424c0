use std::borrow::Cow;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, RequestId};
use serde::Deserialize;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::{Carrier, Direction, Layer, LayerRequest, Next};
use crate::{Error, ErrorKind, Result};

/// A layer that opens one `tracing` span for each request, on the side that makes it and on the side that answers it.
///
/// The span is called `mcp`, its target is `oxmcp::layer`, its level INFO, and its fields are those of OpenTelemetry's semantic conventions
/// for MCP: `mcp.method.name`, `mcp.protocol.version`, `mcp.session.id`, `mcp.resource.uri`, `gen_ai.tool.name`, `gen_ai.prompt.name`,
/// `gen_ai.operation.name`, `jsonrpc.request.id`, `network.transport`, `network.protocol.name`, and when it failed `error.type` and
/// `rpc.response.status_code`. It is the current span while a handler runs. Neither arguments nor results are recorded.
///
/// With the feature `opentelemetry`, which stands on `tracing-opentelemetry`, the trace goes on at the other side: a request and a notification
/// carry the context of the span that they are sent in, as the propagator that is set with
/// `opentelemetry::global::set_text_map_propagator` writes it, in `_meta` (SEP-414: `traceparent`, `tracestate`, `baggage`); and the
/// span of a request that comes in has the context that is in its `_meta` as its parent. The span that was current before, such as that of
/// the HTTP request, is linked to. Without the feature, `_meta` is left alone.
///
/// ```
/// use oxmcp::layer::Trace;
/// use oxmcp::{Client, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), oxmcp::Error> {
/// let server = Server::new("demo", "1.0.0").layer(Trace::new());
/// let client = Client::connect(server).layer(Trace::new()).await?;
/// client.ping().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Trace;

impl Trace {
    /// The layer.
    pub fn new() -> Self {
        Self
    }
}

impl Layer for Trace {
    fn call(&self, request: LayerRequest, next: Next) -> BoxFuture<'static, Result<RawJson>> {
        if request.is_notification() {
            return next.run(propagated(request, &Span::current()));
        }
        #[cfg(feature = "opentelemetry")]
        let ambient = Span::current();
        let span = span_of(&request);
        #[cfg(feature = "opentelemetry")]
        if request.direction() == Direction::Incoming {
            super::propagation::adopt(&span, &ambient, &request);
        }
        let request = propagated(request, &span);
        let unfinished = Unfinished(Some((span.clone(), request.clone())));
        let run = async move { next.run(request).await }.instrument(span);
        run.inspect(move |outcome| unfinished.finish(outcome)).boxed()
    }
}

/// An outgoing message with the context of the span that it is sent in.
#[cfg(feature = "opentelemetry")]
fn propagated(mut message: LayerRequest, span: &Span) -> LayerRequest {
    if message.direction() == Direction::Outgoing {
        super::propagation::inject(span, &mut message);
    }
    message
}

#[cfg(not(feature = "opentelemetry"))]
fn propagated(message: LayerRequest, _: &Span) -> LayerRequest {
    message
}

fn span_of(request: &LayerRequest) -> Span {
    let kind = match request.direction() {
        Direction::Incoming => "server",
        Direction::Outgoing => "client",
    };
    let span = tracing::info_span!(
        target: "oxmcp::layer",
        "mcp",
        otel.name = Empty,
        otel.kind = kind,
        otel.status_code = Empty,
        otel.status_description = Empty,
        mcp.method.name = request.method(),
        mcp.protocol.version = Empty,
        mcp.session.id = Empty,
        mcp.resource.uri = Empty,
        gen_ai.operation.name = Empty,
        gen_ai.tool.name = Empty,
        gen_ai.prompt.name = Empty,
        jsonrpc.request.id = Empty,
        network.transport = Empty,
        network.protocol.name = Empty,
        error.type = Empty,
        rpc.response.status_code = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    let target = describe_subject(&span, request);
    match target {
        Some(target) => span.record("otel.name", format!("{} {target}", request.method())),
        None => span.record("otel.name", request.method()),
    };
    if let Some(version) = request.protocol_version() {
        span.record("mcp.protocol.version", version.as_str());
    }
    if let Some(session) = request.session_id() {
        span.record("mcp.session.id", session);
    }
    match request.carrier() {
        Carrier::Stdio => {
            span.record("network.transport", "pipe");
        }
        Carrier::Http => {
            span.record("network.transport", "tcp");
            span.record("network.protocol.name", "http");
        }
        Carrier::Stream => {}
    }
    record_id(&span, request);
    span
}

/// Records what a request is about. Gives it, if there are few such things: the name of a span should tell no more of them.
fn describe_subject(span: &Span, request: &LayerRequest) -> Option<String> {
    match request.known_method()? {
        Method::CallTool => {
            let tool = request.name()?;
            span.record("gen_ai.operation.name", "execute_tool");
            span.record("gen_ai.tool.name", &*tool);
            Some(tool)
        }
        Method::GetPrompt => {
            let prompt = request.name()?;
            span.record("gen_ai.prompt.name", &*prompt);
            Some(prompt)
        }
        Method::ReadResource | Method::SubscribeResource | Method::UnsubscribeResource => {
            span.record("mcp.resource.uri", &*request.name()?);
            None
        }
        _ => None,
    }
}

fn record_id(span: &Span, request: &LayerRequest) {
    match request.id() {
        Some(RequestId::Number(id)) => span.record("jsonrpc.request.id", id.to_string()),
        Some(RequestId::String(id)) => span.record("jsonrpc.request.id", &*id),
        None => span,
    };
}

/// A request that has no outcome yet; if it never gets one, it was cancelled.
struct Unfinished(Option<(Span, LayerRequest)>);

impl Unfinished {
    fn finish(mut self, outcome: &Result<RawJson>) {
        let Some((span, request)) = self.0.take() else { return };
        if span.is_disabled() {
            return;
        }
        if request.direction() == Direction::Outgoing {
            record_id(&span, &request);
        }
        match outcome {
            Ok(result) if request.known_method() == Some(Method::CallTool) && is_tool_error(result) => {
                fail(&span, "tool_error", None);
            }
            Ok(_) => {}
            Err(error) => {
                let kind = type_of(error);
                if error.rpc().is_some() {
                    span.record("rpc.response.status_code", &*kind);
                }
                fail(&span, &kind, Some(&error.to_string()));
            }
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some((span, request)) = self.0.take() {
            if request.direction() == Direction::Outgoing {
                record_id(&span, &request);
            }
            fail(&span, "cancelled", None);
        }
    }
}

fn fail(span: &Span, kind: &str, description: Option<&str>) {
    span.record("error.type", kind);
    span.record("otel.status_code", "ERROR");
    if let Some(description) = description {
        span.record("otel.status_description", description);
    }
}

fn is_tool_error(result: &RawJson) -> bool {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default, rename = "isError")]
        is_error: Option<bool>,
    }
    matches!(result.to(), Ok(Head { is_error: Some(true) }))
}

/// The class of an error: its JSON-RPC code, or a word for how else a request failed.
fn type_of(error: &Error) -> Cow<'static, str> {
    if let Some(rpc) = error.rpc() {
        return rpc.code.to_string().into();
    }
    Cow::Borrowed(match error.kind() {
        ErrorKind::Timeout => "timeout",
        ErrorKind::Cancelled => "cancelled",
        ErrorKind::Closed => "closed",
        ErrorKind::Connect => "connect",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::Protocol => "protocol",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::Unauthorized => "unauthorized",
        ErrorKind::Unsupported | ErrorKind::UnsupportedVersion => "unsupported",
        ErrorKind::Misuse | ErrorKind::Rpc | ErrorKind::Internal => "_OTHER",
    })
}
