use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, write_json_string};
use oxmcp_proto::model::{LoggingLevel, Progress};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Call, Client};
use crate::{Error, Result};

/// A request about to be made. Await it, or set how first.
///
/// ```
/// # use oxmcp::{Client, Server};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), oxmcp::Error> {
/// # let server = Server::new("demo", "1.0.0").tool("hello", "Greet.", || async { "hello" });
/// # let client = Client::connect(server).await?;
/// let result = client
///     .call_tool("hello", serde_json::json!({}))
///     .timeout(Duration::from_secs(5))
///     .meta("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
///     .on_progress(|progress| println!("{}", progress.progress))
///     .await?;
/// assert_eq!(result.joined_text(), "hello");
/// # Ok(())
/// # }
/// ```
#[must_use = "a request is not made until it is awaited"]
pub struct Request<T> {
    pub(super) client: Client,
    pub(super) method: Method,
    pub(super) call: Result<Call>,
    pub(super) read: fn(&RawJson) -> serde_json::Result<T>,
}

impl<T: DeserializeOwned> Request<T> {
    /// A request of `client` with parameters that serialise as an object.
    pub(super) fn new(client: &Client, method: Method, params: &impl Serialize) -> Self {
        let call = RawJson::of(params)
            .map(|params| Call::new(method, params))
            .map_err(|error| Error::misuse("the parameters have no JSON").with_source(error));
        Self { client: client.clone(), method, call, read: |result| result.to() }
    }
}

impl<T: DeserializeOwned> Request<T> {
    /// A request of something by its name, with arguments: an object, or `null` for none.
    pub(super) fn named(client: &Client, method: Method, name: &str, arguments: &impl Serialize) -> Self {
        let call = named_params(name, arguments).map(|params| Call::new(method, params));
        Self { client: client.clone(), method, call, read: |result| result.to() }
    }
}

/// `{"name": .., "arguments": ..}`
fn named_params(name: &str, arguments: &impl Serialize) -> Result<RawJson> {
    let mut params = Vec::from(*br#"{"name":"#);
    write_json_string(name, &mut params);
    let without = params.len();
    params.extend_from_slice(br#","arguments":"#);
    let start = params.len();
    serde_json::to_writer(&mut params, arguments)
        .map_err(|error| Error::misuse("the arguments have no JSON").with_source(error))?;
    match &params[start..] {
        b"null" => params.truncate(without),
        [b'{', ..] => {}
        _ => return Err(Error::misuse("the arguments have to be a JSON object, or nothing")),
    }
    params.push(b'}');
    Ok(RawJson::from_written(params))
}

impl<T> Request<T> {
    /// See [`Call::timeout`].
    pub fn timeout(self, silence: Duration) -> Self {
        self.with(|call| call.timeout(silence))
    }

    /// See [`Call::max_timeout`].
    pub fn max_timeout(self, total: Duration) -> Self {
        self.with(|call| call.max_timeout(total))
    }

    /// See [`Call::on_progress`].
    pub fn on_progress(self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.with(|call| call.on_progress(callback))
    }

    /// See [`Call::no_cache`].
    pub fn no_cache(self) -> Self {
        self.with(Call::no_cache)
    }

    /// See [`Call::meta`].
    pub fn meta(self, key: impl Into<String>, value: impl Serialize) -> Self {
        self.with(|call| call.meta(key, value))
    }

    /// See [`Call::log_level`].
    pub fn log_level(self, level: LoggingLevel) -> Self {
        self.with(|call| call.log_level(level))
    }

    fn with(self, change: impl FnOnce(Call) -> Call) -> Self {
        Self { call: self.call.map(change), ..self }
    }
}

impl<T: 'static> IntoFuture for Request<T> {
    type Output = Result<T>;
    type IntoFuture = BoxFuture<'static, Result<T>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let result = self.client.call(self.call?).await?;
            (self.read)(&result).map_err(|error| unreadable(self.method, error))
        })
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The error for a result that is not what the spec says.
pub(super) fn unreadable(method: Method, error: serde_json::Error) -> Error {
    let message = format!("the server answered {} with something else than its result", method.name());
    Error::protocol(message).with_source(error).running(true)
}
