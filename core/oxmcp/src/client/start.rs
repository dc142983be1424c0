use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::link::{CallError, CallId};
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::call::{Interim, Looked};
use super::stream::StreamChannel;
use super::{Call, Channel, Client};
use crate::connection::{Connection, Done, Waiter};
use crate::{Result, clock};

/// Started calls of a stream that go on in a task, because the server needs input for them.
#[derive(Clone, Default)]
pub(super) struct Resumed(Arc<Table>);

#[derive(Default)]
struct Table {
    next_key: AtomicU64,
    tasks: Mutex<FxHashMap<u64, AbortHandle>>,
}

impl Resumed {
    fn tasks(&self) -> MutexGuard<'_, FxHashMap<u64, AbortHandle>> {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self, key: u64) -> bool {
        let task = self.tasks().remove(&key);
        task.is_some_and(|task| {
            task.abort();
            true
        })
    }
}

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
        let mut done = SettleOnDrop(Some(done));
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
        let params = match self.check(&call) {
            Ok(params) => params,
            Err(error) => {
                done(Err(error));
                return Started(StartedIn::Settled);
            }
        };
        let kept = self.inner.cache.key(&call);
        if let Some(result) = self.kept(&call, kept.as_ref()) {
            done(Ok(result));
            return Started(StartedIn::Settled);
        }
        let key = stream.resumed.0.next_key.fetch_add(1, Ordering::Relaxed);
        // The client lives as long as its calls.
        let (client, again, started) = (self.clone(), call.clone(), clock::now());
        let callback = move |outcome: Result<RawJson, CallError>| {
            let looked = match outcome {
                Ok(result) => client.look(&again, result),
                Err(error) => Err(client.refused(kept.as_ref(), error.into())),
            };
            match looked {
                Ok(Looked::Complete(result)) => done(Ok(client.keep(kept, result))),
                Ok(Looked::Interim(interim)) => client.go_on(key, again, started, interim, done),
                Err(error) => done(Err(error)),
            }
        };
        let waiter = Waiter { done: Done::Callback(Box::new(callback)), progress: call.progress.clone() };
        let made = self.send_over_stream(&stream.connection, &call, &params, waiter);
        Started(match made {
            Some(call) => StartedIn::Stream {
                connection: stream.connection.clone(),
                call,
                resumed: stream.resumed.clone(),
                key,
            },
            None => StartedIn::Settled,
        })
    }

    /// Goes on with a started call in a task.
    fn go_on(
        &self,
        key: u64,
        call: Call,
        started: Instant,
        interim: Interim,
        done: impl FnOnce(Result<RawJson>) + Send + 'static,
    ) {
        let Channel::Stream(stream) = &self.inner.channel else { return };
        let (client, resumed) = (self.clone(), stream.resumed.clone());
        let mut done = SettleOnDrop(Some(done));
        // Locked until the task is in the table, so that it cannot end before.
        let mut tasks = stream.resumed.tasks();
        let task = stream.runtime.spawn(async move {
            let outcome = client.resume(call, started, interim).await;
            resumed.tasks().remove(&key);
            done.settle(outcome);
        });
        tasks.insert(key, task.abort_handle());
    }
}

/// A call under way, to cancel. Dropping it lets the call go on.
#[derive(Debug)]
pub struct Started(StartedIn);

enum StartedIn {
    Settled,
    Stream { connection: Connection, call: CallId, resumed: Resumed, key: u64 },
    Task(AbortHandle),
}

impl Started {
    /// Cancels the call: it settles with [`Cancelled`](crate::ErrorKind::Cancelled), the server is told. False when it has settled already.
    pub fn cancel(&self) -> bool {
        match &self.0 {
            StartedIn::Settled => false,
            StartedIn::Stream { connection, call, resumed, key } => {
                connection.cancel(*call, "the caller cancelled") || resumed.cancel(*key)
            }
            StartedIn::Task(task) => {
                let running = !task.is_finished();
                task.abort();
                running
            }
        }
    }
}

impl fmt::Debug for StartedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settled => "Settled",
            Self::Stream { .. } => "Stream",
            Self::Task(_) => "Task",
        })
    }
}

/// Settles a call whose task is aborted.
struct SettleOnDrop<F: FnOnce(Result<RawJson>)>(Option<F>);

impl<F: FnOnce(Result<RawJson>)> SettleOnDrop<F> {
    fn settle(&mut self, outcome: Result<RawJson>) {
        if let Some(done) = self.0.take() {
            done(outcome);
        }
    }
}

impl<F: FnOnce(Result<RawJson>)> Drop for SettleOnDrop<F> {
    fn drop(&mut self) {
        self.settle(Err(CallError::Cancelled.into()));
    }
}
