use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::{CallError, Ticket};

use super::Connection;
use crate::server::Peer;

/// The client as a request that came over a connection reaches it.
pub(crate) struct ConnectionPeer {
    pub(crate) connection: Connection,
    pub(crate) request: Ticket,
}

impl Peer for ConnectionPeer {
    fn notify(&self, method: Method, params: &[u8]) -> bool {
        self.connection.link().is_serving(&self.request) && self.connection.notify(method, params)
    }

    fn tell(&self, method: Method, params: &[u8]) -> bool {
        self.connection.notify(method, params)
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.connection.poll_room(cx)
    }

    fn ask(&self, method: Method, params: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
        self.connection.clone().ask(method, params)
    }
}

/// The client as a session that has a connection to itself reaches it.
pub(crate) struct SessionPeer(pub(crate) Connection);

impl Peer for SessionPeer {
    fn notify(&self, method: Method, params: &[u8]) -> bool {
        self.0.notify(method, params)
    }

    fn tell(&self, method: Method, params: &[u8]) -> bool {
        self.0.notify(method, params)
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_room(cx)
    }

    fn ask(&self, method: Method, params: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
        self.0.clone().ask(method, params)
    }
}
