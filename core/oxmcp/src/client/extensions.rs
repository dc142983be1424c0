use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{MethodName, RawJson};
use serde::Serialize;
use serde_json::Value;

use super::{Call, Client, Connect};
use crate::extension::{Extension, is_identifier};
use crate::{Error, ErrorKind, Result};

impl Connect {
    /// Declares an extension to the server, with its settings: anything that serialises as an object, `{}` for none. Extensions are off
    /// until they are declared (2026-07-28, basic, "Extensions").
    ///
    /// ```
    /// # use oxmcp::{Client, Server};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0").extension("com.example/weather", serde_json::json!({"unit": "kelvin"}));
    /// let client = Client::connect(server).extension("com.example/weather", serde_json::json!({})).await?;
    /// assert_eq!(client.server_extension("com.example/weather"), Some(&serde_json::json!({"unit": "kelvin"})));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A name that is no extension identifier (`vendor.example/name`), and settings that do not serialise as an object, fail the connection as
    /// a [`Misuse`](ErrorKind::Misuse).
    pub fn extension(mut self, name: impl Into<String>, settings: impl Serialize) -> Self {
        match Extension::new(name.into(), &settings) {
            Ok(extension) => {
                let declared = self.offer.capabilities.extensions.get_or_insert_default();
                declared.insert(extension.name, Value::Object(extension.settings));
            }
            Err(error) => self.misuse = Some(error),
        }
        self
    }
}

impl Call {
    /// A call of a method that an extension adds. It fails as [`Unsupported`](ErrorKind::Unsupported) when not both sides declared the
    /// extension.
    ///
    /// ```
    /// # use oxmcp::{Client, Context, ErrorObject, RawJson, Server, client::Call};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0")
    /// #     .extension("com.example/weather", serde_json::json!({}))
    /// #     .extension_method("com.example/weather", "weather/now", |place: serde_json::Value, _: Context| async move {
    /// #         Ok::<_, ErrorObject>(serde_json::json!({"sky": format!("clear over {}", place["place"].as_str().unwrap_or("it"))}))
    /// #     });
    /// # let client = Client::connect(server).extension("com.example/weather", serde_json::json!({})).await?;
    /// let params = RawJson::of(&serde_json::json!({"place": "Rome"})).unwrap();
    /// let now = client.call(Call::of_extension("com.example/weather", "weather/now", params)).await?;
    /// assert_eq!(now.to::<serde_json::Value>().unwrap()["sky"], "clear over Rome");
    /// # Ok(())
    /// # }
    /// ```
    pub fn of_extension(extension: impl Into<String>, method: &str, params: RawJson) -> Self {
        let extension = Some(extension.into().into_boxed_str());
        let method = MethodName::from(method);
        Self::named(method, extension, params)
    }
}

impl Client {
    /// The settings with which the server declared an extension. `None` if it did not.
    pub fn server_extension(&self, name: &str) -> Option<&Value> {
        self.capabilities().extensions.as_ref()?.get(name).filter(|settings| settings.is_object())
    }

    /// Whether both sides declared an extension.
    pub fn has_extension(&self, name: &str) -> bool {
        self.server_extension(name).is_some()
            && self.inner.extensions.iter().any(|declared| **declared == *name)
    }

    /// Sends a notification that an extension adds, with parameters that serialise as an object. It goes out when its turn comes; nothing says
    /// that it arrived.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) when not both sides declared the extension, [`Misuse`](ErrorKind::Misuse) when the method is
    /// one of the protocol's own or the parameters are no object.
    pub fn notify_extension(&self, extension: &str, method: &str, params: impl Serialize) -> Result<()> {
        if Method::from_name(method).is_some() {
            return Err(Error::misuse(format!("{method} is the protocol's own, and no extension's")));
        }
        self.check_extension(extension, method)?;
        let params = RawJson::of(&params)
            .map_err(|error| Error::misuse("the parameters have no JSON").with_source(error))?;
        if !params.is_object() {
            return Err(Error::misuse("the parameters of a notification have to be a JSON object"));
        }
        self.tell(method.into(), params);
        Ok(())
    }

    /// Refuses a method of an extension that not both sides declared.
    pub(super) fn check_extension(&self, extension: &str, method: &str) -> Result<()> {
        let side = match self.server_extension(extension) {
            _ if !is_identifier(extension) => {
                return Err(Error::misuse(format!(
                    "{method} needs the identifier of its extension, not {extension:?}"
                )));
            }
            None => "the server",
            Some(_) if !self.has_extension(extension) => "this client",
            Some(_) => return Ok(()),
        };
        let message = format!("{side} did not declare the extension `{extension}` that {method} needs");
        Err(Error::new(ErrorKind::Unsupported, message))
    }
}
