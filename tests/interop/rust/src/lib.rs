//! Two servers, one made with oxmcp and one with rmcp, the official SDK for Rust. The tests have each called by the other's
//! client, and look at what the matrix of peers does not: pages, content of every kind, errors, many calls at once, what is
//! answered as JSON, processes that end. Beside them what the Rust programs of the matrix need.

mod drive;
mod everything;
mod naps;
mod oxmcp_server;
mod rmcp_http;
mod rmcp_server;
mod tools;

pub use drive::{Outcome, drive};
pub use everything::everything_server;
pub use oxmcp_server::oxmcp_server;
pub use rmcp_http::RmcpHttp;
pub use rmcp_server::RmcpServer;
pub use tools::{AUDIO, IMAGE, PAGE_SIZE, RESOURCE, RMCP_TOOLS, TOOLS};
