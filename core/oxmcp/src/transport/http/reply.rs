use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use oxmcp_proto::jsonrpc::{ErrorObject, RequestId, codes, write_error};

use super::HttpBody;
use super::event_body::EventBody;
use super::headers::{EVENT_STREAM, JSON};

/// Asks proxies to pass events on as they come.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// A status and nothing else.
pub(super) fn empty(status: StatusCode) -> Response<HttpBody> {
    let mut response = Response::new(HttpBody::empty());
    *response.status_mut() = status;
    response
}

/// A JSON document.
pub(super) fn json(status: StatusCode, document: Vec<u8>) -> Response<HttpBody> {
    json_body(status, HttpBody::full(document))
}

/// A JSON document as a body.
pub(super) fn json_body(status: StatusCode, body: HttpBody) -> Response<HttpBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// What a protected server says of how to get at it, which is there for everybody.
pub(super) fn metadata(method: &Method, headers: HeaderMap, document: Bytes) -> Response<HttpBody> {
    if *method != Method::GET {
        return method_not_allowed("GET", "the server's metadata is there to be read");
    }
    let mut response = Response::new(HttpBody::full(document));
    *response.headers_mut() = headers;
    response
}

/// A JSON-RPC error. With 503 comes the word that the request was not taken, and when to come back.
pub(super) fn error(status: StatusCode, id: Option<&RequestId>, error: &ErrorObject) -> Response<HttpBody> {
    let mut out = Vec::with_capacity(256);
    write_error(&mut out, id, error);
    let mut response = json(status, out);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A JSON-RPC error about the HTTP request itself: `-32600`.
pub(super) fn invalid(
    status: StatusCode,
    id: Option<&RequestId>,
    message: impl Into<String>,
) -> Response<HttpBody> {
    error(status, id, &ErrorObject::new(codes::INVALID_REQUEST, message))
}

/// There is no room for the request now; `why` says of what there is too much.
pub(super) fn busy(id: Option<&RequestId>, why: &str) -> Response<HttpBody> {
    error(StatusCode::SERVICE_UNAVAILABLE, id, &ErrorObject::internal(why))
}

/// The method is not served; `allow` is what is.
pub(super) fn method_not_allowed(allow: &'static str, why: &str) -> Response<HttpBody> {
    let mut response = invalid(StatusCode::METHOD_NOT_ALLOWED, None, why);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// Events that are all there.
pub(super) fn whole_events(events: Vec<u8>) -> Response<HttpBody> {
    stream(HttpBody::full(events))
}

/// Events as they come.
pub(super) fn events(events: EventBody) -> Response<HttpBody> {
    stream(HttpBody::events(events))
}

/// A body that is a stream of events.
pub(super) fn stream(body: HttpBody) -> Response<HttpBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, EVENT_STREAM);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(NO_BUFFERING.0, NO_BUFFERING.1);
    response
}
