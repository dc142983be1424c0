//! What a store of tasks does, it does to nobody but itself; and nothing stays in it that nobody knows.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use oxmcp::server::{Arguments, TaskMode, ToolError};
use oxmcp::store::{MemoryTasks, StoredTask, TaskPage, TaskStore};
use oxmcp::{Context, ErrorObject, Limits, Result};
use serde_json::json;
use tokio::sync::Notify;

use crate::peer::Peer;
use crate::toolbox::{Gate, Toolbox};

/// A store that does what it should not, once it is told to.
#[derive(Clone, Default)]
struct Unruly {
    tasks: Arc<MemoryTasks>,
    refuses: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
}

impl Unruly {
    fn obey<'a, T: Send + 'a>(
        &'a self,
        call: impl FnOnce(&'a MemoryTasks) -> BoxFuture<'a, T>,
    ) -> BoxFuture<'a, T> {
        assert!(!self.panics.load(Ordering::SeqCst), "on purpose");
        if self.hangs.load(Ordering::SeqCst) {
            return Box::pin(pending());
        }
        call(&self.tasks)
    }
}

impl TaskStore for Unruly {
    fn create(&self, task: StoredTask) -> BoxFuture<'_, Result<()>> {
        if self.refuses.load(Ordering::SeqCst) {
            return Box::pin(async { Err(ErrorObject::internal("on purpose").into()) });
        }
        self.obey(|tasks| tasks.create(task))
    }

    fn update(&self, task: StoredTask) -> BoxFuture<'_, Result<()>> {
        self.obey(|tasks| tasks.update(task))
    }

    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<StoredTask>>> {
        self.obey(|tasks| tasks.find(id))
    }

    fn list<'a>(
        &'a self,
        owner: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<TaskPage>> {
        self.obey(|tasks| tasks.list(owner, cursor, limit))
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        self.obey(|tasks| tasks.remove(id))
    }
}

/// A store that goes on to keep a task although nobody waits for it any more.
#[derive(Clone, Default)]
struct Slow {
    tasks: Arc<MemoryTasks>,
    /// The tasks that it was asked to keep.
    asked: Arc<Mutex<Vec<String>>>,
    asking: Arc<Notify>,
    /// Lets it keep one.
    gate: Arc<Gate>,
    /// Whether it keeps them at once, and never says so.
    is_mute: bool,
    removed: Arc<Notify>,
}

impl Slow {
    /// Whether it has none of the tasks that it was asked to keep.
    async fn is_empty(&self) -> bool {
        let asked = self.asked.lock().unwrap().clone();
        for id in &asked {
            if self.tasks.find(id).await.unwrap().is_some() {
                return false;
            }
        }
        !asked.is_empty()
    }
}

impl TaskStore for Slow {
    fn create(&self, task: StoredTask) -> BoxFuture<'_, Result<()>> {
        self.asked.lock().unwrap().push(task.id.clone());
        self.asking.notify_one();
        if self.is_mute {
            return Box::pin(self.tasks.create(task).then(|_| pending()));
        }
        let store = self.clone();
        let keeping = tokio::spawn(async move {
            store.gate.pass().await;
            store.tasks.create(task).await
        });
        Box::pin(async { keeping.await.unwrap() })
    }

    fn update(&self, task: StoredTask) -> BoxFuture<'_, Result<()>> {
        self.tasks.update(task)
    }

    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<StoredTask>>> {
        self.tasks.find(id)
    }

    fn list<'a>(
        &'a self,
        owner: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<TaskPage>> {
        self.tasks.list(owner, cursor, limit)
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        let removed = self.tasks.remove(id);
        Box::pin(removed.inspect(|_| self.removed.notify_one()))
    }
}

fn told(flag: &AtomicBool) {
    flag.store(true, Ordering::SeqCst);
}

