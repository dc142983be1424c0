use oxmcp_proto::Method;
use oxmcp_proto::model::{GetPromptResult, ListPromptsResult, Prompt};
use serde::Serialize;

use super::list::Cursor;
use super::{Client, List, Request};

impl Client {
    /// The server's prompts, in its order.
    pub fn list_prompts(&self) -> List<Prompt> {
        List::new(self, Method::ListPrompts)
    }

    /// One page of the server's prompts; the first without a cursor.
    pub fn list_prompts_page(&self, cursor: Option<&str>) -> Request<ListPromptsResult> {
        Request::new(self, Method::ListPrompts, &Cursor { cursor })
    }

    /// Gets a prompt with arguments that serialise as an object of strings, or `()` for none.
    pub fn get_prompt(&self, name: impl AsRef<str>, arguments: impl Serialize) -> Request<GetPromptResult> {
        Request::named(self, Method::GetPrompt, name.as_ref(), &arguments)
    }
}
