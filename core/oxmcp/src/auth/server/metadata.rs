use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use url::Url;

use crate::auth::{Resource, Scopes};

/// What a server says of how to get at it (RFC 9728, section 2), made once.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    url: Url,
    paths: Vec<String>,
    body: Bytes,
}

#[derive(Serialize)]
struct Document<'a> {
    resource: &'a str,
    authorization_servers: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<&'a str>,
    bearer_methods_supported: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dpop_bound_access_tokens_required: bool,
}

/// What goes into it.
pub(super) struct Facts<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) documentation: Option<&'a str>,
    pub(super) authorization_servers: &'a [String],
    pub(super) scopes: &'a Scopes,
    pub(super) requires_dpop: bool,
}

impl Metadata {
    pub(super) fn new(resource: &Resource, facts: &Facts<'_>) -> Self {
        let name = resource.canonical();
        let document = Document {
            resource: &name,
            authorization_servers: facts.authorization_servers,
            scopes_supported: facts.scopes.iter().collect(),
            bearer_methods_supported: ["header"],
            resource_name: facts.name,
            resource_documentation: facts.documentation,
            dpop_bound_access_tokens_required: facts.requires_dpop,
        };
        let places = resource.well_known();
        let paths = places.iter().map(|url| url.path().to_owned()).collect();
        // Strings and flags are always written.
        let body = serde_json::to_vec(&document).unwrap_or_default().into();
        let mut url = places.into_iter().next().unwrap_or_else(|| resource.url().clone());
        url.set_query(None);
        Self { url, paths, body }
    }

    /// Where it is.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// What is answered to a GET of `path`, if it is there.
    pub(super) fn at(&self, path: &str) -> Option<(HeaderMap, Bytes)> {
        if !self.paths.iter().any(|own| own == path) {
            return None;
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
        // There is nothing in it that is not for everybody, pages of other origins among them.
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        Some((headers, self.body.clone()))
    }
}
