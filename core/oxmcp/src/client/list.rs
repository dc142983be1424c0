use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, RawObject, write_json_string};

use super::{Call, Client};
use crate::{Error, Result};

/// The largest number of pages that are read of one list. A server that has more, or goes in circles, breaks it off.
pub(super) const MAX_PAGES: usize = 10_000;

impl Client {
    /// Reads every page of a list and joins their items: the result of one page that holds them all, as JSON. `call` says which list,
    /// and how long each page may take; its parameters are not used.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) for a method that has no pages, otherwise as [`call`](Self::call).
    pub async fn list_all(&self, call: Call) -> Result<RawJson> {
        let method = call.method;
        let items =
            items_member(method).ok_or_else(|| Error::misuse(format!("{} has no pages", method.name())))?;
        let mut joined = Vec::from(*b"{");
        write_json_string(items, &mut joined);
        joined.extend_from_slice(b":[");
        let start = joined.len();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let params = cursor_params(cursor.as_deref())?;
            let page = self.call(Call { params, ..call.clone() }).await?;
            let next = append(&page, items, start, &mut joined).map_err(|why| {
                Error::protocol(format!(
                    "the server answered {} with something else than a list: {why}",
                    method.name()
                ))
            })?;
            match next {
                None => {
                    joined.extend_from_slice(b"]}");
                    return Ok(RawJson::from_written(joined));
                }
                Some(next) if cursor.as_ref() == Some(&next) => {
                    return Err(Error::protocol(format!(
                        "the server's {} goes in circles: a page's cursor is its own",
                        method.name()
                    )));
                }
                Some(next) => cursor = Some(next),
            }
        }
        Err(Error::protocol(format!("the server's {} has more than {MAX_PAGES} pages", method.name())))
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
