//! Two servers with the same tools, one made with oxmcp and one with rmcp, the official SDK for Rust. The tests have each
//! called by the other's client.

mod abandoned;
mod everything;
mod oxmcp_server;
mod rmcp_server;
mod tools;

pub use everything::everything_server;
pub use oxmcp_server::oxmcp_server;
pub use rmcp_server::{RmcpHttp, RmcpServer};
pub use tools::{AUDIO, IMAGE, PAGE_SIZE, RESOURCE, TOOLS};
