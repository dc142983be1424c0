use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RawObject, codes, write_json_string};
use oxmcp_proto::{Era, Method};
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::guard::guard;
use super::incoming::{Incoming, Sender, invalid_params};
use super::result::Own;
use super::{Answer, Context, Core, Outcome, Peer, Server};
use crate::extension::Extension;

/// The extensions a server declares, and the methods that they add.
#[derive(Clone, Debug, Default)]
pub(super) struct Extensions {
    declared: Vec<Extension>,
    methods: FxHashMap<Box<str>, ExtensionMethod>,
}

/// A method that an extension adds.
#[derive(Clone)]
struct ExtensionMethod {
    extension: Arc<str>,
    handler: Arc<dyn Fn(RawJson, Context) -> BoxFuture<'static, Outcome> + Send + Sync>,
}

impl fmt::Debug for ExtensionMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExtensionMethod").field(&self.extension).finish()
    }
}

impl Server {
    /// Declares an extension to clients, with its settings: anything that serialises as an object, `{}` for none. A second declaration
    /// of it takes the place of the first. Extensions are off until they are declared (2026-07-28, basic, "Extensions").
    ///
    /// A handler asks what the client declared with [`Context::client_extension`].
    ///
    /// # Panics
    ///
    /// If the name is no extension identifier (`vendor.example/name`), or the settings do not serialise as an object.
    pub fn extension(mut self, name: impl Into<String>, settings: impl Serialize) -> Self {
        let extension = Extension::new(name.into(), &settings).unwrap_or_else(|error| panic!("{error}"));
        Arc::make_mut(&mut self.extensions).declare(extension);
        self
    }

    /// Adds a method that belongs to an extension this server declares. The handler is an async function of the parameters and a
    /// [`Context`] that gives a `Result`: what serialises as an object, or the [`ErrorObject`] that the client gets. [`RawJson`] on
    /// either side leaves the JSON as it is.
    ///
    /// A client that did not declare the extension is refused: with `-32021` (2026-07-28), before that as if there were no such method.
    ///
    /// ```
    /// use oxmcp::{Context, ErrorObject, Server};
    /// use serde_json::{Value, json};
    ///
    /// let server = Server::new("demo", "1.0.0")
    ///     .extension("com.example/weather", json!({}))
    ///     .extension_method("com.example/weather", "weather/now", |place: Value, _: Context| async move {
    ///         match place["place"].as_str() {
    ///             Some(place) => Ok(json!({"place": place, "sky": "clear"})),
    ///             None => Err(ErrorObject::invalid_params("which place?")),
    ///         }
    ///     });
    /// ```
    ///
    /// # Panics
    ///
    /// If the server does not declare the extension, or the method is one of the protocol's own.
    pub fn extension_method<P, R, F, Fut>(
        mut self,
        extension: &str,
        method: impl Into<String>,
        handler: F,
    ) -> Self
    where
        P: DeserializeOwned,
        R: Serialize,
        F: Fn(P, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ErrorObject>> + Send + 'static,
    {
        let method = method.into();
        assert!(Method::from_name(&method).is_none(), "{method} is the protocol's own, and no extension's");
        let extensions = Arc::make_mut(&mut self.extensions);
        assert!(
            extensions.declared.iter().any(|declared| declared.name == extension),
            "declare the extension {extension} before its method {method}"
        );
        let handler = move |params: RawJson, context| -> BoxFuture<'static, Outcome> {
            match params.to::<P>() {
                Ok(params) => {
                    let answer = handler(params, context);
                    Box::pin(async move { as_result(&answer.await?) })
                }
                Err(error) => Box::pin(ready(Err(invalid_params(&error)))),
            }
        };
        let method_of = ExtensionMethod { extension: extension.into(), handler: Arc::new(handler) };
        extensions.methods.insert(method.into(), method_of);
        self
    }
}

