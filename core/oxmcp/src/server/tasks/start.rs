use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, codes};
use oxmcp_proto::methods::TASKS_EXTENSION;
use oxmcp_proto::model::{TaskMetadata, TaskStatus};
use serde_json::value::RawValue;
use tokio::time::Instant;
use uuid::Uuid;

use super::draft::Draft;
use super::drive::Place;
use super::form::Form;
use super::running::Running;
use super::status::tell_status;
use super::{Slot, TaskMode};
use crate::related_task::with_related_task;
use crate::server::extensions::needs_extension;
use crate::server::incoming::{Incoming, invalid_params};
use crate::server::result::Own;
use crate::server::{Core, Outcome, Peer};
use crate::store::StoredTask;

/// The shortest life that a client may ask of a task.
const SHORTEST_TTL: Duration = Duration::from_secs(1);

/// As long as a clock can say: a hundred years.
const LONGEST_TTL: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How a call becomes a task.
pub(in crate::server) struct Start {
    form: Form,
    mode: TaskMode,
    owner: Option<String>,
    /// How long its client wants it to be kept (2025-11-25).
    ttl: Option<Duration>,
    version: oxmcp_proto::ProtocolVersion,
}

impl Core {
    /// Whether a call of a tool may become a task. `None` is an ordinary call.
    ///
    /// # Errors
    ///
    /// The answer to the call, if it has to be a task and cannot, or the other way round.
    pub(in crate::server) fn may_be_task(
        &self,
        mode: Option<TaskMode>,
        task: Option<&RawValue>,
        incoming: &Incoming,
    ) -> Result<Option<Start>, ErrorObject> {
        let form = Form::of(incoming.version);
        let asks = form == Some(Form::Experimental) && task.is_some_and(|task| task.get() != "null");
        let Some(mode) = mode else {
            // Who declares no tasks ignores that one is wanted (2025-11-25, tasks, "Task Support and Handling").
            return if asks && self.tasks.are_offered() {
                Err(ErrorObject::new(codes::METHOD_NOT_FOUND, "this tool does not run as a task"))
            } else {
                Ok(None)
            };
        };
        let starts = match form {
            Some(Form::Extension) => incoming.client.extension(TASKS_EXTENSION).is_some(),
            Some(Form::Experimental) => asks,
            None => false,
        };
        let Some(form) = form.filter(|_| starts) else {
            return match form {
                _ if !mode.required => Ok(None),
                Some(Form::Extension) => Err(needs_extension(TASKS_EXTENSION)),
                _ => Err(ErrorObject::new(
                    codes::METHOD_NOT_FOUND,
                    "this tool runs only as a task: its call needs `task`",
                )),
            };
        };
        let ttl = match task.filter(|_| asks) {
            Some(task) => {
                let task: TaskMetadata =
                    serde_json::from_str(task.get()).map_err(|error| invalid_params(&error))?;
                task.ttl.map(Duration::from_millis)
            }
            None => None,
        };
        Ok(Some(Start { form, mode, owner: incoming.owner(), ttl, version: incoming.version }))
    }

    /// Does the work of a call, as a task as soon as it may be one. In a session, `peer` hears how the task stands.
    pub(in crate::server) async fn run_as_task(
        self: Arc<Self>,
        start: Start,
        slot: Arc<Slot>,
        mut work: BoxFuture<'static, Outcome>,
        peer: Arc<dyn Peer>,
    ) -> Outcome {
        let waits = start.mode.when_asked && start.form == Form::Extension;
        if waits && let Some(outcome) = until_asked(&slot, &mut work).await {
            return outcome;
        }
        let must = start.mode.required || start.form == Form::Experimental;
        let Some(place) = Place::take(&self.tasks, &self.limits, self.new_task(&start)) else {
            if must {
                return Err(ErrorObject::internal(
                    "the server works on as many tasks as it can; try again later",
                ));
            }
            slot.refuse();
            return work.await;
        };
        // A client that did not ask for a task needs none for what never has to wait.
        let may_be_done = !waits && start.form == Form::Extension;
        // Work whose answer has to be a task is not begun before that can be.
        if may_be_done && !must {
            slot.try_on(place.running.clone());
            if let Poll::Ready(outcome) = poll_once(&mut work).await {
                return outcome;
            }
        }
        let mut draft = Draft::new(place);
        let task = match draft.create().await {
            Ok(task) => task,
            Err(error) if must => {
                tracing::error!(%error, "a task could not be kept");
                return Err(ErrorObject::internal(format!("the server cannot keep another task: {error}")));
            }
            Err(error) => {
                tracing::warn!(%error, "a task could not be kept; its call stays an ordinary one");
                // In this order: what the handler asked of the task, it asks of the call when the task is gone.
                slot.refuse();
                drop(draft);
                return work.await;
            }
        };
        let due = Instant::now() + task.ttl;
        slot.begin(draft.running());
        if may_be_done
            && must
            && let Poll::Ready(outcome) = poll_once(&mut work).await
        {
            draft.take_back().await;
            return outcome;
        }
        let place = draft.publish();
        let created = self.created(&start, &task);
        match start.form {
            Form::Extension => drop(tokio::spawn(place.work(work, start.form, due))),
            Form::Experimental => {
                let telling = tell_status(place.running.clone(), peer);
                tokio::spawn(async move { tokio::join!(place.work(work, start.form, due), telling) });
            }
        }
        Ok(created)
    }

    fn new_task(&self, start: &Start) -> Running {
        let now = SystemTime::now();
        let ttl = match start.ttl {
            Some(ttl) => ttl.clamp(SHORTEST_TTL, self.limits.task_ttl_max.max(SHORTEST_TTL)),
            None => self.limits.task_ttl,
        };
        let ttl = ttl.min(LONGEST_TTL);
        let task = StoredTask {
            id: Uuid::new_v4().simple().to_string(),
            owner: start.owner.clone(),
            status: TaskStatus::Working,
            message: None,
            created: now,
            updated: now,
            ttl,
            poll_interval: self.limits.task_poll,
            questions: None,
            outcome: None,
        };
        Running::new(task, self.limits.inputs)
    }

    /// The result that says that the call goes on as a task.
    fn created(&self, start: &Start, task: &StoredTask) -> RawJson {
        let mut result = Vec::with_capacity(512);
        match start.form {
            Form::Extension => {
                result.extend_from_slice(br#"{"resultType":"task","#);
                start.form.write_task(task, &mut result);
                self.results.finish(start.version, &mut result, Own { result_type: true, meta: false });
                RawJson::from_written(result)
            }
            Form::Experimental => {
                result.extend_from_slice(br#"{"task":{"#);
                start.form.write_task(task, &mut result);
                result.extend_from_slice(b"}}");
                with_related_task(&RawJson::from_written(result), &task.id)
            }
        }
    }
}

impl Incoming {
    /// Who alone may see the tasks that this request makes, or asks for. `None` is whoever knows a task's id.
    pub(super) fn owner(&self) -> Option<String> {
        match self.client.session() {
            Some(session) => Some(session.owner()),
            None => self.principal().map(|principal| format!("principal {principal}")),
        }
    }
}

/// Does the work until the handler wants to be a task, or all of it: then this is the outcome.
async fn until_asked(slot: &Slot, work: &mut BoxFuture<'static, Outcome>) -> Option<Outcome> {
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending if slot.is_asked() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

async fn poll_once(work: &mut BoxFuture<'static, Outcome>) -> Poll<Outcome> {
    poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await
}
