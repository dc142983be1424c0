use std::sync::atomic::{AtomicU64, Ordering};

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use tokio::sync::Mutex;

use super::catalog::Doubt;
use super::time::Time;
use super::{Call, Client};
use crate::Result;

/// The lists of all tools that are made because what is known of them is in doubt. There is one at a time, for all who doubted before it began.
#[derive(Default)]
pub(super) struct Relisting {
    begun: AtomicU64,
    /// Held by whoever lists.
    last: Mutex<Last>,
}

/// The last list that was waited for to its end.
#[derive(Default)]
struct Last {
    number: u64,
    is_good: bool,
}

impl Client {
    /// Judges a doubted result by what its tool announces now: the list that it was judged by may be old, and the call must not be made again
    /// to find out.
    pub(super) async fn judge_anew(&self, call: &Call, doubt: Doubt, time: Time) -> Result<RawJson> {
        let catalog = &self.inner.catalog;
        if !self.list_tools_anew(time).await {
            tracing::debug!("the tools cannot be listed, so a result is judged by an earlier list");
            return Err(doubt.error);
        }
        catalog.forget_doubted(&doubt);
        catalog.check_output(&call.params, doubt.result).map_err(|doubt| doubt.error)
    }

    /// Lists all tools, so that the catalog knows them as they are now. False if that is not possible.
    pub(super) async fn list_tools_anew(&self, time: Time) -> bool {
        let relisting = &self.inner.relisting;
        let begun = relisting.begun.load(Ordering::SeqCst);
        let Ok(left) = time.left() else { return false };
        let Ok(mut last) = tokio::time::timeout(left, relisting.last.lock()).await else { return false };
        if last.number <= begun {
            let number = relisting.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let listed = self.list_all_tools(time).await;
            if let Err(error) = &listed {
                tracing::debug!(%error, "the tools cannot be listed anew");
            }
            *last = Last { number, is_good: listed.is_ok() };
        }
        last.is_good
    }

    async fn list_all_tools(&self, time: Time) -> Result<()> {
        let list = Call::new(Method::ListTools, RawJson::empty_object()).no_cache();
        let list = list.max_timeout(time.left()?);
        // Boxed, because listing is a call too.
        Box::pin(self.list_all(list)).await.map(drop)
    }
}
