//! Resources: what they are, what reads them, what they hold, and the templates of their URIs.

mod builder;
mod handler;
mod output;
mod read;
mod registered;
mod template;

use oxmcp_proto::model::{Resource, ResourceTemplate};
use serde::de::DeserializeOwned;

pub use builder::{ResourceBuilder, ResourceTemplateBuilder, resource, resource_template};
pub use handler::{IsContents, IsFunction, ResourceHandler, ResourceRead, ResourceSource};
pub use output::{IntoResourceOutput, ResourceOutput};

pub(super) use registered::{Reader, RegisteredResource, RegisteredTemplate};

use super::{HandlerFn, Server};
use crate::Result;

impl Server {
    /// Adds a resource, or replaces the one of that URI. Its contents are text, bytes, or what an async function of nothing or of a
    /// [`Context`](crate::Context) returns; see [`ResourceSource`] and [`IntoResourceOutput`]. To say more of it, [`resource`].
    ///
    /// ```
    /// use oxmcp::Server;
    /// use oxmcp::server::Json;
    ///
    /// let server = Server::new("demo", "1.0.0")
    ///     .resource("demo://motto", "motto", "Carpe diem")
    ///     .resource("demo://load", "load", || async { Json([0.3, 0.2, 0.1]) })
    ///     .resource("file:///etc/hosts", "hosts", || tokio::fs::read_to_string("/etc/hosts"));
    /// ```
    ///
    /// # Panics
    ///
    /// If the URI is none or the name is empty; see [`add_resource`](Self::add_resource).
    #[must_use]
    pub fn resource<M>(
        self,
        uri: impl Into<String>,
        name: impl Into<String>,
        source: impl ResourceSource<M>,
    ) -> Self {
        self.with(resource(uri, name, source))
    }

    /// Adds a family of resources, or replaces the one of that template. The template is one of RFC 6570, levels 1 to 3, and the handler is an
    /// async function of its variables, of these and a [`Context`](crate::Context), or of less. The variables are the fields of a struct:
    /// strings, numbers, enums without data, or `Option`s of these where the URI may go without. A URI whose variables do not fit the fields is
    /// one of no resource. To say more of it, [`resource_template`].
    ///
    /// A variable is decoded, and safe to be a part of a path: `{name}` has no slash, no backslash and no NUL in it, and is neither `.` nor
    /// `..`, however the client encodes them; a URI that would bring one in is one of no resource. `{+path}` may have slashes, but no segment of
    /// it is `.` or `..`, and it does not begin with a slash where the template has one before it. Only the variables of `{?query}` and
    /// `{#fragment}` may be any text.
    ///
    /// A resource with a URI of its own comes before templates, and an earlier template before a later one.
    ///
    /// ```
    /// use oxmcp::Server;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Note {
    ///     name: String,
    ///     line: Option<usize>,
    /// }
    ///
    /// async fn note(note: Note) -> Result<Option<String>, std::io::Error> {
    ///     let text = tokio::fs::read_to_string(format!("notes/{}.txt", note.name)).await?;
    ///     Ok(match note.line {
    ///         Some(line) => text.lines().nth(line).map(str::to_owned), // None: there is no such resource
    ///         None => Some(text),
    ///     })
    /// }
    ///
    /// let server = Server::new("demo", "1.0.0").resource_template("note:///{name}{?line}", "note", note);
    /// ```
    ///
    /// # Panics
    ///
    /// If the template is none or the name is empty; see [`add_resource_template`](Self::add_resource_template).
    #[must_use]
    pub fn resource_template<A, M: 'static, F>(
        self,
        uri_template: impl Into<String>,
        name: impl Into<String>,
        handler: F,
    ) -> Self
    where
        A: DeserializeOwned + 'static,
        F: HandlerFn<A, M>,
        F::Output: IntoResourceOutput,
    {
        self.with(resource_template(uri_template, name, handler))
    }

    /// Adds a resource as `resources/list` will show it, or replaces the one of that URI.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the URI is none or the name is empty.
    pub fn add_resource(&self, definition: Resource, handler: impl ResourceHandler) -> Result<()> {
        self.add(ResourceBuilder::new(definition, handler))
    }

    /// Adds a family of resources as `resources/templates/list` will show it, or replaces the one of that template.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the template is none of RFC 6570, levels 1 to 3, or the name is empty.
    pub fn add_resource_template(
        &self,
        definition: ResourceTemplate,
        handler: impl ResourceHandler,
    ) -> Result<()> {
        self.add(ResourceTemplateBuilder::new(definition, handler))
    }

    /// Removes a resource. False when there is none of that URI.
    pub fn remove_resource(&self, uri: &str) -> bool {
        self.catalog.resources.remove(uri)
    }

    /// Removes a family of resources. False when there is none of that template.
    pub fn remove_resource_template(&self, uri_template: &str) -> bool {
        self.catalog.templates.remove(uri_template)
    }

    /// Shows a resource that was disabled to clients again. False when there is none, or it is shown.
    pub fn enable_resource(&self, uri: &str) -> bool {
        self.catalog.resources.enable(uri, true)
    }

    /// Hides a resource from clients: it is neither listed nor read, and keeps its place. False when there is none, or it is hidden.
    pub fn disable_resource(&self, uri: &str) -> bool {
        self.catalog.resources.enable(uri, false)
    }

    /// Shows a family of resources that was disabled to clients again. False when there is none, or it is shown.
    pub fn enable_resource_template(&self, uri_template: &str) -> bool {
        self.catalog.templates.enable(uri_template, true)
    }

    /// Hides a family of resources from clients: it is neither listed nor read, and keeps its place. False when there is none, or it is
    /// hidden.
    pub fn disable_resource_template(&self, uri_template: &str) -> bool {
        self.catalog.templates.enable(uri_template, false)
    }
}
