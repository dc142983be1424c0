use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::CallError;

use super::asks::unreachable_client;
use crate::server::Peer;

/// Where notifications go when the client takes no events: nowhere.
pub(super) struct Deaf;

impl Peer for Deaf {
    fn notify(&self, _: Method, _: &[u8]) -> bool {
        false
    }

    fn tell(&self, _: Method, _: &[u8]) -> bool {
        false
    }

    fn ask(&self, method: Method, _: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
        unreachable_client(method)
    }
}
