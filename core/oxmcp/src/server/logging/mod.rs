//! Logging: what is told to the client of what the server does.

mod filter;
mod log;

pub(super) use filter::LogFilter;

use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::SetLevelParams;

use super::incoming::{Incoming, Sender, invalid_params};
use super::{Core, Outcome, Server};

impl Server {
    /// Declares that the server logs to its clients; without it, [`Context::log`](crate::Context::log) sends nothing.
    ///
    /// The spec deprecates logging from 2026-07-28 on, and recommends stderr and OpenTelemetry instead.
    #[must_use]
    pub fn logging(mut self) -> Self {
        self.logging = true;
        self
    }
}

impl Core {
    /// Answers `logging/setLevel`.
    pub(super) fn set_log_level(&self, incoming: &Incoming) -> Outcome {
        let params: SetLevelParams = incoming.params().to().map_err(|error| invalid_params(&error))?;
        match &incoming.client {
            Sender::Session(session) => session.log_filter.set(Some(params.level)),
            // No revision without sessions has the method.
            Sender::Stateless { .. } => return Err(ErrorObject::method_not_found("logging/setLevel")),
        }
        Ok(RawJson::empty_object())
    }
}
