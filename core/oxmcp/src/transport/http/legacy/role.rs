use std::sync::Arc;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, Notification, Request};
use oxmcp_proto::link::Ticket;

use super::share::Share;
use crate::connection::{Connection, Role};
use crate::layer::Inlet;
use crate::server::{Answer, Core, StreamRole};
use crate::transport::http::budget::Budget;

/// The server's end of a client's stream. What its requests take counts with those of all others that the endpoint serves.
pub(super) struct LegacyRole {
    stream: StreamRole,
    share: Share,
}

impl LegacyRole {
    pub(super) fn new(core: Arc<Core>, budget: Arc<Budget>) -> Self {
        Self { stream: StreamRole::new(core), share: Share::new(budget) }
    }
}

impl Role for LegacyRole {
    const SERVES: bool = StreamRole::SERVES;

    fn has_batches(&self) -> bool {
        self.stream.has_batches()
    }

    fn answer(&mut self, request: Request, ticket: &Ticket, connection: &Connection) -> Answer {
        let size = request.params.as_ref().map_or(0, |params| params.as_bytes().len());
        let portion = match self.share.take(size) {
            Ok(portion) => portion,
            Err(why) => return Answer::Refused(ErrorObject::internal(why)),
        };
        // Subscriptions have a limit of their own.
        let counts = request.method != MethodName::Known(Method::Listen);
        match self.stream.answer(request, ticket, connection) {
            Answer::Later(work) if counts => Answer::Later(Box::pin(async move {
                let outcome = work.await;
                drop(portion);
                outcome
            })),
            answer => answer,
        }
    }

    fn inlet(&self, notification: &Notification) -> Option<Inlet> {
        self.stream.inlet(notification)
    }

    fn outlet(&self) -> Option<Inlet> {
        self.stream.outlet()
    }

    fn notified(&mut self, notification: Notification) {
        self.stream.notified(notification);
    }

    fn input_ended(&mut self) {
        self.stream.input_ended();
    }
}
