use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawObject;
use oxmcp_proto::model::{GetPromptResult, ListPromptsResult, Prompt};
use serde::Serialize;

use super::list::Cursor;
use super::{Call, Client, List, Request};
use crate::{Error, Result};

impl Client {
    /// The server's prompts, in its order.
    pub fn list_prompts(&self) -> List<Prompt> {
        List::new(self, Method::ListPrompts)
    }

    /// One page of the server's prompts; the first without a cursor.
    pub fn list_prompts_page(&self, cursor: Option<&str>) -> Request<ListPromptsResult> {
        Request::new(self, Method::ListPrompts, &Cursor { cursor })
    }

    /// Gets a prompt with arguments that serialise as an object of strings, or `()` for none. An argument that is no string fails the request
    /// as [`Misuse`](crate::ErrorKind::Misuse), and nothing is sent.
    pub fn get_prompt(&self, name: impl AsRef<str>, arguments: impl Serialize) -> Request<GetPromptResult> {
        let request = Request::named(self, Method::GetPrompt, name.as_ref(), &arguments);
        Request { call: request.call.and_then(with_strings), ..request }
    }
}

/// Refuses a `prompts/get` with arguments that are no strings (prompts, "Getting a Prompt").
fn with_strings(call: Call) -> Result<Call> {
    let arguments = call.params.member::<RawObject<'_>>("arguments");
    let arguments =
        arguments.map_err(|error| Error::misuse("the arguments cannot be read").with_source(error))?;
    let mut arguments = arguments.iter().flat_map(|arguments| &arguments.0);
    let other = arguments.find(|(_, value)| !value.get().starts_with('"'));
    match other {
        Some((name, _)) => {
            Err(Error::misuse(format!("the argument {name:?} of a prompt has to be a string")))
        }
        None => Ok(call),
    }
}
