use std::sync::Arc;

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::ReadResourceParams;
use oxmcp_proto::{Method, ProtocolVersion};
use serde_json::json;

use super::{Reader, ResourceRead};
use crate::server::guard::guard;
use crate::server::incoming::{Incoming, invalid_params};
use crate::server::input;
use crate::server::{Answer, CachePolicy, Context, Core, Peer, Texts};

/// Bytes of a URI that is looked for among the resources and matched against the templates.
const MAX_URI: usize = 64 * 1024;

impl Core {
    /// Answers `resources/read`.
    pub(in crate::server) fn read_resource(
        self: &Arc<Self>,
        incoming: Incoming,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        let params = incoming.params();
        let uri = match params.to::<ReadResourceParams<'_>>() {
            Ok(read) => read.uri.into_owned(),
            Err(error) => return Answer::Ready(Err(invalid_params(&error))),
        };
        if uri.len() > MAX_URI {
            let why = format!("the URI has {} bytes, and may have {MAX_URI}", uri.len());
            return Answer::Ready(Err(ErrorObject::invalid_params(why)));
        }
        let version = incoming.version;
        let Some((reader, variables)) = self.find_reader(&uri) else {
            return Answer::Ready(Err(not_found(version, &uri)));
        };
        // What comes of a request that brought input along depends on that, too (2026-07-28, caching).
        let cache = match incoming.retry {
            Some(_) => CachePolicy::default(),
            None => reader.cache.clone(),
        };
        let context = match Context::open(self, Method::ReadResource, incoming, peer()) {
            Ok(context) => context,
            Err(error) => return Answer::Ready(Err(error)),
        };
        let core = self.clone();
        Answer::Later(Box::pin(async move {
            let read = ResourceRead { uri: uri.clone(), variables, context: context.clone() };
            let output = match input::run(&context, guard("resource", || reader.handler.read(read))).await {
                Ok(output) => output?,
                Err(asked) => return asked,
            };
            match output {
                Ok(output) => {
                    let result = output.into_json(&uri, reader.mime_type.as_deref())?;
                    core.results.complete(version, &result, "contents", Some(&cache))
                }
                Err(error) => Err(error.into_rpc(|| not_found(version, &uri))),
            }
        }))
    }

    /// What reads a URI: the resource that has it, else the first template that can become it.
    fn find_reader(&self, uri: &str) -> Option<(Arc<Reader>, Texts)> {
        if let Some(resource) = self.catalog.resources.find(uri) {
            return Some((resource.reader.clone(), Texts::new()));
        }
        let (template, variables) = self.catalog.templates.first(|template| template.matches(uri))?;
        Some((template.reader.clone(), variables))
    }
}

/// The error for a URI that no resource has (each revision, resources, "Error Handling").
fn not_found(version: ProtocolVersion, uri: &str) -> ErrorObject {
    let error = ErrorObject::new(version.wire().resource_not_found, format!("resource not found: {uri}"));
    match RawJson::of(&json!({"uri": uri})) {
        Ok(data) => error.with_data(data),
        Err(_) => error,
    }
}
