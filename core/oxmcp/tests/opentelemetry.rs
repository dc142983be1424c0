//! One trace connects a client with its server, over stdio and over HTTP, in both eras. This program is its own server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::IntoFuture;
use std::time::Duration;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, TracerProvider};
use opentelemetry::{KeyValue, Value, global};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use oxmcp::layer::Trace;
use oxmcp::server::ToolError;
use oxmcp::transport::HttpOptions;
use oxmcp::{Client, Command, ProtocolVersion, Server};
use serde_json::json;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]));
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing_subscriber::registry().with(layer).init();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if std::env::args().any(|argument| argument == "serve") {
        return runtime.block_on(server().serve_stdio()).unwrap();
    }
    for version in [ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28] {
        runtime.block_on(over_stdio(version, &spans));
        runtime.block_on(over_http(version, &spans));
    }
    println!("opentelemetry: ok");
}

/// Its tool says in which trace and span it runs, and what baggage came along.
fn server() -> Server {
    let server = Server::new("demo", "1.0.0").layer(Trace::new());
    server
        .tool("whereabouts", "Says in which span it runs.", || async {
            let context = tracing::Span::current().context();
            let span = context.span().span_context().clone();
            let tenant = context.baggage().get("tenant").map(ToString::to_string);
            json!({"trace": span.trace_id().to_string(), "span": span.span_id().to_string(), "tenant": tenant})
                .to_string()
        })
        .tool("fail", "Fails.", || async { Err::<String, _>(ToolError::failed("no")) })
}

/// Calls the tools of a server in a span of this program; gives what the first said, and the spans of this process.
async fn call(client: &Client, spans: &InMemorySpanExporter) -> (serde_json::Value, Vec<SpanData>) {
    spans.reset();
    let outer = tracing::info_span!("outer");
    let baggage = opentelemetry::Context::new().with_baggage([KeyValue::new("tenant", "blue")]);
    outer.set_parent(baggage).unwrap();
    let said = async {
        let said = settled(client.call_tool("whereabouts", json!({}))).await.unwrap().joined_text();
        assert!(settled(client.call_tool("fail", json!({}))).await.unwrap().is_error);
        said
    };
    let said = said.instrument(outer).await;
    (serde_json::from_str(&said).unwrap(), spans.get_finished_spans().unwrap())
}

async fn over_stdio(version: ProtocolVersion, spans: &InMemorySpanExporter) {
    let program = Command::new(std::env::current_exe().unwrap()).arg("serve");
    let client = settled(Client::connect(program).only(version).layer(Trace::new())).await.unwrap();
    let (said, spans) = call(&client, spans).await;
    let ours = span(&spans, SpanKind::Client, "tools/call whereabouts");
    assert_connected(&said, ours, version);
    assert_eq!(attribute(ours, "network.transport"), "pipe");
    // The span that the tool ran in is the server's, whose parent is ours; it is in the other process.
    assert_ne!(said["span"], ours.span_context.span_id().to_string());
    settled(client.close()).await.unwrap();
}

async fn over_http(version: ProtocolVersion, spans: &InMemorySpanExporter) {
    let listening = server().listen(HttpOptions::default()).await.unwrap();
    let url = format!("http://{}/mcp", listening.local_addr());
    let client = settled(Client::connect(url).only(version).layer(Trace::new())).await.unwrap();
    let (said, spans) = call(&client, spans).await;
    let ours = span(&spans, SpanKind::Client, "tools/call whereabouts");
    let theirs = span(&spans, SpanKind::Server, "tools/call whereabouts");
    assert_connected(&said, ours, version);
    assert_eq!(theirs.parent_span_id, ours.span_context.span_id());
    assert!(theirs.parent_span_is_remote);
    assert_eq!(said["span"], theirs.span_context.span_id().to_string());
    for span in [ours, theirs] {
        assert_eq!(attribute(span, "network.transport"), "tcp");
        assert_eq!(attribute(span, "network.protocol.name"), "http");
        assert_eq!(attribute(span, "jsonrpc.request.id"), attribute(ours, "jsonrpc.request.id"));
        let has_session = span.attributes.iter().any(|attribute| attribute.key.as_str() == "mcp.session.id");
        assert_eq!(has_session, version == ProtocolVersion::V2025_11_25);
    }
    for kind in [SpanKind::Client, SpanKind::Server] {
        let failed = span(&spans, kind, "tools/call fail");
        assert_eq!(attribute(failed, "error.type"), "tool_error");
        assert!(matches!(failed.status, Status::Error { .. }), "{:?}", failed.status);
    }
    settled(client.close()).await.unwrap();
    listening.close().await;
}

/// Whether what a tool said of its trace is of the trace of this process, and the client's span says what it has to.
fn assert_connected(said: &serde_json::Value, ours: &SpanData, version: ProtocolVersion) {
    assert_eq!(said["trace"], ours.span_context.trace_id().to_string());
    assert_eq!(said["tenant"], "blue");
    assert_eq!(attribute(ours, "mcp.method.name"), "tools/call");
    assert_eq!(attribute(ours, "mcp.protocol.version"), version.as_str());
    assert_eq!(attribute(ours, "gen_ai.tool.name"), "whereabouts");
    assert_eq!(attribute(ours, "gen_ai.operation.name"), "execute_tool");
    assert_eq!(ours.status, Status::Unset);
}

fn span<'a>(spans: &'a [SpanData], kind: SpanKind, name: &str) -> &'a SpanData {
    let mut found = spans.iter().filter(|span| span.span_kind == kind && span.name == name);
    match (found.next(), found.next()) {
        (Some(span), None) => span,
        found => panic!("not one span {name:?} of kind {kind:?}, but {found:?} of {spans:#?}"),
    }
}

fn attribute(span: &SpanData, key: &str) -> String {
    let attribute = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    match attribute.map(|attribute| &attribute.value) {
        Some(Value::String(value)) => value.to_string(),
        other => panic!("{key} of {} is {other:?}", span.name),
    }
}

async fn settled<F: IntoFuture>(work: F) -> F::Output {
    tokio::time::timeout(PATIENCE, work.into_future()).await.expect("it does not settle")
}
