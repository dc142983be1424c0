use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};

use super::endpoint::Endpoint;
use super::legacy::{MESSAGES_PATH, STREAM_PATH};
use super::{HttpBody, HttpOptions};
use crate::{Error, Limits, Result, Server};

/// A server's MCP endpoint as a function from HTTP request to HTTP response, for mounting in an HTTP server of your own. It is a
/// [`tower_service::Service`]; clones are the same endpoint, with the same sessions.
///
/// It looks at `Host` and `Origin`, and not at the path: that is for who mounts it. The futures run inside a tokio runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), oxmcp::Error> {
/// use oxmcp::Server;
/// use oxmcp::transport::HttpOptions;
///
/// let service = Server::new("demo", "1.0.0").http_service(HttpOptions::default())?;
/// let request = http::Request::post("/mcp").header("host", "evil.example.com");
/// let response = service.call(request.body(String::new()).unwrap()).await;
/// assert_eq!(response.status(), 403);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpService {
    endpoint: Arc<Endpoint>,
}

impl Server {
    /// The server's MCP endpoint as a service, for mounting in an HTTP server of your own. Of the options it uses
    /// [`allowed_hosts`](HttpOptions::allowed_hosts), [`allowed_origins`](HttpOptions::allowed_origins),
    /// [`event_store`](HttpOptions::event_store), [`retry`](HttpOptions::retry) and [`legacy_sse`](HttpOptions::legacy_sse), whose paths are
    /// `/sse` and `/messages` of the host.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if one of these is no host or no origin.
    pub fn http_service(&self, options: impl Into<HttpOptions>) -> Result<HttpService> {
        HttpService::new(self, &options.into(), None)
    }
}

impl HttpService {
    /// `path` is the only path to answer at; without it, the path does not matter.
    pub(super) fn new(server: &Server, options: &HttpOptions, path: Option<&str>) -> Result<Self> {
        if let Some(path @ (STREAM_PATH | MESSAGES_PATH)) = path
            && options.legacy_sse
        {
            return Err(Error::misuse(format!(
                "{path} is a path of HTTP+SSE, which legacy_sse serves beside the endpoint; give the endpoint another"
            )));
        }
        if options.protection.is_some() && options.legacy_sse {
            return Err(Error::misuse(
                "HTTP+SSE (2024-11-05) knows no authorization, so a protected server cannot serve it: leave out legacy_sse",
            ));
        }
        Ok(Self { endpoint: Arc::new(Endpoint::new(server, options, path)?) })
    }

    /// Answers a request. It always answers: whatever is wrong with the request is said by the response's status, and by a JSON-RPC error
    /// in its body.
    pub async fn call<B: http_body::Body>(&self, request: Request<B>) -> Response<HttpBody> {
        self.endpoint.call(request).await
    }

    pub(super) fn limits(&self) -> &Limits {
        self.endpoint.limits()
    }

    /// Ends the streams that are open for listening only.
    pub(super) fn end_listening(&self) {
        self.endpoint.end_listening();
    }

    /// Ends every session, with what is in flight in it.
    pub(super) fn end_sessions(&self) {
        self.endpoint.end_sessions();
    }
}

impl<B> tower_service::Service<Request<B>> for HttpService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, std::result::Result<Response<HttpBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(HttpService::call(&service, request).await) })
    }
}

impl std::fmt::Debug for HttpService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpService").finish_non_exhaustive()
    }
}
