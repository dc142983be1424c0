use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RawObject, write_json_string};
use oxmcp_proto::link::{CallError, CloseReason};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::call::{Interim, Looked};
use super::inbound::Input;
use super::input::InputError;
use super::time::Time;
use super::{Call, Channel, Client};
use crate::{Error, ErrorKind, Result};

/// How long to wait before the second request in a row for which the server wanted no input; it doubles from one to the next.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest of those waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a call comes to when the server needs no more input for it.
pub(super) enum Ended {
    Complete(RawJson),
    /// The call goes on as a task.
    Task(RawJson),
}

/// What a server answers when it needs input (2026-07-28, patterns, MRTR, "InputRequiredResult").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InputRequired<'a> {
    #[serde(borrow, default)]
    input_requests: Option<RawObject<'a>>,
    /// To be sent back as it is.
    #[serde(borrow, default)]
    request_state: Option<&'a RawValue>,
}

/// A request in them.
#[derive(Deserialize)]
struct Wanted<'a> {
    #[serde(borrow)]
    method: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

impl Client {
    /// Goes on with a call that is not complete: with input for the server, and as a task, if it becomes one.
    pub(super) async fn resume(&self, call: Call, started: Instant, interim: Interim) -> Result<RawJson> {
        let time = Time::new(started, call.total.unwrap_or(self.inner.limits.call_total));
        match self.to_the_end_of_rounds(&call, time, interim).await? {
            Ended::Complete(result) => Ok(result),
            Ended::Task(created) => self.accept(&call, self.follow(&created, time).await?),
        }
    }

    /// Goes on with a call for which the server needs input: gets the input, sends the request again, until it needs none.
    pub(super) async fn to_the_end_of_rounds(
        &self,
        call: &Call,
        time: Time,
        interim: Interim,
    ) -> Result<Ended> {
        let limits = &self.inner.limits;
        let mut interim = match interim {
            Interim::InputRequired(interim) => interim,
            Interim::Task(created) => return Ok(Ended::Task(created)),
        };
        let mut pause = Duration::ZERO;
        for _ in 0..limits.input_rounds {
            let required = InputRequired::read(&interim, call.method.as_str())?;
            let responses = match &required.input_requests {
                Some(requests) if requests.0.len() > limits.inputs => {
                    let message = format!(
                        "the server needs {} inputs for {} at once, more than the limit of this client of {}",
                        requests.0.len(),
                        call.method.as_str(),
                        limits.inputs
                    );
                    return Err(Error::new(ErrorKind::Overloaded, message));
                }
                Some(requests) => {
                    pause = Duration::ZERO;
                    Some(self.while_open(time, self.gather(call, &interim, requests)).await??)
                }
                None => {
                    self.while_open(time, tokio::time::sleep(pause)).await?;
                    pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                    None
                }
            };
            let params = required.params(call, responses.as_ref())?;
            let again = Call { params, total: Some(time.left()?), ..call.clone() };
            let result = self.send(&again).await.map_err(|error| time.explain(error))?;
            match self.look(call, result)? {
                Looked::Complete(result) => return Ok(Ended::Complete(result)),
                Looked::Interim(Interim::Task(created)) => return Ok(Ended::Task(created)),
                Looked::Interim(Interim::InputRequired(next)) => interim = next,
            }
        }
        let message = format!(
            "the server needed input for {} more than {} times, the limit of this client",
            call.method.as_str(),
            limits.input_rounds
        );
        Err(Error::new(ErrorKind::Overloaded, message))
    }

    /// Asks the handlers for each of the inputs. Nothing is asked if the server must not ask for one of them.
    async fn gather(
        &self,
        call: &Call,
        interim: &RawJson,
        requests: &RawObject<'_>,
    ) -> Result<Vec<(String, RawJson)>> {
        let method = call.method.as_str();
        let mut inputs = Vec::with_capacity(requests.0.len());
        for (key, request) in &requests.0 {
            let input = self.input_for(method, interim, key, request)?;
            inputs.push(async move { Ok((key.to_string(), input.await?)) });
        }
        try_join_all(inputs).await
    }

