use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, Response, StatusCode};
use oxmcp_proto::jsonrpc::{ErrorObject, MethodName, RawJson, Request, codes};
use oxmcp_proto::model::keys;
use oxmcp_proto::negotiation::unsupported_version;
use oxmcp_proto::{Era, Method, ProtocolVersion};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::accept::Accepts;
use super::answer::answer;
use super::budget::Budget;
use super::deaf::Deaf;
use super::exchange::Exchange;
use super::headers::{self, METHOD, NAME, PROTOCOL_VERSION};
use super::outbox::Outbox;
use super::subject::Subject;
use super::visitor::Visitor;
use super::{HttpBody, reply};
use crate::param_headers::{ParamHeader, ParamValue};
use crate::server::{Answer, Caller, Core, Peer};

/// The stateless era: one request, one answer, and nothing kept.
pub(super) struct Stateless {
    core: Arc<Core>,
    budget: Arc<Budget>,
    deaf: Arc<dyn Peer>,
}

impl Stateless {
    pub(super) fn new(core: Arc<Core>, budget: Arc<Budget>) -> Self {
        Self { core, budget, deaf: Arc::new(Deaf) }
    }

    /// Whether the headers say what the body says (2026-07-28, Streamable HTTP, "Server Validation").
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        request: &Request,
        subject: &Subject<'_>,
    ) -> Result<(), ErrorObject> {
        let version = mirrored(headers, &PROTOCOL_VERSION, subject.version())?;
        if !version.parse::<ProtocolVersion>().is_ok_and(|version| version.era() == Era::Stateless) {
            return Err(unsupported_version(&version));
        }
        mirrored(headers, &METHOD, Some(request.method.as_str()))?;
        // The exception for a `ping` before `initialize` is not for a revision that has neither.
        if subject.version().is_none() {
            let why = format!("the request's `_meta` has no `{}`", keys::PROTOCOL_VERSION);
            return Err(ErrorObject::invalid_params(why));
        }
        let name = match &request.method {
            MethodName::Known(method) => match method.info().name_param {
                Some(param) => subject.member(param)?,
                None => None,
            },
            MethodName::Other(_) => None,
        };
        if let Some(name) = &name {
            mirrored(headers, &NAME, Some(name))?;
        }
        match (&request.method, &name) {
            (MethodName::Known(Method::CallTool), Some(tool)) => match self.core.param_headers(tool) {
                Some(declared) => check_params(headers, request.params.as_ref(), &declared),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Answers a request. What needs no waiting is answered at once; a handler runs inside the response, so a client that goes away takes
    /// it along.
    pub(super) async fn answer(
        &self,
        visitor: &Visitor,
        request: Request,
        accepts: Accepts,
    ) -> Response<HttpBody> {
        let id = request.id.clone();
        let Some(admission) = self.budget.admit(0) else {
            return reply::busy(Some(&id), &self.budget.too_many());
        };
        // Subscriptions have a limit of their own.
        let listens = request.method == MethodName::Known(Method::Listen);
        let admission = (!listens).then_some(admission);
        let mut outbox = None;
        let notify = || -> Arc<dyn Peer> {
            let new = outbox.insert(Arc::<Outbox>::default());
            if accepts.events { new.clone() } else { self.deaf.clone() }
        };
        let caller = Caller { session: None, auth: visitor.auth() };
        match self.core.answer(request, caller, notify) {
            Answer::Ready(outcome) => answer(&id, &outcome, accepts),
            Answer::Refused(error) => {
                let status = match error.code {
                    codes::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
                    _ => StatusCode::BAD_REQUEST,
                };
                reply::error(status, Some(&id), &error)
            }
            Answer::Later(work) => {
                let exchange = Exchange::in_place(id, work, admission, outbox.unwrap_or_default());
                let mut response = exchange.respond(accepts).await;
                if listens {
                    visitor.limit(&mut response);
                }
                response
            }
        }
    }
}

/// Whether the headers repeat what the arguments of a tool say (2026-07-28, Streamable HTTP, "Server Behavior for Custom Headers").
fn check_params(
    headers: &HeaderMap,
    params: Option<&RawJson>,
    declared: &[ParamHeader],
) -> Result<(), ErrorObject> {
    #[derive(Default, Deserialize)]
    struct Params<'a> {
        #[serde(borrow, default)]
        arguments: Option<&'a RawValue>,
    }
    let params: Params<'_> =
        params.map_or(Ok(Params::default()), RawJson::to).map_err(|error| unreadable(&error))?;
    for header in declared {
        let name = &header.name;
        let value = params.arguments.map_or(Ok(ParamValue::Absent), |arguments| header.value(arguments));
        match value.map_err(|error| unreadable(&error))? {
            ParamValue::Absent if headers.contains_key(name) => {
                return Err(mismatch(format!("the {name} header repeats an argument that is not there")));
            }
            ParamValue::Absent => {}
            // The tool's schema says what is wrong with it.
            ParamValue::Compound if !headers.contains_key(name) => {}
            value => {
                let header = decoded(headers, name)?;
                if !value.equals(&header) {
                    return Err(mismatch(format!(
                        "the {name} header says {header:?}, which is not what the argument is"
                    )));
                }
            }
        }
    }
    Ok(())
}

/// The value of a header that repeats something of the body; `body` is what, if it is there.
fn mirrored<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    body: Option<&str>,
) -> Result<Cow<'a, str>, ErrorObject> {
    let value = decoded(headers, name)?;
    match body {
        Some(body) if body != value => {
            Err(mismatch(format!("the {name} header says {value:?}, the body {body:?}")))
        }
        _ => Ok(value),
    }
}

/// The value of a header that has to be there.
fn decoded<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Cow<'a, str>, ErrorObject> {
    let value = match headers::only(headers, name) {
        Ok(Some(value)) => value,
        Ok(None) => return Err(mismatch(format!("the {name} header is missing"))),
        Err(headers::Repeated) => return Err(mismatch(format!("the {name} header is there more than once"))),
    };
    headers::decode(value)
        .ok_or_else(|| mismatch(format!("the {name} header holds invalid characters or invalid Base64")))
}

pub(super) fn unreadable(error: &serde_json::Error) -> ErrorObject {
    ErrorObject::invalid_params(format!("invalid params: {error}"))
}

fn mismatch(what: String) -> ErrorObject {
    ErrorObject::new(codes::HEADER_MISMATCH, format!("header mismatch: {what}"))
}
