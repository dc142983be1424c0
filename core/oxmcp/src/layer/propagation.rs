//! The trace context that messages carry in `_meta` (SEP-414; 2026-07-28, basic, `_meta`).

use std::borrow::Cow;

use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, global};
use oxmcp_proto::jsonrpc::{RawJson, RawObject};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::LayerRequest;

/// Makes the span of an incoming request one of the trace that its `_meta` says, if it says one. `ambient` is the span it came in.
pub(super) fn adopt(span: &Span, ambient: &Span, request: &LayerRequest) {
    let Some(meta) = request.meta() else { return };
    let remote = extracted(&meta);
    if !remote.span().span_context().is_valid() {
        return;
    }
    if !ambient.is_none() {
        span.add_link(ambient.context().span().span_context().clone());
    }
    if let Err(error) = span.set_parent(remote) {
        tracing::debug!(%error, "a span cannot be made part of its sender's trace");
    }
}

/// Writes the context of the span into the `_meta` of an outgoing message.
pub(super) fn inject(span: &Span, message: &mut LayerRequest) {
    let mut members = Members(Vec::new());
    let context = span.context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut members));
    for (key, value) in members.0 {
        if let Err(error) = message.set_meta(&key, value) {
            tracing::debug!(%error, "a message goes out without its trace context");
        }
    }
}

fn extracted(meta: &RawJson) -> Context {
    let Ok(members) = meta.to::<RawObject<'_>>() else { return Context::new() };
    let strings = members.0.iter().filter_map(|(name, value)| {
        let value: Cow<'_, str> = serde_json::from_str(value.get()).ok()?;
        Some((name.to_string(), value.into_owned()))
    });
    let members = Members(strings.collect());
    global::get_text_map_propagator(|propagator| propagator.extract_with_context(&Context::new(), &members))
}

/// Members of `_meta` that are strings.
struct Members(Vec<(String, String)>);

impl Extractor for Members {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl Injector for Members {
    fn set(&mut self, key: &str, value: String) {
        // Nothing was extracted, so nothing is to be cleared.
        if !value.is_empty() {
            self.0.push((key.to_owned(), value));
        }
    }
}
