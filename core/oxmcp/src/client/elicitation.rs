use std::borrow::Cow;
use std::sync::Arc;

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::{ElicitAction, ElicitFormParams, ElicitResult, ElicitUrlParams};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::input::InputFn;
use super::input_error::InputError;
use super::{ClientContext, Connect};
use crate::schema::Schema;

impl Connect {
    /// Declares elicitation with forms, and answers the servers that ask their user for something. The handler is an async function of the
    /// parameters, or of the parameters and a [`ClientContext`](super::ClientContext), which says who asks.
    ///
    /// What it accepts is completed with the defaults of the form, and checked against it before it goes out. Where it fails, the server gets
    /// an error and no answer.
    ///
    /// ```
    /// # use oxmcp::{Client, Server};
    /// use oxmcp::client::ClientContext;
    /// use oxmcp::model::{ElicitAction, ElicitFormParams, ElicitResult};
    ///
    /// async fn ask(form: ElicitFormParams, context: ClientContext) -> ElicitResult {
    ///     println!("{} asks: {}", context.server_info().name, form.message);
    ///     ElicitResult::of(ElicitAction::Decline)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0");
    /// let client = Client::connect(server).on_elicitation(ask).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_elicitation<M>(mut self, handler: impl InputFn<ElicitFormParams, ElicitResult, M>) -> Self {
        self.handlers.form = Some(Arc::new(handler.into_handler()));
        self
    }

    /// Declares elicitation with URLs (2025-11-25 on), and answers the servers that want their user to visit a page. To accept says that the
    /// user agreed to open it, not that anything was done there. Show the whole URL, and open it only when the user agrees; see
    /// "Safe URL Handling" in the spec.
    ///
    /// A server of 2025-11-25 may refuse a request until a page has been visited (`-32042`). The handler is asked then too. When it accepts, the
    /// request is sent again once the server says that the page is done, and every now and then before, because not every server does, for
    /// [`Limits::input_wait`](crate::Limits::input_wait); otherwise the call fails with the server's error.
    pub fn on_url_elicitation<M>(mut self, handler: impl InputFn<ElicitUrlParams, ElicitResult, M>) -> Self {
        self.handlers.url = Some(Arc::new(handler.into_handler()));
        self
    }

    /// Hears that what a URL was opened for is done (2025-11-25), by the `elicitationId` of the request, once for each that this client was
    /// asked for. Runs on a thread of the runtime; it must not block.
    pub fn on_elicitation_complete(
        mut self,
        callback: impl Fn(String, ClientContext) + Send + Sync + 'static,
    ) -> Self {
        self.handlers.elicitation_complete = Some(Box::new(callback));
        self
    }
}

/// What `elicitation/create` asks for, as far as its answer is checked against it.
pub(super) enum Question {
    /// A form to fill in.
    Form(Box<Form>),
    /// Consent to open a URL, which may have an id (2025-11-25).
    Url { id: Option<String> },
}

/// What a form asks for.
pub(super) struct Form {
    schema: Schema,
    /// What fields that are left out become.
    defaults: Vec<(String, Value)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    #[serde(borrow, default)]
    mode: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "message")]
    _message: Cow<'a, str>,
    #[serde(default)]
    requested_schema: Option<Value>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
    #[serde(default)]
    elicitation_id: Option<String>,
}

/// Whether a URL is one that a user may be asked to open: no script, file or program of the user's own, and nothing that looks like a
/// host and is a password.
fn is_page(url: &url::Url) -> bool {
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let has_user = !url.username().is_empty() || url.password().is_some();
    !has_user && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback))
}

impl Question {
    /// Reads what a server asks; an error says what it did wrong.
    pub(super) fn read(params: &RawJson) -> Result<Self, ErrorObject> {
        let invalid =
            |why: String| ErrorObject::invalid_params(format!("invalid params of elicitation/create: {why}"));
        let params: Params<'_> = params.to().map_err(|error| invalid(error.to_string()))?;
        match params.mode.as_deref() {
            None | Some("form") => {
                let schema =
                    params.requested_schema.ok_or_else(|| invalid("there is no `requestedSchema`".into()))?;
                Form::new(&schema).map(Box::new).map(Self::Form).map_err(invalid)
            }
            Some("url") => {
                let url = params.url.ok_or_else(|| invalid("there is no `url`".into()))?;
                match url::Url::parse(&url) {
                    Ok(page) if is_page(&page) => Ok(Self::Url { id: params.elicitation_id }),
                    Ok(page) => Err(invalid(format!(
                        "the `url` is no page to visit: its scheme is {}, and it has to be https, or http on loopback, without user \
                         or password",
                        page.scheme()
                    ))),
                    Err(error) => Err(invalid(format!("the `url` is not a URL: {error}"))),
                }
            }
            Some(other) => Err(invalid(format!("the mode {other:?} is unknown"))),
        }
    }

    pub(super) fn mode(&self) -> &'static str {
        match self {
            Self::Form(_) => "form",
            Self::Url { .. } => "url",
        }
    }

    /// Checks what a handler answered, and completes it: what is accepted has the form's defaults and meets its schema; nothing else has
    /// content.
    pub(super) fn check_answer(&self, answer: RawJson) -> Result<RawJson, InputError> {
        let mut answer: ElicitResult = answer.to().map_err(|error| {
            InputError::failed(format!("the handler answered with no ElicitResult: {error}"))
        })?;
        answer.content = match self {
            Self::Form(form) if answer.action == ElicitAction::Accept => {
                Some(form.complete(answer.content.unwrap_or_default())?)
            }
            _ => None,
        };
        RawJson::of(&answer).map_err(InputError::from)
    }
}

impl Form {
    fn new(schema: &Value) -> Result<Self, String> {
        let wrong = |why: String| format!("the `requestedSchema` {why}");
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(wrong("is not a JSON Schema with `\"type\": \"object\"`".into()));
        }
        let fields = schema.get("properties").and_then(Value::as_object);
        let default = |(name, field): (&String, &Value)| Some((name.clone(), field.get("default")?.clone()));
        let defaults = fields.map(|fields| fields.iter().filter_map(default).collect()).unwrap_or_default();
        let schema = Schema::compile_with_formats(schema).map_err(wrong)?;
        Ok(Self { schema, defaults })
    }

    fn complete(&self, mut content: Map<String, Value>) -> Result<Map<String, Value>, InputError> {
        for (name, default) in &self.defaults {
            if !content.contains_key(name) {
                content.insert(name.clone(), default.clone());
            }
        }
        let content = Value::Object(content);
        self.schema.check(&content).map_err(|why| {
            InputError::failed(format!("the handler's answer does not meet the requested schema: {why}"))
        })?;
        match content {
            Value::Object(content) => Ok(content),
            _ => Ok(Map::new()),
        }
    }
}
