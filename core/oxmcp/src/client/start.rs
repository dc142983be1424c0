mod running;
mod settle_on_drop;
mod started;

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::abortable;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::CallError;
use tokio::runtime::Handle;

use self::running::{Running, Stage};
use self::settle_on_drop::SettleOnDrop;
use self::started::StartedIn;
use super::looked::{Interim, Looked};
use super::stream::StreamChannel;
use super::{Call, Channel, Client};
use crate::connection::{Done, Waiter};
use crate::{Result, clock};

pub use self::started::Started;

impl Client {
    /// Starts a call; `done` hears what came of it, exactly once, on a thread of the runtime or before this returns. It must not block.
    ///
    /// For embedders that keep a table of calls of their own; over a stream it costs no task, unless the server needs input for it.
    pub fn start(&self, call: Call, done: impl FnOnce(Result<RawJson>) + Send + 'static) -> Started {
        let call = self.adapt(call);
        match &self.inner.channel {
            // Layers may take their time.
            Channel::Stream(stream) if self.inner.inbound.layers().is_some() => {
                self.start_in_task(&stream.runtime, call, done)
            }
            Channel::Stream(stream) => self.start_over_stream(stream, call, done),
            Channel::Http(http) => self.start_in_task(http.runtime(), call, done),
        }
    }

    fn start_in_task(
        &self,
        runtime: &Handle,
        call: Call,
        done: impl FnOnce(Result<RawJson>) + Send + 'static,
    ) -> Started {
        let client = self.clone();
        let mut done = SettleOnDrop::new(done);
        let task = runtime.spawn(async move {
            let outcome = client.call(call).await;
            done.settle(outcome);
        });
        Started(StartedIn::Task(task.abort_handle()))
    }

    fn start_over_stream(
        &self,
        stream: &StreamChannel,
        call: Call,
        done: impl FnOnce(Result<RawJson>) + Send + 'static,
    ) -> Started {
        let running = Arc::new(Running::new(call));
        let call = &running.call;
        let params = match self.check(call) {
            Ok(params) => params,
            Err(error) => {
                done(Err(error));
                return Started(StartedIn::Settled);
            }
        };
        let kept = self.inner.cache.key(call);
        if let Some(result) = self.kept(call, kept.as_ref()) {
            done(Ok(result));
            return Started(StartedIn::Settled);
        }
        // The client lives as long as its calls.
        let (client, answered, started) = (self.clone(), running.clone(), clock::now());
        let callback = move |outcome: Result<RawJson, CallError>| match client.look(
            &answered.call,
            kept.as_ref(),
            outcome.map_err(Into::into),
        ) {
            Ok(Looked::Complete(result)) => done(answered.settle(Ok(client.keep(kept, result)))),
            Ok(Looked::Interim(interim)) => client.go_on(answered, started, interim, done),
            Err(error) => done(answered.settle(Err(error))),
        };
        let waiter = Waiter { done: Done::Callback(Box::new(callback)), progress: call.progress.clone() };
        let made = self.send_over_stream(&stream.connection, call, &params, waiter);
        Started(match made {
            Some(id) => StartedIn::Stream { connection: stream.connection.clone(), id, running },
            None => StartedIn::Settled,
        })
    }

    /// Goes on with a started call in a task.
    fn go_on(
        &self,
        running: Arc<Running>,
        started: Instant,
        interim: Interim,
        done: impl FnOnce(Result<RawJson>) + Send + 'static,
    ) {
        let Channel::Stream(stream) = &self.inner.channel else { return };
        let mut done = SettleOnDrop::new(done);
        let (client, going) = (self.clone(), running.clone());
        let (work, abort) = abortable(async move {
            let outcome = client.resume(going.call.clone(), started, interim).await;
            done.settle(going.settle(outcome));
        });
        let before = {
            let mut stage = running.stage();
            let next = if matches!(*stage, Stage::Sent) { Stage::GoesOn(abort) } else { Stage::Settled };
            std::mem::replace(&mut *stage, next)
        };
        // Dropping the work settles the call, which is for the user's code: here, or in a runtime that has ended.
        if matches!(before, Stage::Sent) {
            stream.runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::IntoFuture;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use oxmcp_proto::Method;
    use tokio::sync::oneshot;

    use super::*;
    use crate::{ErrorKind, Server};

    fn call() -> Arc<Running> {
        let call = Call::new(Method::CallTool, RawJson::empty_object());
        Arc::new(Running::new(call))
    }

    #[tokio::test]
    async fn a_cancel_between_an_answer_and_what_follows_it_is_not_lost() {
        let asked = Arc::new(AtomicUsize::new(0));
        let asking = asked.clone();
        let client = Client::connect(Server::new("s", "1"))
            .roots([])
            .on_sampling(move |_: oxmcp_proto::model::CreateMessageParams| {
                asking.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<oxmcp_proto::model::CreateMessageResult>()
            })
            .await
            .unwrap();
        let question = br#"{"inputRequests":{"q":{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}}}"#;
        let interim = || Interim::InputRequired(RawJson::parse(&question[..]).unwrap());
        let running = call();
        assert!(running.cancel());
        assert!(!running.cancel());
        let (done, outcome) = oneshot::channel();
        client.go_on(running.clone(), clock::now(), interim(), |result| done.send(result).unwrap());
        assert_eq!(outcome.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(!running.cancel());
        assert_eq!(asked.load(Ordering::SeqCst), 0);

        // Stopping what has begun settles it too.
        let running = call();
        let (done, outcome) = oneshot::channel();
        client.go_on(running.clone(), clock::now(), interim(), |result| done.send(result).unwrap());
        assert!(running.cancel() && !running.cancel());
        assert_eq!(outcome.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);

        let running = call();
        assert!(running.cancel());
        let settled = running.settle(Ok(RawJson::empty_object()));
        assert_eq!(settled.unwrap_err().kind(), ErrorKind::Cancelled);
        let running = call();
        assert!(running.settle(Ok(RawJson::empty_object())).is_ok());
        assert!(!running.cancel());
    }

    #[test]
    fn what_cannot_go_on_because_its_runtime_has_ended_is_settled_under_no_lock() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(Client::connect(Server::new("s", "1")).into_future()).unwrap();
        drop(runtime);
        let (running, state) = (call(), br#"{"requestState":"s"}"#);
        let interim = Interim::InputRequired(RawJson::parse(&state[..]).unwrap());
        let (settled, is_settled) = std::sync::mpsc::channel();
        let looks = running.clone();
        client.go_on(running, clock::now(), interim, move |result| {
            looks.cancel();
            settled.send(result.unwrap_err().kind()).unwrap();
        });
        assert_eq!(is_settled.try_recv(), Ok(ErrorKind::Cancelled));
    }
}
