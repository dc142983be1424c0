use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;

use super::catalog::Doubt;
use super::time::Time;
use super::{Call, Client};
use crate::Result;

impl Client {
    /// Judges a doubted result by what its tool announces now: the list that it was judged by may be old, and the call must not be made again
    /// to find out.
    pub(super) async fn judge_anew(&self, call: &Call, doubt: Doubt, time: Time) -> Result<RawJson> {
        let catalog = &self.inner.catalog;
        if let Err(error) = self.list_tools_anew(time).await {
            tracing::debug!(%error, "the tools cannot be listed, so a result is judged by an earlier list");
            return Err(doubt.error);
        }
        catalog.forget_doubted(&doubt);
        catalog.check_output(&call.params, doubt.result).map_err(|doubt| doubt.error)
    }

    /// Lists all tools, so that the catalog knows them as they are now.
    pub(super) async fn list_tools_anew(&self, time: Time) -> Result<()> {
        let list = Call::new(Method::ListTools, RawJson::empty_object()).no_cache();
        let list = list.max_timeout(time.left()?);
        // Boxed, because listing is a call too.
        Box::pin(self.list_all(list)).await.map(drop)
    }
}