#[tokio::test]
async fn a_call_that_cannot_be_kept_as_a_task_stays_a_call() {
    let (toolbox, store) = (Toolbox::default(), Unruly::default());
    told(&store.refuses);
    let server = toolbox.server().task_store(store).task_tool(
        "continues",
        "Says whether it is a task.",
        TaskMode::optional(),
        |_: Arguments, context: Context| async move {
            let is_task = context.continue_as_task().await;
            Ok::<_, ToolError>(format!("{is_task}, {}", context.task_id().is_some()))
        },
    );
    let mut peer = Peer::with_tasks(&server);
    toolbox.gate.open();
    let result = peer.call("gate").await;
    assert_eq!(
        (&result["resultType"], &result["content"][0]["text"]),
        (&json!("complete"), &json!("through the gate"))
    );
    assert_eq!(peer.call("continues").await["content"][0]["text"], "false, false");
    // What it asked as a task it asks as a call.
    let required = peer.call("confirm").await;
    assert_eq!(required["resultType"], "input_required", "{required}");
    let [(key, _)] = &required["inputRequests"].as_object().unwrap().iter().collect::<Vec<_>>()[..] else {
        panic!("{required}")
    };
    let answers = json!({*key: {"action": "accept", "content": {"confirm": true}}});
    let again = json!({"name": "confirm", "arguments": {}, "requestState": required["requestState"], "inputResponses": answers});
    assert_eq!(peer.result("tools/call", again).await["content"][0]["text"], "confirmed");
    // What has to be a task does nothing.
    assert_eq!(peer.error("tools/call", json!({"name": "failing", "arguments": {}})).await["code"], -32603);
}

#[tokio::test]
async fn work_goes_on_and_is_cancelled_while_the_store_hangs() {
    let (toolbox, store) = (Toolbox::default(), Unruly::default());
    let limits = Limits::with(|it| it.store_wait = Duration::from_millis(20));
    let mut peer = Peer::with_tasks(&toolbox.server().task_store(store.clone()).limits(limits));
    assert_eq!(peer.call("gate").await["resultType"], "task");
    let asking = peer.call("asking").await["taskId"].take();
    told(&store.hangs);
    peer.result("tasks/cancel", json!({"taskId": asking})).await;
    toolbox.dropped(1).await;
    toolbox.gate.open();
    toolbox.dropped(2).await;
    assert_eq!(peer.error("tasks/get", json!({"taskId": "x"})).await["code"], -32603);
    toolbox.gate.open();
    assert_eq!(peer.call("gate").await["resultType"], "complete");
}

#[tokio::test]
async fn a_store_that_panics_costs_nobody_the_connection() {
    let (toolbox, store) = (Toolbox::default(), Unruly::default());
    told(&store.panics);
    let server = toolbox.server().task_store(store);
    let mut peer = Peer::with_tasks(&server);
    assert_eq!(peer.error("tasks/get", json!({"taskId": "x"})).await["code"], -32603);
    toolbox.gate.open();
    assert_eq!(peer.call("gate").await["resultType"], "complete");
    assert_eq!(peer.call("greet").await["content"][0]["text"], "hello");
}