    /// What gives one of the inputs that the server needs for `method`; `request` is in `interim`, under `key`.
    pub(super) fn input_for(
        &self,
        method: &str,
        interim: &RawJson,
        key: &str,
        request: &RawValue,
    ) -> Result<impl Future<Output = Result<RawJson>> + Send + use<>> {
        let wanted: Wanted<'_> = serde_json::from_str(request.get()).map_err(|error| {
            Error::protocol(format!("the server needs an input {key:?} for {method} that cannot be read"))
                .with_source(error)
        })?;
        let params = wanted.params.map_or_else(RawJson::empty_object, |params| interim.part(params));
        let version = self.protocol_version();
        let input = match Method::from_name(&wanted.method) {
            Some(method) if method.is_input_request_in(version) => {
                self.inner.inbound.input(method, params).map(|input| (method, input))
            }
            _ => Err(ErrorObject::method_not_found(&wanted.method)),
        };
        let (wanted, input): (Method, Input) = input.map_err(|error| {
            let what = format!(
                "the server needs an input {key:?} for {method} that it must not ask this client for"
            );
            Error::protocol(format!("{what}: {}", error.message))
        })?;
        let method = method.to_owned();
        Ok(async move { input.await.map_err(|error| no_input(wanted, &method, error)) })
    }

    /// Waits for something of this side as long as the call may take and the connection is open.
    pub(super) async fn while_open<T>(&self, time: Time, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            done = work => Ok(done),
            () = self.closed() => Err(self.closed_error()),
            () = tokio::time::sleep(time.left()?) => Err(time.over()),
        }
    }
}

impl Client {
    pub(super) fn closed_error(&self) -> Error {
        CallError::Closed(self.close_reason()).into()
    }

    fn close_reason(&self) -> CloseReason {
        match &self.inner.channel {
            Channel::Stream(stream) => stream.connection.closed().unwrap_or(CloseReason::Local),
            Channel::Http(_) => CloseReason::Local,
        }
    }
}

impl<'a> InputRequired<'a> {
    fn read(interim: &'a RawJson, method: &str) -> Result<Self> {
        let unreadable = |why: String| {
            Error::protocol(format!("the server needs input for {method}, and says so in a wrong way: {why}"))
        };
        let required: Self = interim.to().map_err(|error| unreadable(error.to_string()))?;
        if required.input_requests.is_none() && required.request_state.is_none() {
            return Err(unreadable("there are neither `inputRequests` nor a `requestState`".to_owned()));
        }
        if required.request_state.is_some_and(|state| !state.get().starts_with('"')) {
            return Err(unreadable("its `requestState` is no string".to_owned()));
        }
        Ok(required)
    }

    /// The parameters of the next request: those of the call, the input, and what the server wants back.
    fn params(&self, call: &Call, responses: Option<&Vec<(String, RawJson)>>) -> Result<RawJson> {
        let params: RawObject<'_> = call
            .params
            .to()
            .map_err(|error| Error::misuse("the parameters of a call cannot be read").with_source(error))?;
        let mut out = Vec::with_capacity(call.params.as_bytes().len() + 256);
        out.push(b'{');
        for (name, value) in &params.0 {
            if !matches!(&**name, "inputResponses" | "requestState") {
                write_name(name, &mut out);
                out.extend_from_slice(value.get().as_bytes());
            }
        }
        if let Some(responses) = responses {
            write_name("inputResponses", &mut out);
            out.push(b'{');
            for (key, response) in responses {
                write_name(key, &mut out);
                out.extend_from_slice(response.as_bytes());
            }
            out.push(b'}');
        }
        if let Some(state) = self.request_state {
            write_name("requestState", &mut out);
            out.extend_from_slice(state.get().as_bytes());
        }
        out.push(b'}');
        Ok(RawJson::from_written(out))
    }
}

/// Writes the name of the next member of an object.
fn write_name(name: &str, out: &mut Vec<u8>) {
    if !out.ends_with(b"{") {
        out.push(b',');
    }
    write_json_string(name, out);
    out.push(b':');
}

/// The error of a call for which a handler had no input. Nothing more is sent for it, because no server waits for it (2026-07-28, roots,
/// "Error Handling").
fn no_input(wanted: Method, method: &str, error: InputError) -> Error {
    let wanted = wanted.name();
    match error {
        InputError::Refused => {
            let message = format!("the user refused {wanted}, which the server needs for {method}");
            Error::new(ErrorKind::Cancelled, message)
        }
        error => {
            let message = format!(
                "this client has no answer to {wanted}, which the server needs for {method}: {error}"
            );
            Error::new(ErrorKind::Internal, message)
        }
    }
}
