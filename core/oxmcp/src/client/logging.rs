use std::sync::atomic::{AtomicU8, Ordering};

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{LoggingLevel, LoggingMessageParams};
use oxmcp_proto::negotiation::Negotiated;
use oxmcp_proto::{Era, Method};
use serde::Serialize;
use tokio::sync::oneshot;

use super::handlers::Handlers;
use super::{Call, Client, ClientContext, Connect};
use crate::{Error, ErrorKind, Result};

impl Connect {
    /// Hears of the server's log messages from `level` on, on a thread of the runtime; it must not block. The server is told the level when
    /// the connection is there (through 2025-11-25), or with every request (2026-07-28), if it declared that it logs. Connecting waits for
    /// its answer no longer than [`Limits::probe`](crate::Limits::probe).
    pub fn on_log(
        mut self,
        level: LoggingLevel,
        callback: impl Fn(LoggingMessageParams, ClientContext) + Send + Sync + 'static,
    ) -> Self {
        self.handlers.log = Some((level, Box::new(callback)));
        self
    }
}

impl Client {
    /// Says from which level on the server is to send log messages: to the server (through 2025-11-25), or from now on with every request
    /// (2026-07-28).
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) if the server did not declare that it logs, otherwise as [`call`](Self::call).
    pub async fn set_log_level(&self, level: LoggingLevel) -> Result<()> {
        if self.protocol_version().era() == Era::Handshake {
            return self.call(set_level(level)?).await.map(drop);
        }
        if !self.inner.log_level.set(level) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the server did not declare the capability `logging`",
            ));
        }
        Ok(())
    }
}

impl Client {
    /// Tells a server that has one level for all from which on to log, if somebody wants to hear it.
    pub(super) async fn begin_logging(&self) {
        let Some((level, _)) = self.inner.inbound.handlers().log else { return };
        if self.protocol_version().era() == Era::Stateless || !self.capabilities().declares(&["logging"]) {
            return;
        }
        let Ok(call) = set_level(level) else { return };
        let (tell, told) = oneshot::channel();
        // It goes on when nobody waits for it any more, and keeps no client alive.
        self.without_handle().start(call, move |outcome| drop(tell.send(outcome)));
        // What the server sends by itself is better than no connection.
        match tokio::time::timeout(self.inner.limits.probe, told).await {
            Ok(Ok(Err(error))) => {
                tracing::warn!(%error, "the server did not take the level of its log messages");
            }
            Ok(_) => {}
            Err(_) => tracing::debug!("the server has not taken the level of its log messages yet"),
        }
    }
}

/// Tells a server of the handshake era from which level on to log.
fn set_level(level: LoggingLevel) -> Result<Call> {
    #[derive(Serialize)]
    struct Params {
        level: LoggingLevel,
    }
    let params = RawJson::of(&Params { level })
        .map_err(|error| Error::misuse("the level has no JSON").with_source(error))?;
    Ok(Call::new(Method::SetLogLevel, params))
}

/// The level that requests of the stateless era say, where the server logs.
pub(super) struct LogLevel {
    is_said: bool,
    /// Its place in [`LoggingLevel::ALL`], or past the end for none.
    level: AtomicU8,
}

const NONE: u8 = LoggingLevel::ALL.len() as u8;

impl LogLevel {
    pub(super) fn new(negotiated: &Negotiated, handlers: &Handlers) -> Self {
        let is_said =
            negotiated.version.era() == Era::Stateless && negotiated.capabilities.declares(&["logging"]);
        Self { is_said, level: AtomicU8::new(handlers.log.as_ref().map_or(NONE, |(level, _)| *level as u8)) }
    }

    /// What a request says that is to say `own`, or what all others do.
    pub(super) fn of(&self, own: Option<LoggingLevel>) -> Option<LoggingLevel> {
        if !self.is_said {
            return None;
        }
        own.or_else(|| LoggingLevel::ALL.get(usize::from(self.level.load(Ordering::Relaxed))).copied())
    }

    /// False where requests say none.
    fn set(&self, level: LoggingLevel) -> bool {
        self.level.store(level as u8, Ordering::Relaxed);
        self.is_said
    }
}