#[tokio::test]
async fn what_a_session_has_made_goes_with_it() {
    let (toolbox, store) = (Toolbox::default(), Unruly::default());
    let server = toolbox.server().task_store(store.clone());
    let (mut peer, _) = Peer::in_session(&server, "2025-11-25").await;
    let call = |tool: &str| json!({"name": tool, "arguments": {}, "task": {}});
    let mut create = async |tool: &str| peer.result("tools/call", call(tool)).await["task"]["taskId"].take();
    let (done, working) = (create("failing").await, create("gate").await);
    peer.until(&done, &["failed"]).await;
    let of_others = Peer::with_tasks(&server).call("asking").await["taskId"].take();
    drop(peer);
    toolbox.dropped(1).await;
    for id in [done, working] {
        while store.tasks.find(id.as_str().unwrap()).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    }
    assert!(store.tasks.find(of_others.as_str().unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_call_that_is_given_up_while_it_becomes_a_task_leaves_none() {
    let (toolbox, store) = (Toolbox::default(), Slow::default());
    // The one task that it may have.
    let limits = Limits::with(|it| it.client_tasks = 1);
    let server = toolbox.server().task_store(store.clone()).limits(limits);
    let mut peer = Peer::with_tasks(&server);
    let call = json!({"name": "gate", "arguments": {}});
    let id = peer.send("tools/call", call).await;
    store.asking.notified().await;
    let cancelled = json!({"requestId": id});
    peer.write(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})).await;
    toolbox.dropped(1).await;
    // Until it is gone, no other may begin.
    assert_eq!(peer.error("tools/call", json!({"name": "failing", "arguments": {}})).await["code"], -32603);
    store.gate.open();
    store.removed.notified().await;
    assert!(store.is_empty().await);
}

#[tokio::test]
async fn a_task_that_a_store_keeps_without_a_word_does_not_stay() {
    let (toolbox, store) = (Toolbox::default(), Slow { is_mute: true, ..Slow::default() });
    let limits = Limits::with(|it| it.store_wait = Duration::from_millis(20));
    let mut peer = Peer::with_tasks(&toolbox.server().task_store(store.clone()).limits(limits));
    let id = peer.send("tools/call", json!({"name": "gate", "arguments": {}})).await;
    store.asking.notified().await;
    toolbox.gate.open();
    assert_eq!(peer.answer(id).await["result"]["resultType"], "complete");
    store.removed.notified().await;
    assert!(store.is_empty().await);
}

/// A store whose pages go round and round. Dropping it tells.
struct Endless {
    tasks: MemoryTasks,
    dropped: Arc<Notify>,
}

impl TaskStore for Endless {
    fn create(&self, task: StoredTask) -> BoxFuture<'_, Result<()>> {
        self.tasks.create(task)
    }

    fn update(&self, task: StoredTask) -> BoxFuture<'_, Result<()>> {
        self.tasks.update(task)
    }

    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<StoredTask>>> {
        self.tasks.find(id)
    }

    fn list<'a>(
        &'a self,
        owner: &'a str,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<TaskPage>> {
        let next = if cursor == Some("there") { "and back" } else { "there" };
        let page = self.tasks.list(owner, None, limit);
        Box::pin(page.map(|page| Ok(TaskPage { next: Some(next.to_owned()), ..page? })))
    }

    fn remove<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.dropped.notify_one();
    }
}

#[tokio::test]
async fn the_end_of_a_session_comes_to_an_end() {
    let (toolbox, dropped) = (Toolbox::default(), Arc::<Notify>::default());
    let store = Endless { tasks: MemoryTasks::default(), dropped: dropped.clone() };
    let server = toolbox.server().task_store(store);
    let (mut peer, _) = Peer::in_session(&server, "2025-11-25").await;
    let call = json!({"name": "gate", "arguments": {}, "task": {}});
    assert_eq!(peer.result("tools/call", call).await["task"]["status"], "working");
    drop((peer, server));
    dropped.notified().await;
}

#[tokio::test]
async fn one_client_cannot_have_all_tasks() {
    let toolbox = Toolbox::default();
    let server = toolbox.server().limits(Limits::with(|it| it.client_tasks = 1));
    let (mut greedy, _) = Peer::in_session(&server, "2025-11-25").await;
    let call = json!({"name": "gate", "arguments": {}, "task": {}});
    greedy.result("tools/call", call.clone()).await;
    assert_eq!(greedy.error("tools/call", call.clone()).await["code"], -32603);
    let (mut other, _) = Peer::in_session(&server, "2025-11-25").await;
    let task = other.result("tools/call", call).await["task"].take();
    assert_eq!(task["status"], "working");
    // And it has room again when its task is over.
    drop(greedy);
    toolbox.gate.open();
    other.until(&task["taskId"], &["completed"]).await;
    let call = json!({"name": "gate", "arguments": {}, "task": {}});
    assert_eq!(other.result("tools/call", call).await["task"]["status"], "working");
}
