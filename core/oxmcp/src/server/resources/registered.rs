use std::sync::Arc;

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{Resource, ResourceTemplate};

use super::ResourceHandler;
use super::template::UriTemplate;
use crate::server::completion::Completers;
use crate::server::registry::Item;
use crate::server::{CachePolicy, Texts};
use crate::{Error, Result};

/// A resource with a URI of its own.
pub(in crate::server) struct RegisteredResource {
    uri: Box<str>,
    definition: RawJson,
    pub(super) reader: Arc<Reader>,
}

/// A family of resources.
pub(in crate::server) struct RegisteredTemplate {
    uri_template: Box<str>,
    definition: RawJson,
    pattern: UriTemplate,
    pub(in crate::server) completers: Completers,
    pub(super) reader: Arc<Reader>,
}

/// What reads resources, and what is said of all of them.
pub(in crate::server) struct Reader {
    pub(super) mime_type: Option<String>,
    pub(super) cache: CachePolicy,
    pub(super) handler: Box<dyn ResourceHandler>,
}

impl Item for RegisteredResource {
    fn key(&self) -> &str {
        &self.uri
    }

    fn definition(&self) -> &RawJson {
        &self.definition
    }
}

impl Item for RegisteredTemplate {
    fn key(&self) -> &str {
        &self.uri_template
    }

    fn definition(&self) -> &RawJson {
        &self.definition
    }
}

impl RegisteredResource {
    pub(super) fn new(
        resource: Resource,
        cache: CachePolicy,
        handler: Box<dyn ResourceHandler>,
    ) -> Result<Self> {
        let Resource { uri, name, .. } = &resource;
        let bad = |why: String| Error::misuse(format!("resource {uri:?}: {why}"));
        if let Err(error) = url::Url::parse(uri) {
            return Err(bad(format!("its URI is none: {error}")));
        }
        if name.is_empty() {
            return Err(bad("it needs a name".to_owned()));
        }
        let definition = RawJson::of(&resource).map_err(|error| bad(error.to_string()))?;
        let reader = Arc::new(Reader { mime_type: resource.mime_type, cache, handler });
        Ok(Self { uri: resource.uri.into(), definition, reader })
    }
}

impl RegisteredTemplate {
    pub(super) fn new(
        template: ResourceTemplate,
        cache: CachePolicy,
        completers: Completers,
        handler: Box<dyn ResourceHandler>,
    ) -> Result<Self> {
        let ResourceTemplate { uri_template, name, .. } = &template;
        let bad = |why: String| Error::misuse(format!("resource template {uri_template:?}: {why}"));
        let pattern = UriTemplate::parse(&template).map_err(bad)?;
        completers.check(pattern.variables()).map_err(bad)?;
        if name.is_empty() {
            return Err(bad("it needs a name".to_owned()));
        }
        let definition = RawJson::of(&template).map_err(|error| bad(error.to_string()))?;
        let reader = Arc::new(Reader { mime_type: template.mime_type, cache, handler });
        Ok(Self { uri_template: template.uri_template.into(), definition, pattern, completers, reader })
    }

    /// The variables that make the template this URI; `None` when none do.
    pub(super) fn matches(&self, uri: &str) -> Option<Texts> {
        self.pattern.matches(uri)
    }
}
