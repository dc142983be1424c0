use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, write_json_string};
use oxmcp_proto::link::CallError;
use oxmcp_proto::methods::TASKS_EXTENSION;
use oxmcp_proto::model::{TaskParams, TaskStatus, UpdateTaskParams};
use oxmcp_proto::{Method, ProtocolVersion};
use serde::Deserialize;

use super::Tasks;
use super::form::Form;
use super::question::Answered;
use super::running::Running;
use super::store::not_kept;
use crate::ErrorKind;
use crate::related_task::with_related_task;
use crate::server::extensions::needs_extension;
use crate::server::incoming::{Incoming, invalid_params};
use crate::server::result::Own;
use crate::server::{Answer, Core, Outcome, Peer};
use crate::store::StoredTask;

impl Core {
    /// Answers a method of tasks.
    pub(in crate::server) fn answer_task(
        self: &Arc<Self>,
        method: Method,
        incoming: Incoming,
        peer: impl FnOnce() -> Arc<dyn Peer>,
    ) -> Answer {
        let Some(form) = Form::of(incoming.version).filter(|_| self.tasks.are_offered()) else {
            return Answer::Refused(ErrorObject::method_not_found(method.name()));
        };
        if form == Form::Extension && incoming.client.extension(TASKS_EXTENSION).is_none() {
            return Answer::Refused(needs_extension(TASKS_EXTENSION));
        }
        let core = self.clone();
        let answer: BoxFuture<'static, Outcome> = match method {
            Method::GetTask => Box::pin(async move { core.get_task(form, &incoming).await }),
            Method::UpdateTask => Box::pin(async move { core.update_task(&incoming).await }),
            Method::CancelTask => Box::pin(async move { core.cancel_task(form, &incoming).await }),
            Method::ListTasks => Box::pin(async move { core.list_tasks(form, &incoming).await }),
            Method::TaskResult => {
                let peer = peer();
                Box::pin(async move { core.task_result(&incoming, &*peer).await })
            }
            other => return Answer::Refused(ErrorObject::method_not_found(other.name())),
        };
        Answer::Later(answer)
    }

    async fn get_task(&self, form: Form, incoming: &Incoming) -> Outcome {
        let params: TaskParams = read(incoming)?;
        let task = self.find_task(&params.task_id, incoming).await?;
        Ok(self.detailed(form, incoming, &task))
    }

    /// How a task stands, as the result of a request.
    fn detailed(&self, form: Form, incoming: &Incoming, task: &StoredTask) -> RawJson {
        let mut result = Vec::with_capacity(512 + task.size());
        result.push(b'{');
        form.write_task(task, &mut result);
        form.write_details(task, &mut result);
        self.results.finish(incoming.version, &mut result, Own::default());
        RawJson::from_written(result)
    }

    async fn update_task(&self, incoming: &Incoming) -> Outcome {
        let params: UpdateTaskParams = read(incoming)?;
        let task = self.find_task(&params.task_id, incoming).await?;
        if let Some(running) = self.tasks.worked_on(&task.id) {
            for (key, answer) in params.input_responses {
                // Answers to what does not wait for one are ignored (SEP-2663, "Task Update Requests").
                running.answer(&key, Ok(answer));
            }
        } else if !task.status.is_terminal() {
            return Err(elsewhere());
        }
        Ok(self.acknowledged(incoming))
    }

    async fn cancel_task(&self, form: Form, incoming: &Incoming) -> Outcome {
        let params: TaskParams = read(incoming)?;
        let task = self.find_task(&params.task_id, incoming).await?;
        let running = self.tasks.worked_on(&task.id);
        let cancelled = running.as_ref().is_some_and(|running| running.cancel());
        match (form, running) {
            // An acknowledgement, whatever comes of it (SEP-2663, "Task Cancellation").
            (Form::Extension, _) => Ok(self.acknowledged(incoming)),
            (Form::Experimental, Some(running)) if cancelled => {
                Ok(self.detailed(form, incoming, &running.snapshot()))
            }
            (Form::Experimental, None) if !task.status.is_terminal() => Err(elsewhere()),
            (Form::Experimental, _) => {
                Err(ErrorObject::invalid_params("the task is over, and cannot be cancelled"))
            }
        }
    }

    fn acknowledged(&self, incoming: &Incoming) -> RawJson {
        let mut result = Vec::from(*b"{");
        self.results.finish(incoming.version, &mut result, Own::default());
        RawJson::from_written(result)
    }

    async fn list_tasks(&self, form: Form, incoming: &Incoming) -> Outcome {
        #[derive(Default, Deserialize)]
        struct Params {
            #[serde(default)]
            cursor: Option<String>,
        }
        let params: Params = read(incoming)?;
        // Whose tasks could not be told from those of others has none to list.
        let owner = incoming.owner().unwrap_or_default();
        let store = self.tasks.store(self.limits.store_wait);
        let page = store.list(&owner, params.cursor.as_deref(), self.page_size).await;
        let page = page.map_err(|error| match error.kind() {
            ErrorKind::Misuse => ErrorObject::invalid_params("invalid cursor"),
            _ => not_kept(&error),
        })?;
        let mut result = Vec::from(*br#"{"tasks":["#);
        for (at, task) in page.tasks.iter().enumerate() {
            if at > 0 {
                result.push(b',');
            }
            result.push(b'{');
            let running = self.tasks.worked_on(&task.id);
            form.write_task(running.map(|running| running.snapshot()).as_ref().unwrap_or(task), &mut result);
            result.push(b'}');
        }
        result.push(b']');
        if let Some(next) = &page.next {
            result.extend_from_slice(br#","nextCursor":"#);
            write_json_string(next, &mut result);
        }
        result.push(b'}');
        Ok(RawJson::from_written(result))
    }

    /// Waits for what comes of a task. Meanwhile the request carries the task's questions to its client (2025-11-25, tasks, "Input
    /// Required Status").
    async fn task_result(&self, incoming: &Incoming, peer: &dyn Peer) -> Outcome {
        let params: TaskParams = read(incoming)?;
        let mut task = self.find_task(&params.task_id, incoming).await?;
        if let Some(running) = self.tasks.worked_on(&task.id) {
            task = carry_questions(&running, peer).await;
        }
        match task.outcome {
            Some(Ok(result)) => Ok(with_related_task(&result, &task.id)),
            Some(Err(error)) => Err(error),
            None if task.status == TaskStatus::Cancelled => {
                Err(ErrorObject::invalid_params("the task was cancelled; nothing came of it"))
            }
            None => Err(elsewhere()),
        }
    }

    /// How a task stands.
    ///
    /// # Errors
    ///
    /// That there is no such task, also if it is another's.
    pub(super) async fn find_task(&self, id: &str, incoming: &Incoming) -> Result<StoredTask, ErrorObject> {
        let found = match self.tasks.worked_on(id) {
            Some(running) => Some(running.snapshot()),
            None => {
                let found = self.tasks.store(self.limits.store_wait).find(id).await;
                found.map_err(|error| not_kept(&error))?
            }
        };
        let owner = incoming.owner();
        found
            .filter(|task| task.owner.is_none() || task.owner == owner)
            .ok_or_else(|| ErrorObject::invalid_params("there is no such task, or its time is up"))
    }
}

/// Carries the questions of a task to its client until it is over. Those that no stream leads to it for are left to another request.
async fn carry_questions(running: &Arc<Running>, peer: &dyn Peer) -> StoredTask {
    let mut changes = running.changes();
    let mut asking = FuturesUnordered::new();
    let mut left: Vec<String> = Vec::new();
    loop {
        changes.mark_unchanged();
        let task = running.snapshot();
        if task.status.is_terminal() {
            return task;
        }
        let may = |key: &str| !left.iter().any(|left| left == key);
        let carried = running.carry(may).into_iter().map(|(key, method, params)| {
            let carried = Carried { running, key };
            let answer = peer.ask(method, with_related_task(&params, running.id()));
            carried.until(answer)
        });
        asking.extend(carried);
        tokio::select! {
            Some(unreached) = asking.next() => left.extend(unreached),
            changed = changes.changed() => {
                if changed.is_err() {
                    return running.snapshot();
                }
            }
        }
    }
}

/// A question on its way to the client. Dropping it leaves the question to the next request that waits for the result.
struct Carried<'a> {
    running: &'a Running,
    key: String,
}

