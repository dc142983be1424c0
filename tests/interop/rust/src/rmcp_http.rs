use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A server made with rmcp, listening for HTTP until it is dropped.
pub struct RmcpHttp {
    url: String,
    accepting: AbortHandle,
}

impl RmcpHttp {
    /// Listens on a free port of this machine. Each session has a clone of the `server`. With `json`, answers are
    /// `application/json` and the handshake era is served without sessions; otherwise answers are event streams.
    pub async fn listen(server: impl ServerHandler + Clone, json: bool) -> std::io::Result<Self> {
        let config =
            StreamableHttpServerConfig::default().with_json_response(json).with_legacy_session_mode(!json);
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/mcp", listener.local_addr()?);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(service.clone());
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self { url, accepting: accepting.abort_handle() })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for RmcpHttp {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
