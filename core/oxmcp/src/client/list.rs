use std::collections::VecDeque;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{Stream, stream};
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, RawObject, write_json_string};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::request::unreadable;
use super::time::Time;
use super::walk::Walk;
use super::{Call, Client};
use crate::{Error, ErrorKind, Result, clock};

/// A list of the server about to be read, item type by item type: [`Tool`](crate::model::Tool)s, resources, templates or prompts. Await it for
/// all of them, or take them one by one.
#[must_use = "a list is not read until it is awaited or streamed"]
pub struct List<T> {
    client: Client,
    method: Method,
    call: Result<Call>,
    items: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + Send + 'static> List<T> {
    /// A list that `method` gives.
    pub(super) fn new(client: &Client, method: Method) -> Self {
        let call = Ok(Call::new(method, RawJson::empty_object()));
        Self { client: client.clone(), method, call, items: PhantomData }
    }

    /// See [`Call::timeout`]; for each page.
    pub fn timeout(self, silence: Duration) -> Self {
        self.with(|call| call.timeout(silence))
    }

    /// See [`Call::max_timeout`]; for all pages together, or for each page of a stream.
    pub fn max_timeout(self, total: Duration) -> Self {
        self.with(|call| call.max_timeout(total))
    }

    /// See [`Call::no_cache`].
    pub fn no_cache(self) -> Self {
        self.with(Call::no_cache)
    }

    /// See [`Call::meta`].
    pub fn meta(self, key: impl Into<String>, value: impl Serialize) -> Self {
        self.with(|call| call.meta(key, value))
    }

    /// The items one by one; pages are asked for as they are needed.
    ///
    /// A list of more pages than [`Limits::list_pages`](crate::Limits::list_pages) ends with
    /// [`TooLarge`](crate::ErrorKind::TooLarge), one that goes in circles with [`Protocol`](crate::ErrorKind::Protocol).
    ///
    /// ```
    /// # use oxmcp::{Client, Server};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0").tool("hello", "Greet.", || async { "hello" });
    /// # let client = Client::connect(server).await?;
    /// use futures_util::TryStreamExt;
    ///
    /// let mut tools = client.list_tools().stream();
    /// while let Some(tool) = tools.try_next().await? {
    ///     println!("{}", tool.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(self) -> impl Stream<Item = Result<T>> + Send + Unpin + 'static {
        struct Pages<T> {
            client: Client,
            call: Call,
            ready: VecDeque<T>,
            method: Method,
            walk: Walk,
            has_more: bool,
        }
        let pages = self.call.map(|call| Pages {
            walk: Walk::new(self.method, &self.client.inner.limits),
            method: self.method,
            client: self.client,
            call,
            ready: VecDeque::new(),
            has_more: true,
        });
        // Boxed, so that `next` can be called on it without pinning it first.
        Box::pin(stream::try_unfold(pages, |pages| async move {
            let mut pages = pages?;
            loop {
                if let Some(item) = pages.ready.pop_front() {
                    return Ok(Some((item, Ok(pages))));
                }
                if !pages.has_more {
                    return Ok(None);
                }
                let call = Call { params: pages.walk.params()?, ..pages.call.clone() };
                let page = pages.client.call(call).await?;
                let (items, next) = read_page(pages.method, &page)?;
                pages.ready = items;
                pages.has_more = pages.walk.advance(next)?;
            }
        }))
    }

    fn with(self, change: impl FnOnce(Call) -> Call) -> Self {
        Self { call: self.call.map(change), ..self }
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for List<T> {
    type Output = Result<Vec<T>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (items, _) = read_page(self.method, &self.client.list_all(self.call?).await?)?;
            Ok(Vec::from(items))
        })
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").finish_non_exhaustive()
    }
}

