use oxmcp_proto::model::{Annotations, Icon, Resource, ResourceTemplate};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::handler::template_handler;
use super::output::IntoResourceOutput;
use super::registered::{RegisteredResource, RegisteredTemplate};
use super::{ResourceHandler, ResourceSource};
use crate::Result;
use crate::server::completion::{Completers, CompletionSource};
use crate::server::registry::Item;
use crate::server::{CachePolicy, Feature, HandlerFn, Server};

/// A resource for [`Server::with`] and [`Server::add`]. Where its contents come from: [`ResourceSource`].
///
/// ```
/// # use std::time::Duration;
/// use oxmcp::Server;
/// use oxmcp::server::{CachePolicy, resource};
///
/// let server = Server::new("demo", "1.0.0").with(
///     resource("demo://logo", "logo", b"<svg/>".as_slice())
///         .title("The logo")
///         .mime_type("image/svg+xml")
///         .cache(CachePolicy::public(Duration::from_secs(3600))),
/// );
/// ```
pub fn resource<M>(
    uri: impl Into<String>,
    name: impl Into<String>,
    source: impl ResourceSource<M>,
) -> ResourceBuilder {
    let size = source.size();
    let definition = Resource { size, ..Resource::new(uri, name) };
    ResourceBuilder::new(definition, source.into_handler())
}

/// A family of resources for [`Server::with`] and [`Server::add`]. The handler is an async function of the template's variables, of these and
/// a [`Context`](crate::Context), or of less; see [`Server::resource_template`].
///
/// ```
/// use oxmcp::Server;
/// use oxmcp::server::resource_template;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct User {
///     id: u64,
/// }
///
/// let server = Server::new("demo", "1.0.0").with(
///     resource_template("user://{id}", "user", |User { id }: User| async move { format!("user {id}") })
///         .title("A user by number"),
/// );
/// ```
pub fn resource_template<A, M: 'static, F>(
    uri_template: impl Into<String>,
    name: impl Into<String>,
    handler: F,
) -> ResourceTemplateBuilder
where
    A: DeserializeOwned + 'static,
    F: HandlerFn<A, M>,
    F::Output: IntoResourceOutput,
{
    ResourceTemplateBuilder::new(ResourceTemplate::new(uri_template, name), template_handler(handler))
}

/// A resource that is being described.
#[must_use = "it is added by `Server::with` or `Server::add`"]
pub struct ResourceBuilder {
    definition: Resource,
    cache: CachePolicy,
    handler: Box<dyn ResourceHandler>,
}

/// A family of resources that is being described.
#[must_use = "it is added by `Server::with` or `Server::add`"]
pub struct ResourceTemplateBuilder {
    definition: ResourceTemplate,
    cache: CachePolicy,
    completers: Completers,
    handler: Box<dyn ResourceHandler>,
}

macro_rules! described {
    ($builder:ident, $definition:ty $(, $completers:ident)?) => {
        impl $builder {
            /// As the list will show it, in full.
            pub fn new(definition: $definition, handler: impl ResourceHandler) -> Self {
                Self { definition, cache: CachePolicy::default(), $($completers: Completers::default(),)? handler: Box::new(handler) }
            }

            /// A name for people.
            pub fn title(mut self, title: impl Into<String>) -> Self {
                self.definition.title = Some(title.into());
                self
            }

            /// What it holds, for a model.
            pub fn description(mut self, description: impl Into<String>) -> Self {
                self.definition.description = Some(description.into());
                self
            }

            /// Such as `text/markdown`. It is said in the list, and of contents that say nothing of their own.
            pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
                self.definition.mime_type = Some(mime_type.into());
                self
            }

            /// For whom it is and how much it matters.
            pub fn annotations(mut self, annotations: Annotations) -> Self {
                self.definition.annotations = Some(annotations);
                self
            }

            /// One more picture to show for it.
            pub fn icon(mut self, icon: Icon) -> Self {
                self.definition.icons.get_or_insert_default().push(icon);
                self
            }

            /// A member of its `_meta`.
            pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
                self.definition.meta.get_or_insert_default().insert(key.into(), value.into());
                self
            }

            /// What clients are told of keeping what they read. Default: nothing may be kept.
            pub fn cache(mut self, policy: CachePolicy) -> Self {
                self.cache = policy;
                self
            }
        }
    };
}

described!(ResourceBuilder, Resource);
described!(ResourceTemplateBuilder, ResourceTemplate, completers);

impl ResourceBuilder {
    /// How long it is in bytes. Known by itself for contents that are given as they are.
    pub fn size(mut self, bytes: u64) -> Self {
        self.definition.size = Some(bytes);
        self
    }
}

impl ResourceTemplateBuilder {
    /// What is proposed for a variable while it is typed; see [`CompletionSource`].
    pub fn complete<M>(mut self, variable: impl Into<String>, source: impl CompletionSource<M>) -> Self {
        self.completers.add(variable.into(), source);
        self
    }
}

impl Feature for ResourceBuilder {
    fn add_to(self, server: &Server) -> Result<()> {
        let resource = RegisteredResource::new(self.definition, self.cache, self.handler)?;
        let uri = resource.key().to_owned();
        if server.catalog.resources.add(resource) {
            server.resource_updated(&uri);
        }
        Ok(())
    }
}

impl Feature for ResourceTemplateBuilder {
    fn add_to(self, server: &Server) -> Result<()> {
        let completes = !self.completers.is_empty();
        let template = RegisteredTemplate::new(self.definition, self.cache, self.completers, self.handler)?;
        server.catalog.templates.add(template);
        if completes {
            server.catalog.declare_completions();
        }
        Ok(())
    }
}
