use std::collections::VecDeque;

use futures_util::{Stream, stream};
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{ListToolsResult, Tool};

use super::list::{Walk, cursor_params};
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
    ///
    /// A list of more pages than [`Limits::list_pages`](crate::Limits::list_pages) ends with
    /// [`TooLarge`](crate::ErrorKind::TooLarge), one that goes in circles with [`Protocol`](crate::ErrorKind::Protocol).
    pub fn tools(&self) -> impl Stream<Item = Result<Tool>> + Send + 'static {
        struct Pages {
            client: Client,
            ready: VecDeque<Tool>,
            walk: Walk,
            has_more: bool,
        }
        let walk = Walk::new(Method::ListTools, &self.inner.limits);
        let pages = Pages { client: self.clone(), ready: VecDeque::new(), walk, has_more: true };
        stream::try_unfold(pages, |mut pages| async move {
            loop {
                if let Some(tool) = pages.ready.pop_front() {
                    return Ok(Some((tool, pages)));
                }
                if !pages.has_more {
                    return Ok(None);
                }
                let page = pages.client.list_tools_page(pages.walk.cursor()).await?;
                pages.ready.extend(page.tools);
                pages.has_more = pages.walk.advance(page.next_cursor)?;
            }
        })
    }
}

fn no_tools(error: serde_json::Error) -> Error {
    Error::protocol("the server answered tools/list with something else than a list of tools")
        .with_source(error)
}
