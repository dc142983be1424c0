//! Apps: tools that a client shows with a user interface of the server's (the extension `io.modelcontextprotocol/ui`). Here is what goes over
//! the wire of MCP; what an app and its host say to each other is theirs.
//!
//! ```
//! use oxmcp::apps::{AppResource, ToolUi, app};
//! use oxmcp::server::{Arguments, tool};
//! use oxmcp::{Client, Context, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), oxmcp::Error> {
//! let server = Server::new("demo", "1.0.0")
//!     .apps()
//!     .with(tool("time", async |_: Arguments, context: Context| context.shows_apps()).ui(ToolUi::new("ui://demo/clock")))
//!     .with(app("ui://demo/clock", "clock", "<!doctype html><title>Clock</title>", AppResource::default()));
//!
//! let client = Client::connect(server).apps().await?;
//! let clock = ToolUi::of(&client.list_tools().await?[0]).and_then(|ui| ui.resource_uri);
//! assert_eq!(clock.as_deref(), Some("ui://demo/clock"));
//! assert_eq!(client.call_tool("time", serde_json::json!({})).await?.joined_text(), "true");
//! # Ok(())
//! # }
//! ```

use oxmcp_proto::model::{Extra, ResourceContents, Tool};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::Connect;
use crate::server::{ResourceBuilder, ToolBuilder, resource};
use crate::{Context, Server};

/// The extension's identifier.
pub const EXTENSION: &str = "io.modelcontextprotocol/ui";

/// The media type of an app: a page of HTML.
pub const MIME_TYPE: &str = "text/html;profile=mcp-app";

/// Where `_meta` says of user interfaces.
const KEY: &str = "ui";

/// How a tool is shown: `_meta.ui` of its definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolUi {
    /// The app, a resource with a `ui://` URI and the media type [`MIME_TYPE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_uri: Option<String>,
    /// Who may call the tool. `None` is both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Vec<Visibility>>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Who may call a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// A model.
    Model,
    /// The server's apps.
    App,
}

/// What an app needs of its host: `_meta.ui` of its resource. Requests, not grants: a host may say no.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppResource {
    /// The origins it uses. Without them, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csp: Option<Csp>,
    /// What of the browser it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// An origin of its own, in the host's terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Whether the host should draw a border around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefers_border: Option<bool>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Origins that an app uses, such as `https://api.example.com` or `https://*.example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Csp {
    /// It connects to these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connect_domains: Vec<String>,
    /// It loads scripts, styles, pictures, fonts and media from these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_domains: Vec<String>,
    /// It shows pages of these in frames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frame_domains: Vec<String>,
    /// Its base URI may be of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base_uri_domains: Vec<String>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What of the browser an app uses; what is there, even as an empty object, is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permissions {
    /// The camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<Extra>,
    /// The microphone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microphone: Option<Extra>,
    /// Where the user is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geolocation: Option<Extra>,
    /// Writing to the clipboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clipboard_write: Option<Extra>,
    /// Other members.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ToolUi {
    /// Shown with an app.
    pub fn new(resource_uri: impl Into<String>) -> Self {
        Self { resource_uri: Some(resource_uri.into()), ..Self::default() }
    }

    /// Called by these alone.
    pub fn visibility(mut self, visibility: impl Into<Vec<Visibility>>) -> Self {
        self.visibility = Some(visibility.into());
        self
    }

    /// How a tool that a server lists is shown. `None` when it says nothing of that, or nothing that can be read.
    pub fn of(tool: &Tool) -> Option<Self> {
        Self::deserialize(tool.meta.as_ref()?.get(KEY)?).ok()
    }

    /// Whether these may call the tool.
    pub fn is_visible_to(&self, who: Visibility) -> bool {
        self.visibility.as_ref().is_none_or(|visibility| visibility.contains(&who))
    }
}

impl AppResource {
    /// What an app that a server gave needs. `None` when these contents are no app.
    pub fn of(contents: &ResourceContents) -> Option<Self> {
        if contents.mime_type.as_deref() != Some(MIME_TYPE) {
            return None;
        }
        let ui = contents.meta.as_ref().and_then(|meta| meta.get(KEY));
        Some(ui.and_then(|ui| Self::deserialize(ui).ok()).unwrap_or_default())
    }
}

/// An app: a resource with a `ui://` URI that is a page of HTML.
pub fn app(
    uri: impl Into<String>,
    name: impl Into<String>,
    html: impl Into<String>,
    needs: AppResource,
) -> ResourceBuilder {
    let uri = uri.into();
    let ui = json!(needs);
    let mut contents = ResourceContents::text(uri.clone(), MIME_TYPE, html);
    contents.meta = Some(Extra::from_iter([(KEY.to_owned(), ui.clone())]));
    let read = move || std::future::ready(contents.clone());
    resource(uri, name, read).mime_type(MIME_TYPE).meta(KEY, ui)
}

impl ToolBuilder {
    /// How it is shown, by clients that show apps.
    pub fn ui(self, ui: ToolUi) -> Self {
        self.meta(KEY, json!(ui))
    }
}

impl Server {
    /// Declares that the server has apps.
    pub fn apps(self) -> Self {
        self.extension(EXTENSION, Extra::new())
    }
}

impl Connect {
    /// Declares that this client shows apps.
    pub fn apps(self) -> Self {
        self.extension(EXTENSION, json!({"mimeTypes": [MIME_TYPE]}))
    }
}

impl Context {
    /// Whether the client says that it shows apps. A tool's result should say the same in words: a model reads those, and not every client
    /// shows apps.
    pub fn shows_apps(&self) -> bool {
        let settings = self.client_extension(EXTENSION).and_then(|settings| settings.to::<Value>().ok());
        let types = settings.as_ref().and_then(|settings| settings.get("mimeTypes")?.as_array());
        types.is_some_and(|types| types.iter().any(|media_type| media_type == MIME_TYPE))
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn again<T: DeserializeOwned + Serialize>(value: &Value) -> Value {
        serde_json::to_value(T::deserialize(value).unwrap()).unwrap()
    }

    #[test]
    fn what_nobody_knows_survives() {
        let tool = json!({"resourceUri": "ui://a", "visibility": ["model", "app"], "x": 1});
        assert_eq!(again::<ToolUi>(&tool), tool);
        let resource = json!({
            "csp": {"connectDomains": ["a"], "resourceDomains": ["b"], "frameDomains": ["c"], "baseUriDomains": ["d"], "x": []},
            "permissions": {"camera": {}, "microphone": {"x": 1}, "geolocation": {}, "clipboardWrite": {}, "x": null},
            "domain": "d",
            "prefersBorder": false,
            "x": {},
        });
        assert_eq!(again::<AppResource>(&resource), resource);
    }
}
