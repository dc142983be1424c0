use std::collections::BTreeMap;
use std::time::Duration;

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use serde::{Deserialize, Serialize};

use super::outage::Outage;
use crate::client::time::Time;
use crate::client::{Call, Client};
use crate::{Error, ErrorKind, Result, clock};

/// The shortest and the longest time between two questions how a task stands, whatever the server says.
const SHORTEST_POLL: Duration = Duration::from_millis(20);
const LONGEST_POLL: Duration = Duration::from_secs(60);

impl Client {
    /// Asks how a task stands. A server that is not there for a while is asked again.
    pub(super) async fn look_at_task(&self, id: &str, time: Time) -> Result<RawJson> {
        self.send_patiently(task_call(Method::GetTask, id)?, time).await
    }

    /// Gives the server the input for one of its questions. What it knows already it ignores, so that this may be sent again (SEP-2663,
    /// "Task Update Requests").
    pub(super) async fn update_task(&self, id: &str, key: &str, input: RawJson, time: Time) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Params<'a> {
            task_id: &'a str,
            input_responses: BTreeMap<&'a str, RawJson>,
        }
        let params = RawJson::of(&Params { task_id: id, input_responses: [(key, input)].into() })
            .map_err(|error| Error::misuse("the input has no JSON").with_source(error))?;
        self.send_patiently(Call::new(Method::UpdateTask, params), time).await.map(drop)
    }

    /// Sends a request that does no harm when it is sent again, until the server has answered it. The task goes on meanwhile, so a server that
    /// is not there for a while is no reason to give it up.
    pub(super) async fn send_patiently(&self, call: Call, time: Time) -> Result<RawJson> {
        let mut outage = Outage::new();
        loop {
            let sent = clock::now();
            let left = time.left()?;
            let once = Call { total: Some(left.min(call.total.unwrap_or(left))), ..call.clone() };
            let error = match self.send(&once).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !error.may_pass() || self.is_over() {
                return Err(time.explain(error));
            }
            let pause = outage.pause(sent, clock::now(), error.kind() == ErrorKind::Timeout);
            let Some(pause) = pause else { return Err(time.explain(error)) };
            tracing::debug!(%error, ?pause, "the server is asked about a task again");
            self.while_open(time, tokio::time::sleep(pause)).await?;
        }
    }

    pub(super) fn poll_interval(&self, millis: Option<u64>) -> Duration {
        let interval = millis.map_or(self.inner.limits.task_poll, Duration::from_millis);
        interval.clamp(SHORTEST_POLL, LONGEST_POLL)
    }
}

/// A request about a task.
pub(super) fn task_call(method: Method, id: &str) -> Result<Call> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        task_id: &'a str,
    }
    let params = RawJson::of(&Params { task_id: id })
        .map_err(|error| Error::misuse("the task's id has no JSON").with_source(error))?;
    Ok(Call::new(method, params))
}

/// What the server answered, as what it should be.
pub(super) fn read<'a, T: Deserialize<'a>>(json: &'a RawJson, what: &str) -> Result<T> {
    json.to().map_err(|error| {
        Error::protocol(format!("the server answered with something else than {what}")).with_source(error)
    })
}
