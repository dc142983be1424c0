use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Poll, Waker};

use oxmcp_proto::Era;
use oxmcp_proto::jsonrpc::RawJson;

use super::InputError;
use super::question::Question;
use super::rounds::{Rounds, Turn};
use crate::Context;
use crate::connection::panic_words;
use crate::server::Outcome;

/// Runs the handler of a request that may ask its client for input: `tools/call`, `prompts/get` or `resources/read`. `context` is what the
/// handler was given. `Err` is the answer to the request, which then is not the handler's: it asks the client for input
/// (2026-07-28, patterns, MRTR), or says why it cannot.
///
/// The handler is dropped as soon as it waits and something was asked, unless a step of it is running; with the answers it runs
/// again from the start.
pub(in crate::server) async fn run<T>(
    context: &Context,
    handler: impl Future<Output = T>,
) -> Result<T, Outcome> {
    let mut handler = pin!(Some(handler));
    let _ended = EndOnDrop(context.rounds());
    poll_fn(|task| {
        if let Some(running) = handler.as_mut().as_pin_mut()
            && let Poll::Ready(output) = running.poll(task)
        {
            return Poll::Ready(Ok(output));
        }
        if context.era() == Era::Handshake {
            return Poll::Pending;
        }
        context.rounds().polled_by(task.waker());
        let Some(required) = context.required() else { return Poll::Pending };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| handler.set(None))) {
            tracing::error!(panic = panic_words(&*panic), "a handler panicked when it was dropped");
        }
        Poll::Ready(Err(required))
    })
    .await
}

struct EndOnDrop<'a>(&'a Rounds);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Asks the client of a request and gives its answer, unchecked.
pub(super) async fn ask(context: &Context, question: Question) -> Result<RawJson, InputError> {
    if let Some(task) = context.task() {
        let key = question.manner.key.clone().unwrap_or_else(|| question.kind().to_owned());
        let answered = task.ask(question.method, question.params.clone(), &key).await;
        // If the call could not become a task after all, it asks itself.
        if answered.is_ok() || context.task().is_some() {
            return Ok(answered?);
        }
    }
    match context.era() {
        Era::Handshake => Ok(context.peer().ask(question.method, question.params).await?),
        Era::Stateless => Asking { context, turn: Next::Ask(question) }.await,
    }
}

/// A question of the stateless era.
struct Asking<'a> {
    context: &'a Context,
    turn: Next,
}

enum Next {
    Ask(Question),
    Wait(String),
    Nothing,
}

impl Asking<'_> {
    /// None while there is no answer.
    fn advance(&mut self, waker: &Waker) -> Option<Result<RawJson, InputError>> {
        let rounds = self.context.rounds();
        match std::mem::replace(&mut self.turn, Next::Nothing) {
            Next::Ask(question) => match rounds.ask(question, self.context.limits(), waker) {
                Ok(Turn::Answered(answer)) => Some(Ok(answer)),
                Ok(Turn::Asked(key)) => {
                    self.turn = Next::Wait(key);
                    None
                }
                Err(error) => Some(Err(error)),
            },
            Next::Wait(key) => match rounds.wait(&key, waker) {
                Ok(()) => {
                    self.turn = Next::Wait(key);
                    None
                }
                Err(error) => Some(Err(error)),
            },
            Next::Nothing => None,
        }
    }
}

impl Future for Asking<'_> {
    type Output = Result<RawJson, InputError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        self.advance(task.waker()).map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Next::Wait(key) = &self.turn {
            self.context.rounds().forget(key);
        }
    }
}
