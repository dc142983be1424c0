use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use oxmcp::auth::VisitError;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

/// How long a request may take before something must be wrong, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Plain HTTP, without anything that would follow, keep or add.
#[derive(Clone)]
pub struct Web {
    http: Client<HttpConnector, Full<Bytes>>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whatever it is.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null if it is something else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Default for Web {
    fn default() -> Self {
        Self { http: Client::builder(TokioExecutor::new()).build(HttpConnector::new()) }
    }
}

impl Web {
    /// Gets a page.
    pub async fn get(&self, url: &Url, cookies: &str) -> Result<Answer, VisitError> {
        self.send(Request::get(url.as_str()).header(COOKIE, cookies).body(Full::default())?).await
    }

    /// Posts a form.
    pub async fn post(&self, url: &Url, cookies: &str, form: &[(&str, &str)]) -> Result<Answer, VisitError> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(url.as_str())
            .header(COOKIE, cookies)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(body.into())?).await
    }

    /// Makes a request with a credential of somebody's.
    pub async fn show(&self, url: &Url, credential: &str) -> Result<Answer, VisitError> {
        let request = Request::builder().method(Method::POST).uri(url.as_str());
        self.send(request.header(AUTHORIZATION, credential).body(Full::default())?).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, VisitError> {
        let what = format!("{} {}", request.method(), request.uri());
        let exchange = async {
            let (parts, body) = self.http.request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        let late = |_| Err(format!("{what} was not answered within {PATIENCE:?}").into());
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(late)
    }
}
