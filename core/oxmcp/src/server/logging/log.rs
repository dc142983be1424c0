use oxmcp_proto::Method;
use oxmcp_proto::model::LoggingLevel;
use serde::Serialize;

use crate::server::Context;

#[derive(Serialize)]
struct Message<'a, T: ?Sized> {
    level: LoggingLevel,
    #[serde(skip_serializing_if = "Option::is_none")]
    logger: Option<&'a str>,
    data: &'a T,
}

impl Context {
    /// Tells the client what the server does while it works on this request. `logger` names the part of the server that says it; the data is a
    /// string or anything else that has JSON. It must hold no secrets.
    ///
    /// Only what was asked for is sent: in a session, from the level of the last `logging/setLevel` on, and from `info` on before the first;
    /// from 2026-07-28 on, from the level that the request names, and nothing if it names none. False when it was not sent, because nobody
    /// asked for it, the server does not log (see [`Server::logging`](crate::Server::logging)), nobody waits any more, or nobody keeps up.
    /// What a [layer](crate::layer) stops or holds up counts as sent.
    ///
    /// ```
    /// use oxmcp::model::LoggingLevel;
    /// use oxmcp::{Context, Server};
    ///
    /// let server = Server::new("demo", "1.0.0").logging().tool("work", "Works.", |_: oxmcp::server::Arguments, ctx: Context| async move {
    ///     ctx.log(LoggingLevel::Warning, Some("disk"), &serde_json::json!({"free": 0.02}));
    ///     ctx.info("halfway");
    ///     "done"
    /// });
    /// ```
    pub fn log<T: Serialize + ?Sized>(&self, level: LoggingLevel, logger: Option<&str>, data: &T) -> bool {
        if self.incoming().client.log_level().is_none_or(|wanted| level < wanted) {
            return false;
        }
        match serde_json::to_vec(&Message { level, logger, data }) {
            Ok(params) => self.peer().notify(Method::LogMessage, &params),
            Err(_) => false,
        }
    }

    /// Logs what helps to find a mistake in the program; see [`log`](Self::log).
    pub fn debug<T: Serialize + ?Sized>(&self, data: &T) -> bool {
        self.log(LoggingLevel::Debug, None, data)
    }

    /// Logs what usually happens; see [`log`](Self::log).
    pub fn info<T: Serialize + ?Sized>(&self, data: &T) -> bool {
        self.log(LoggingLevel::Info, None, data)
    }

    /// Logs what may go wrong; see [`log`](Self::log).
    pub fn warning<T: Serialize + ?Sized>(&self, data: &T) -> bool {
        self.log(LoggingLevel::Warning, None, data)
    }

    /// Logs what failed; see [`log`](Self::log).
    pub fn error<T: Serialize + ?Sized>(&self, data: &T) -> bool {
        self.log(LoggingLevel::Error, None, data)
    }
}
