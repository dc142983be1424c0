use std::future::Future;

use oxmcp_proto::Era;
use oxmcp_proto::jsonrpc::RawJson;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rounds::Rounds;
use super::{InputError, InputErrorKind};
use crate::Context;

impl Context {
    /// Does something once, though the handler may run several times.
    ///
    /// In the stateless era a handler that asks its client for input runs again from the start with every answer. What it does before it
    /// asks, and must not do twice, belongs in a step: the result is kept, sealed, in the state that the client carries to the next round,
    /// and the next run is given that. In a session the handler runs once, and the step just runs.
    ///
    /// The result is kept when the handler asks for something after it. A client that repeats a request, or an old round of it, repeats
    /// what was done since: an effect that must never happen twice needs a key of its own where it happens.
    ///
    /// ```
    /// use oxmcp::Context;
    /// use oxmcp::server::ToolError;
    ///
    /// async fn order(context: Context) -> Result<String, ToolError> {
    ///     let order: u64 = context.step("reserve", async || 4711).await?;
    ///     context.confirm(format!("Order {order} is reserved. Buy it?")).await?;
    ///     Ok(format!("bought {order}"))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Misuse`](InputErrorKind::Misuse) if the request has another step of that name, or if the result has no JSON or cannot be read
    /// back from it, [`TooMuch`](InputErrorKind::TooMuch) past [`Limits::inputs`](crate::Limits::inputs) steps.
    pub async fn step<T, Run>(
        &self,
        name: impl Into<String>,
        run: impl FnOnce() -> Run,
    ) -> Result<T, InputError>
    where
        T: Serialize + DeserializeOwned,
        Run: Future<Output = T>,
    {
        self.try_step(name, || async { Ok(run().await) }).await
    }

    /// Does something once that may fail; see [`step`](Self::step). A failure is not kept.
    ///
    /// # Errors
    ///
    /// That of `run`, and those of [`step`](Self::step).
    pub async fn try_step<T, E, Run>(
        &self,
        name: impl Into<String>,
        run: impl FnOnce() -> Run,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<InputError>,
        Run: Future<Output = Result<T, E>>,
    {
        // A session and a task run their handler once.
        if self.era() == Era::Handshake || self.task().is_some() {
            return run().await;
        }
        let name = name.into();
        let misuse = |why: serde_json::Error| {
            InputError::fault(InputErrorKind::Misuse, format!("the result of the step {name:?}: {why}"))
        };
        if let Some(result) = self.rounds().begin_step(&name, self.limits())? {
            return Ok(result.to().map_err(misuse)?);
        }
        let mut running = Running { rounds: self.rounds(), name: &name, result: None };
        let result = run().await?;
        running.result = Some(RawJson::of(&result).map_err(misuse)?);
        Ok(result)
    }
}

/// A step that is being done; dropping it ends the step.
struct Running<'a> {
    rounds: &'a Rounds,
    name: &'a str,
    result: Option<RawJson>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.rounds.end_step(self.name, self.result.take());
    }
}
