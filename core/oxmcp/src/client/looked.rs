use oxmcp_proto::jsonrpc::RawJson;

use super::catalog::Doubt;
use crate::Error;

/// A result, looked at.
pub(super) enum Looked {
    Complete(RawJson),
    Interim(Interim),
}

/// A result after which a call goes on.
pub(super) enum Interim {
    /// The server needs input before it can go on (2026-07-28, patterns, MRTR).
    InputRequired(RawJson),
    /// It goes on as a task (extension `io.modelcontextprotocol/tasks`).
    Task(RawJson),
    /// The server refuses it until its user has visited pages (2025-11-25, elicitation, "URL Elicitation Required Error").
    Visit(Error),
    /// The server refuses it because the headers that repeat its arguments are not there or wrong: the client does not know the tool, or
    /// another version of it (2026-07-28, Streamable HTTP, "Client Behavior").
    Headers(Error),
    /// There is a result, but not one that the tool had announced when it was listed.
    Doubted(Box<Doubt>),
}
