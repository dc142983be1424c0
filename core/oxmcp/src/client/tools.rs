use std::collections::VecDeque;

use futures_util::{Stream, stream};
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{ListToolsResult, Tool};

use super::list::{MAX_PAGES, cursor_params};
use super::{Call, Client};
use crate::{Error, Result};

impl Client {
    /// One page of the server's tools; the first without a cursor.
    pub async fn list_tools_page(&self, cursor: Option<&str>) -> Result<ListToolsResult> {
        self.call(Call::new(Method::ListTools, cursor_params(cursor)?)).await?.to().map_err(no_tools)
    }

    /// All of the server's tools, in its order.
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
    pub async fn list_tools(&self) -> Result<Vec<Tool>> {
        let result: ListToolsResult = self
            .list_all(Call::new(Method::ListTools, RawJson::empty_object()))
            .await?
            .to()
            .map_err(no_tools)?;
        Ok(result.tools)
    }

    /// The server's tools one by one; pages are asked for as they are needed.
    pub fn tools(&self) -> impl Stream<Item = Result<Tool>> + Send + 'static {
        struct Pages {
            client: Client,
            ready: VecDeque<Tool>,
            cursor: Option<String>,
            left: usize,
        }
        let pages = Pages { client: self.clone(), ready: VecDeque::new(), cursor: None, left: MAX_PAGES };
        stream::try_unfold(pages, |mut pages| async move {
            loop {
                if let Some(tool) = pages.ready.pop_front() {
                    return Ok(Some((tool, pages)));
                }
                if pages.left == 0 || (pages.left < MAX_PAGES && pages.cursor.is_none()) {
                    return Ok(None);
                }
                let page = pages.client.list_tools_page(pages.cursor.as_deref()).await?;
                pages.ready.extend(page.tools);
                pages.cursor = page.next_cursor;
                pages.left -= 1;
            }
        })
    }
}

fn no_tools(error: serde_json::Error) -> Error {
    Error::protocol("the server answered tools/list with something else than a list of tools")
        .with_source(error)
}
