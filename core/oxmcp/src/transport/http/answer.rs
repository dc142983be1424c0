use bytes::Bytes;
use http::{Response, StatusCode};
use oxmcp_proto::jsonrpc::{RequestId, codes, write_error, write_result, write_result_head};

use super::accept::Accepts;
use super::outbox::End;
use super::sse::write_event;
use super::{HttpBody, reply};
use crate::server::Outcome;

/// The response for an answer without notifications before it.
pub(super) fn answer(id: &RequestId, outcome: &Outcome, accepts: Accepts) -> Response<HttpBody> {
    let status = match outcome {
        // 2026-07-28, basic, `_meta`; no earlier revision has the code.
        Err(error) if error.code == codes::MISSING_REQUIRED_CLIENT_CAPABILITY => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    if let (Ok(result), true) = (outcome, accepts.json)
        && result.is_large()
    {
        let mut head = Vec::with_capacity(64);
        write_result_head(&mut head, id);
        let pieces = [head.into(), result.clone().into_bytes(), Bytes::from_static(b"}")];
        return reply::json_body(status, HttpBody::pieces(pieces));
    }
    let size = outcome.as_ref().map_or(256, |result| result.as_bytes().len() + 64);
    let mut out = Vec::with_capacity(size);
    if accepts.json || status != StatusCode::OK {
        write_response(&mut out, id, outcome);
        return reply::json(status, out);
    }
    write_event(&mut out, |out| write_response(out, id, outcome));
    reply::whole_events(out)
}

/// Writes the response to a request.
pub(super) fn write_response(out: &mut Vec<u8>, id: &RequestId, outcome: &Outcome) {
    match outcome {
        Ok(result) => write_result(out, id, result),
        Err(error) => write_error(out, Some(id), error),
    }
}

/// Events with the answer after them, if there is one.
pub(super) fn with_answer(mut events: Vec<u8>, id: Option<&RequestId>, end: &End) -> Vec<u8> {
    if let (Some(id), End::Answer(outcome)) = (id, end) {
        write_event(&mut events, |out| write_response(out, id, outcome));
    }
    events
}
