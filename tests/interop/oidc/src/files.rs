use std::io;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use oxmcp::auth::Protection;
use oxmcp::server::{Arguments, tool};
use oxmcp::transport::HttpOptions;
use oxmcp::{Context, Result, Server};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A server that is protected, and listens on this machine until it is dropped. Every request needs `files:read`, and its tool `write` needs
/// `files:write` too.
pub struct Files {
    url: String,
    accepting: AbortHandle,
}

impl Files {
    /// Listens, with the `protection` for its URL.
    pub async fn listen(protection: impl FnOnce(&str) -> Result<Protection>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/mcp", listener.local_addr()?);
        let protection = protection(&url).map_err(io::Error::other)?.scopes(["files:read"]);
        let options = HttpOptions { protection: Some(protection), ..HttpOptions::default() };
        let service = server().http_service(options).map_err(io::Error::other)?;
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(service.clone());
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new());
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self { url, accepting: accepting.abort_handle() })
    }

    /// Its URL, by which it is known to the authorization server too.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn server() -> Server {
    Server::new("files", "1.0.0")
        .tool("whoami", "Says who asks.", whoami)
        .with(tool("write", || async { "written" }).description("Writes.").scopes(["files:write"]))
}

/// The user, and what their token is good for.
async fn whoami(_: Arguments, context: Context) -> String {
    let info = context.auth();
    let subject = info.and_then(|info| info.subject.as_deref()).unwrap_or("nobody");
    let scopes = info.map(|info| info.scopes.to_string()).unwrap_or_default();
    format!("{subject}: {scopes}")
}
