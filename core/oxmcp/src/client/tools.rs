use oxmcp_proto::Method;
use oxmcp_proto::model::{CallToolResult, ListToolsResult, Tool};
use serde::Serialize;

use super::list::Cursor;
use super::{Client, List, Request};

impl Client {
    /// Calls a tool with arguments that serialise as an object, or `()` for none.
    ///
    /// ```
    /// # use oxmcp::{Client, Server};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0").tool("hello", "Greet.", || async { "hello" });
    /// # let client = Client::connect(server).await?;
    /// let result = client.call_tool("hello", serde_json::json!({})).await?;
    /// assert_eq!(result.joined_text(), "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_tool(&self, name: impl AsRef<str>, arguments: impl Serialize) -> Request<CallToolResult> {
        Request::named(self, Method::CallTool, name.as_ref(), &arguments)
    }

    /// The server's tools, in its order.
    ///
    /// ```
    /// # use oxmcp::{Client, Server};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let server = Server::new("demo", "1.0.0").tool("hello", "Greet.", || async { "hello" });
    /// # let client = Client::connect(server).await?;
    /// assert_eq!(client.list_tools().await?[0].name, "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn list_tools(&self) -> List<Tool> {
        List::new(self, Method::ListTools)
    }

    /// One page of the server's tools; the first without a cursor.
    pub fn list_tools_page(&self, cursor: Option<&str>) -> Request<ListToolsResult> {
        Request::new(self, Method::ListTools, &Cursor { cursor })
    }
}