/// The items of a page, and the cursor of the next.
fn read_page<T: DeserializeOwned>(method: Method, page: &RawJson) -> Result<(VecDeque<T>, Option<String>)> {
    let read = || {
        let page: RawObject<'_> = page.to()?;
        let member = |name| page.member(name).map_or("null", |value| value.get());
        let items = serde_json::from_str(member(items_member(method).unwrap_or_default()))?;
        Ok((items, serde_json::from_str(member("nextCursor"))?))
    };
    read().map_err(|error| unreadable(method, error))
}

impl Client {
    /// Reads every page of a list and joins their items: the result of one page that holds them all, as JSON. `call` says which list
    /// and how long it may take: [`timeout`](Call::timeout) for each page, [`max_timeout`](Call::max_timeout) for all of them together. Its
    /// parameters are not used.
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) for a method that has no pages, [`TooLarge`](ErrorKind::TooLarge) past
    /// [`Limits::list_pages`] or [`Limits::list_bytes`], [`Protocol`](ErrorKind::Protocol) when the pages go in circles, otherwise as
    /// [`call`](Self::call).
    pub async fn list_all(&self, call: Call) -> Result<RawJson> {
        let no_pages = || Error::misuse(format!("{} has no pages", call.method));
        let method = call.method.known().ok_or_else(no_pages)?;
        let items = items_member(method).ok_or_else(no_pages)?;
        let limits = &self.inner.limits;
        let total = call.total.unwrap_or(limits.call_total);
        let time = Time::new(clock::now(), total);
        let explain = |error: Error| match time.left() {
            Err(_) if error.kind() == ErrorKind::Timeout => {
                let message =
                    format!("the server did not send all pages of {} within {total:?}", method.name());
                Error::new(ErrorKind::Timeout, message)
            }
            _ => error,
        };
        let mut walk = Walk::new(method, limits);
        let mut bytes = 0;
        let mut joined = Vec::from(*b"{");
        write_json_string(items, &mut joined);
        joined.extend_from_slice(b":[");
        let start = joined.len();
        loop {
            let page =
                Call { params: walk.params()?, total: Some(time.left().map_err(explain)?), ..call.clone() };
            let page = self.call(page).await.map_err(explain)?;
            bytes += page.as_bytes().len();
            if bytes > limits.list_bytes {
                let (method, limit) = (method.name(), limits.list_bytes);
                let message =
                    format!("the server's {method} is larger than the limit of {limit} bytes in all");
                return Err(Error::new(ErrorKind::TooLarge, message));
            }
            let next = append(&page, items, start, &mut joined).map_err(|why| {
                Error::protocol(format!(
                    "the server answered {} with something else than a list: {why}",
                    method.name()
                ))
            })?;
            if !walk.advance(next)? {
                joined.extend_from_slice(b"]}");
                return Ok(RawJson::from_written(joined));
            }
        }
    }
}

/// The member of a list method's result that holds the items.
fn items_member(method: Method) -> Option<&'static str> {
    match method {
        Method::ListTools => Some("tools"),
        Method::ListResources => Some("resources"),
        Method::ListResourceTemplates => Some("resourceTemplates"),
        Method::ListPrompts => Some("prompts"),
        _ => None,
    }
}

/// The parameters of a page.
#[derive(Serialize)]
pub(super) struct Cursor<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cursor: Option<&'a str>,
}

/// Appends a page's items and returns its cursor.
fn append(page: &RawJson, items: &str, start: usize, out: &mut Vec<u8>) -> Result<Option<String>, String> {
    let page: RawObject<'_> = page.to().map_err(|error| error.to_string())?;
    let array = page.member(items).ok_or_else(|| format!("it has no `{items}`"))?.get();
    let inside = array.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inside = inside.ok_or_else(|| format!("its `{items}` is no array"))?.trim();
    if !inside.is_empty() {
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(inside.as_bytes());
    }
    match page.member("nextCursor") {
        None => Ok(None),
        Some(cursor) => serde_json::from_str(cursor.get())
            .map_err(|error| format!("its `nextCursor` is no string: {error}")),
    }
}
