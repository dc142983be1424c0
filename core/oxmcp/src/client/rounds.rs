mod budget;
mod input_required;

use std::time::Instant;

use futures_util::future::try_join_all;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, RawObject};
use oxmcp_proto::link::{CallError, CloseReason};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::input_required::InputRequired;
use super::inbound::Input;
use super::input_error::InputError;
use super::looked::{Interim, Looked};
use super::time::Time;
use super::{Call, Channel, Client};
use crate::{Error, ErrorKind, Result};

pub(super) use self::budget::Rounds;

/// What a call comes to when the server needs no more input for it.
pub(super) enum Ended {
    Complete(RawJson),
    /// The call goes on as a task.
    Task(RawJson),
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
            Ended::Task(created) => {
                let result = self.follow(&created, time).await?;
                self.accept(&call, result, time).await
            }
        }
    }

    /// Goes on with a call for which the server needs something: gets it, sends the request again, until it needs nothing.
    pub(super) async fn to_the_end_of_rounds(
        &self,
        call: &Call,
        time: Time,
        mut interim: Interim,
    ) -> Result<Ended> {
        let mut rounds = Rounds::new(self.inner.limits.input_rounds);
        let mut visit = None;
        let mut may_list = true;
        // Whether the server has begun to work on the call, which may have had effects.
        let mut has_begun = false;
        let mut again = call.clone();
        loop {
            match interim {
                Interim::Task(created) => return Ok(Ended::Task(created)),
                Interim::Doubted(doubt) => {
                    return self.judge_anew(call, *doubt, time).await.map(Ended::Complete);
                }
                Interim::Headers(refusal) => {
                    if !std::mem::take(&mut may_list) {
                        return Err(refusal);
                    }
                    if !self.list_tools_anew(time).await {
                        tracing::debug!("the tools cannot be listed, so a call stays refused");
                        return Err(refusal);
                    }
                }
                Interim::Visit(refusal) => self.visit(call, time, refusal, &mut visit, &mut rounds).await?,
                Interim::InputRequired(interim) => {
                    has_begun = true;
                    let params = self.with_input(call, time, &interim, &mut rounds).await;
                    again.params = params.map_err(begun(has_begun))?;
                }
            }
            again.total = Some(time.left().map_err(begun(has_begun))?);
            let outcome = self.send(&again).await.map_err(|error| time.explain(error));
            let outcome = outcome.map_err(begun(has_begun));
            match self.look(call, None, outcome)? {
                Looked::Complete(result) => return Ok(Ended::Complete(result)),
                Looked::Interim(next) => interim = next,
            }
        }
    }

    /// Gets the input that the server needs. Gives the parameters of the next request.
    async fn with_input(
        &self,
        call: &Call,
        time: Time,
        interim: &RawJson,
        rounds: &mut Rounds,
    ) -> Result<RawJson> {
        let required = InputRequired::read(interim, call.method.as_str())?;
        let responses = match &required.input_requests {
            Some(requests) => {
                self.check_inputs(call, requests.0.len())?;
                rounds.take(call)?;
                Some(self.while_open(time, self.gather(call, interim, requests)).await??)
            }
            // The server wants more time; how often is for the time of the call to bound.
            None => {
                self.while_open(time, tokio::time::sleep(rounds.pause())).await?;
                None
            }
        };
        required.params(call, responses.as_ref())
    }

    /// Refuses more inputs at once than this client gives.
    pub(super) fn check_inputs(&self, call: &Call, inputs: usize) -> Result<()> {
        let (method, limit) = (call.method.as_str(), self.inner.limits.inputs);
        if inputs <= limit {
            return Ok(());
        }
        let message = format!(
            "the server needs {inputs} inputs for {method} at once, more than the limit of this client of {limit}"
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

/// Says of an error that is not the server's own that the call which it ends has run in part, if it has.
fn begun(has_begun: bool) -> impl FnOnce(Error) -> Error {
    move |error| if has_begun && error.kind() != ErrorKind::Rpc { error.running(true) } else { error }
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

/// The error of a call for which a handler had no input. Nothing more is sent for it, because no server waits for it (2026-07-28, roots,
/// "Error Handling").
pub(super) fn no_input(wanted: Method, method: &str, error: InputError) -> Error {
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
