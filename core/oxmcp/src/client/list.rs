use std::time::{Duration, Instant};

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, RawObject, write_json_string};

use super::{Call, Client};
use crate::{Error, ErrorKind, Limits, Result, clock};

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
        let time = Time { method, started: clock::now(), total: call.total.unwrap_or(limits.call_total) };
        let mut walk = Walk::new(method, limits);
        let mut bytes = 0;
        let mut joined = Vec::from(*b"{");
        write_json_string(items, &mut joined);
        joined.extend_from_slice(b":[");
        let start = joined.len();
        loop {
            let page = Call { params: walk.params()?, total: Some(time.left()?), ..call.clone() };
            let page = self.call(page).await.map_err(|error| time.explain(error))?;
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

/// A walk over the pages of a list: where it is, and what keeps it from going on for ever.
pub(super) struct Walk {
    method: Method,
    max_pages: usize,
    /// The pages that were read.
    pages: usize,
    cursor: Option<String>,
    /// A page that was read, and its cursor. It moves on to every page whose number is a power of two, so a circle of any length is
    /// found before it was gone through three times, with one cursor kept.
    landmark: Option<(usize, String)>,
}

impl Walk {
    pub(super) fn new(method: Method, limits: &Limits) -> Self {
        Self { method, max_pages: limits.list_pages, pages: 0, cursor: None, landmark: None }
    }

    /// Where the next page begins; `None` for the first.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    fn params(&self) -> Result<RawJson> {
        cursor_params(self.cursor())
    }

    /// Takes the cursor that a page came with. False when it was the last page.
    pub(super) fn advance(&mut self, next: Option<String>) -> Result<bool> {
        self.pages += 1;
        let Some(next) = next else { return Ok(false) };
        let (method, page) = (self.method.name(), self.pages);
        if let Some((earlier, cursor)) = &self.landmark
            && *cursor == next
        {
            return Err(Error::protocol(format!(
                "the server's {method} goes in circles: page {page} has the cursor of page {earlier}"
            )));
        }
        if page >= self.max_pages {
            let message =
                format!("the server's {method} has more than {page} pages, the limit of this client");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if page.is_power_of_two() {
            self.landmark = Some((page, next.clone()));
        }
        self.cursor = Some(next);
        Ok(true)
    }
}

/// The time that all pages of a list may take together.
struct Time {
    method: Method,
    started: Instant,
    total: Duration,
}

impl Time {
    fn left(&self) -> Result<Duration> {
        let left = self.total.saturating_sub(clock::now().saturating_duration_since(self.started));
        if left.is_zero() { Err(self.over()) } else { Ok(left) }
    }

    /// A page that had only what was left of the time has not met silence.
    fn explain(&self, error: Error) -> Error {
        match self.left() {
            Err(over) if error.kind() == ErrorKind::Timeout => over,
            _ => error,
        }
    }

    fn over(&self) -> Error {
        let (method, total) = (self.method.name(), self.total);
        let message = format!("the server did not send all pages of {method} within {total:?}");
        Error::new(ErrorKind::Timeout, message)
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

pub(super) fn cursor_params(cursor: Option<&str>) -> Result<RawJson> {
    match cursor {
        None => Ok(RawJson::empty_object()),
        Some(cursor) => RawJson::of(&serde_json::json!({ "cursor": cursor }))
            .map_err(|error| Error::misuse(error.to_string())),
    }
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