fn as_result<R: Serialize>(result: &R) -> Outcome {
    let json = RawJson::of(result)
        .map_err(|error| ErrorObject::internal(format!("the result has no JSON: {error}")))?;
    match json.is_object() {
        true => Ok(json),
        false => Err(ErrorObject::internal("the result is no JSON object")),
    }
}

impl Context {
    /// The settings with which the client declared an extension, for this request (2026-07-28) or for its session. `None` if it did not.
    pub fn client_extension(&self, name: &str) -> Option<RawJson> {
        self.incoming().client.extension(name)
    }
}

impl Sender {
    /// The settings with which the client declared an extension.
    pub(super) fn extension(&self, name: &str) -> Option<RawJson> {
        let capabilities = self.capabilities()?;
        let members: RawObject<'_> = capabilities.to().ok()?;
        let extensions: RawObject<'_> = serde_json::from_str(members.member("extensions")?.get()).ok()?;
        let settings = capabilities.part(extensions.member(name)?);
        settings.is_object().then_some(settings)
    }
}

impl Extensions {
    fn declare(&mut self, extension: Extension) {
        match self.declared.iter_mut().find(|declared| declared.name == extension.name) {
            Some(declared) => *declared = extension,
            None => self.declared.push(extension),
        }
    }

    /// Writes the member `extensions` of capabilities, after others, with one more that has no settings.
    pub(super) fn write(&self, more: Option<&str>, out: &mut Vec<u8>) {
        let settings = |extension: &Extension| {
            RawJson::of(&extension.settings).unwrap_or_else(|_| RawJson::empty_object())
        };
        let declared = self.declared.iter().filter(|extension| Some(extension.name.as_str()) != more);
        let declared = declared.map(|extension| (extension.name.as_str(), settings(extension)));
        let mut separator = r#","extensions":{"#;
        for (name, settings) in declared.chain(more.map(|name| (name, RawJson::empty_object()))) {
            out.extend_from_slice(separator.as_bytes());
            separator = ",";
            write_json_string(name, out);
            out.push(b':');
            out.extend_from_slice(settings.as_bytes());
        }
        if separator == "," {
            out.push(b'}');
        }
    }
}

impl Core {
    /// Answers a request whose method is not the protocol's own.
    pub(super) fn call_extension(
        self: &Arc<Self>,
        method: &str,
        incoming: Incoming,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        let Some(found) = self.extensions.methods.get(method) else {
            return Answer::Refused(ErrorObject::method_not_found(method));
        };
        if incoming.client.extension(&found.extension).is_none() {
            return Answer::Refused(match incoming.version.era() {
                Era::Stateless => needs_extension(&found.extension),
                Era::Handshake => ErrorObject::method_not_found(method),
            });
        }
        let (core, handler, version) = (self.clone(), found.handler.clone(), incoming.version);
        let params = incoming.params();
        let context = Context::without_input(self, incoming, peer());
        Answer::Later(Box::pin(async move {
            let result = guard("method", || handler(params, context)).await??;
            if !version.wire().result_type {
                return Ok(result);
            }
            let own =
                result.to::<RawObject<'_>>().map_err(|error| ErrorObject::internal(error.to_string()))?;
            let has = |name| own.member(name).is_some();
            let own = Own { result_type: has("resultType"), meta: has("_meta") };
            let mut out = result.as_bytes()[..result.as_bytes().len() - 1].to_vec();
            core.results.finish(version, &mut out, own);
            Ok(RawJson::from_written(out))
        }))
    }
}

/// The refusal of a request that needs an extension which the client did not declare (2026-07-28, basic, "Error Codes").
pub(super) fn needs_extension(extension: &str) -> ErrorObject {
    let mut data = Vec::from(*br#"{"requiredCapabilities":{"extensions":{"#);
    write_json_string(extension, &mut data);
    data.extend_from_slice(b":{}}}}");
    let message = format!("the client did not declare the extension `{extension}` that this needs");
    ErrorObject::new(codes::MISSING_REQUIRED_CLIENT_CAPABILITY, message)
        .with_data(RawJson::from_written(data))
}
