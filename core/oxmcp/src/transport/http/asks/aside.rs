use std::sync::Arc;

use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RawJson, write_notification};
use oxmcp_proto::link::CallError;

use super::ask;
use crate::server::Peer;
use crate::transport::http::session::HttpSession;

/// The client of a session, as a request reaches it whose response can be nothing but JSON.
pub(in crate::transport::http) struct Aside(pub(in crate::transport::http) Arc<HttpSession>);

impl Peer for Aside {
    fn notify(&self, _: Method, _: &[u8]) -> bool {
        false
    }

    fn tell(&self, method: Method, params: &[u8]) -> bool {
        self.0.send(|out| write_notification(out, method.name(), |out| out.extend_from_slice(params)))
    }

    fn ask(&self, method: Method, params: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
        ask(self.0.clone(), None, method, params)
    }
}
