use oxmcp_proto::model::{ListRootsResult, Root};
use oxmcp_proto::{Method, ProtocolVersion};
use serde_json::Map;

use super::InputError;
use super::ask::ask;
use super::question::{Manner, Need, Question};
use crate::Context;

impl Context {
    /// Asks the client on which folders and files the server may work (2026-07-28, roots, where it is deprecated); see
    /// [`elicit`](Self::elicit) for what becomes of the handler meanwhile.
    ///
    /// ```
    /// use oxmcp::Context;
    /// use oxmcp::server::ToolError;
    ///
    /// async fn folders(context: Context) -> Result<String, ToolError> {
    ///     let roots = context.list_roots().await?;
    ///     Ok(roots.iter().map(|root| root.uri.as_str()).collect::<Vec<_>>().join("\n"))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the client cannot be asked or does not answer; pass it on with `?`.
    pub async fn list_roots(&self) -> Result<Vec<Root>, InputError> {
        Need::Roots.check(self, "the client is asked for its roots", ProtocolVersion::V2024_11_05)?;
        let question = Question::new(Method::ListRoots, &Map::new(), Manner::default())?;
        let answer = ask(self, question).await?;
        let result: ListRootsResult = answer.to().map_err(|error| {
            InputError::invalid(self.era(), format_args!("it is no result of roots/list: {error}"))
        })?;
        Ok(result.roots)
    }
}
