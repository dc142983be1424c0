use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, codes};
use oxmcp_proto::model::tasks_2025_11_25::{CreateTaskResult, GetTaskResult, ListTasksResult, Task};
use oxmcp_proto::model::{Extra, TaskMetadata, TaskParams, TaskStatus};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Limits;
use crate::client::Client;
use crate::client::inbound::Input;
use crate::related_task::with_related_task;
use crate::server::{Answer, Outcome};
use crate::timestamp::iso8601;

/// The shortest life that a server may ask of a task.
const SHORTEST_TTL: Duration = Duration::from_secs(1);

/// As long as a clock can say: a hundred years.
const LONGEST_TTL: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The requests of a server that this client runs as tasks (2025-11-25): those for sampling and elicitation.
pub(in crate::client) struct Hosted {
    tasks: Mutex<Vec<Arc<HostedTask>>>,
    max: usize,
    ttl: Duration,
    ttl_max: Duration,
    poll: Duration,
}

impl Hosted {
    pub(in crate::client) fn new(limits: &Limits) -> Self {
        Self {
            tasks: Mutex::default(),
            max: limits.tasks,
            ttl: limits.task_ttl,
            ttl_max: limits.task_ttl_max.max(SHORTEST_TTL),
            poll: limits.task_poll,
        }
    }

    /// Makes input a task, and gives what the server hears of that. The work on it ends with the task's time or with the client.
    ///
    /// # Errors
    ///
    /// The answer to the request, if there are too many tasks.
    pub(in crate::client) fn create(
        &self,
        wanted: TaskMetadata,
        method: Method,
        input: Input,
        client: &Client,
    ) -> Outcome {
        let ttl =
            wanted.ttl.map_or(self.ttl, |ttl| Duration::from_millis(ttl).clamp(SHORTEST_TTL, self.ttl_max));
        let ttl = ttl.min(LONGEST_TTL);
        let now = SystemTime::now();
        let begun = Stands { status: TaskStatus::Working, updated: now, outcome: None };
        let task = Arc::new(HostedTask {
            id: Uuid::new_v4().simple().to_string(),
            created: now,
            ttl,
            poll: self.poll,
            due: Instant::now() + ttl,
            stands: watch::Sender::new(begun),
        });
        self.forget_old();
        {
            let mut tasks = self.tasks();
            if tasks.len() >= self.max {
                return Err(ErrorObject::internal("the client has as many tasks as it can; try again later"));
            }
            tasks.push(task.clone());
        }
        let created = CreateTaskResult { task: task.shown(), meta: None, extra: Extra::new() };
        tokio::spawn(task.clone().work(method, input, client.without_handle()));
        written(&created).map(|created| with_related_task(&created, &task.id))
    }

    /// Answers a method of tasks.
    pub(in crate::client) fn answer(&self, method: Method, params: &RawJson) -> Answer {
        if method == Method::ListTasks {
            self.forget_old();
            let tasks = self.tasks().iter().map(|task| task.shown()).collect();
            return Answer::Ready(written(&ListTasksResult { tasks, ..ListTasksResult::default() }));
        }
        let task = match self.find(params) {
            Ok(task) => task,
            Err(error) => return Answer::Ready(Err(error)),
        };
        match method {
            Method::GetTask => Answer::Ready(task.detailed()),
            Method::CancelTask if task.end(TaskStatus::Cancelled, None) => Answer::Ready(task.detailed()),
            Method::CancelTask => {
                Answer::Ready(Err(ErrorObject::invalid_params("the task is over, and cannot be cancelled")))
            }
            Method::TaskResult => Answer::Later(async move { task.result().await }.boxed()),
            other => Answer::Refused(ErrorObject::method_not_found(other.name())),
        }
    }

    fn find(&self, params: &RawJson) -> Result<Arc<HostedTask>, ErrorObject> {
        let params: TaskParams = params
            .to()
            .map_err(|error| ErrorObject::new(codes::INVALID_PARAMS, format!("invalid params: {error}")))?;
        self.forget_old();
        let found = self.tasks().iter().find(|task| task.id == params.task_id).cloned();
        found.ok_or_else(|| ErrorObject::invalid_params("there is no such task, or its time is up"))
    }

    /// Forgets the tasks whose time is up.
    fn forget_old(&self) {
        let now = Instant::now();
        // What one held is dropped when nobody looks at the tasks.
        let _old: Vec<_> = self.tasks().extract_if(.., |task| task.due <= now).collect();
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<Arc<HostedTask>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that became a task.
struct HostedTask {
    id: String,
    created: SystemTime,
    ttl: Duration,
    poll: Duration,
    /// When it is forgotten, whatever became of it.
    due: Instant,
    stands: watch::Sender<Stands>,
}

/// How it stands.
struct Stands {
    status: TaskStatus,
    updated: SystemTime,
    outcome: Option<Outcome>,
}

impl HostedTask {
    /// Waits for the input, as long as somebody may want it.
    async fn work(self: Arc<Self>, method: Method, input: Input, client: Client) {
        let outcome = tokio::select! {
            outcome = input => outcome.map_err(|error| error.into_rpc(method)),
            () = self.over() => return,
            () = client.closed() => {
                self.end(TaskStatus::Cancelled, None);
                return;
            }
            () = tokio::time::sleep_until(self.due) => Err(ErrorObject::internal("the task's time was up")),
        };
        let status = if outcome.is_ok() { TaskStatus::Completed } else { TaskStatus::Failed };
        if self.end(status, Some(outcome))
            && let Ok(task) = RawJson::of(&self.shown())
        {
            client.tell(Method::TaskStatus.into(), task);
        }
    }

    /// False if it was over before.
    fn end(&self, status: TaskStatus, outcome: Option<Outcome>) -> bool {
        self.stands.send_if_modified(|stands| {
            let goes_on = !stands.status.is_terminal();
            if goes_on {
                *stands = Stands { status, updated: SystemTime::now(), outcome };
            }
            goes_on
        })
    }

    async fn over(&self) {
        // Its sender is this task's own.
        let _ = self.stands.subscribe().wait_for(|stands| stands.status.is_terminal()).await;
    }

    async fn result(&self) -> Outcome {
        self.over().await;
        match &self.stands.borrow().outcome {
            Some(Ok(result)) => Ok(with_related_task(result, &self.id)),
            Some(Err(error)) => Err(error.clone()),
            None => Err(ErrorObject::invalid_params("the task was cancelled; nothing came of it")),
        }
    }

    fn detailed(&self) -> Outcome {
        written(&GetTaskResult { task: self.shown(), meta: None })
    }

    fn shown(&self) -> Task {
        let stands = self.stands.borrow();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Task {
            task_id: self.id.clone(),
            status: stands.status,
            status_message: match &stands.outcome {
                Some(Err(error)) => Some(error.message.clone()),
                _ => None,
            },
            created_at: iso8601(self.created),
            last_updated_at: iso8601(stands.updated),
            ttl: Some(millis(self.ttl)),
            poll_interval: Some(millis(self.poll).max(1)),
            extra: Extra::new(),
        }
    }
}

fn written(result: &impl Serialize) -> Outcome {
    RawJson::of(result).map_err(|error| ErrorObject::internal(error.to_string()))
}