impl Carried<'_> {
    /// Gives the question's key if it could not get to the client.
    async fn until(self, answer: BoxFuture<'static, Answered>) -> Option<String> {
        let answered = answer.await;
        if let Err(CallError::Closed(_)) = answered {
            return Some(self.key.clone());
        }
        self.running.answer(&self.key, answered);
        None
    }
}

impl Drop for Carried<'_> {
    fn drop(&mut self) {
        self.running.put_down(&self.key);
    }
}

impl Tasks {
    /// Writes what a server with tasks declares as a capability, in the revision that has it.
    pub(in crate::server) fn write_capability(&self, version: ProtocolVersion, out: &mut Vec<u8>) {
        if self.are_offered() && Form::of(version) == Some(Form::Experimental) {
            out.extend_from_slice(br#","tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}"#);
        }
    }

    /// The extension that a server with tasks declares, in the revisions that have it.
    pub(in crate::server) fn extension(&self, version: ProtocolVersion) -> Option<&'static str> {
        (self.are_offered() && Form::of(version) == Some(Form::Extension)).then_some(TASKS_EXTENSION)
    }

    pub(super) fn worked_on(&self, id: &str) -> Option<Arc<Running>> {
        self.at_work().find(id)
    }
}

fn read<T: for<'a> Deserialize<'a>>(incoming: &Incoming) -> Result<T, ErrorObject> {
    incoming.params().to().map_err(|error| invalid_params(&error))
}

fn elsewhere() -> ErrorObject {
    ErrorObject::internal("another process works on the task, or did when it ended")
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::time::{Duration, SystemTime};

    use futures_util::FutureExt;

    use super::*;

    /// A client that looks at the task while it is asked.
    struct Looks(Arc<Running>);

    impl Peer for Looks {
        fn notify(&self, _: Method, _: &[u8]) -> bool {
            true
        }

        fn tell(&self, _: Method, _: &[u8]) -> bool {
            true
        }

        fn ask(&self, _: Method, params: RawJson) -> BoxFuture<'static, Answered> {
            let status = self.0.snapshot().status;
            assert_eq!(status, TaskStatus::InputRequired);
            Box::pin(ready(Ok(params)))
        }
    }

    #[test]
    fn the_client_is_asked_while_nobody_has_the_task_locked() {
        let now = SystemTime::now();
        let task = StoredTask {
            id: "t".to_owned(),
            owner: None,
            status: TaskStatus::Working,
            message: None,
            created: now,
            updated: now,
            ttl: Duration::from_secs(60),
            poll_interval: Duration::from_secs(1),
            questions: None,
            outcome: None,
        };
        let running = Arc::new(Running::new(task, 4));
        let mut question = running.ask(Method::ListRoots, RawJson::empty_object(), "roots").boxed();
        assert!((&mut question).now_or_never().is_none());
        let looks = Looks(running.clone());
        assert!(carry_questions(&running, &looks).now_or_never().is_none());
        let answer = question.now_or_never().expect("it is answered").unwrap();
        assert!(answer.as_str().contains("related-task"), "{answer}");
    }
}
