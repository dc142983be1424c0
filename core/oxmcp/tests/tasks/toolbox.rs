//! A server whose tools may be tasks, and show what becomes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxmcp::server::{Arguments, Elicit, TaskMode, ToolError};
use oxmcp::{Context, ErrorObject, Server};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::{Notify, Semaphore};

#[derive(Deserialize, JsonSchema)]
struct Name {
    name: String,
}

#[derive(Clone, Default)]
pub(crate) struct Toolbox {
    /// Lets `gate` finish.
    pub(crate) gate: Arc<Gate>,
    dropped: Arc<AtomicUsize>,
    dropping: Arc<Notify>,
}

/// Lets as many through as it was told, now or later.
pub(crate) struct Gate(Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        self.0.add_permits(1);
    }

    pub(crate) async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

struct CountDrop(Toolbox);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
        self.0.dropping.notify_one();
    }
}

impl Toolbox {
    /// Waits until handlers of `gate` and `asking` were dropped or done so many times in all.
    pub(crate) async fn dropped(&self, times: usize) {
        while self.dropped.load(Ordering::SeqCst) < times {
            self.dropping.notified().await;
        }
    }

    pub(crate) fn server(&self) -> Server {
        let toolbox = self.clone();
        let gate = move |_: Arguments, context: Context| {
            let toolbox = toolbox.clone();
            async move {
                let gate = toolbox.gate.clone();
                let _counted = CountDrop(toolbox);
                context.progress(1.0, None, Some("at the gate"));
                gate.pass().await;
                "through the gate"
            }
        };
        let toolbox = self.clone();
        let asking = move |_: Arguments, context: Context| {
            let counted = CountDrop(toolbox.clone());
            async move {
                let _counted = counted;
                context.confirm("Really?").await?;
                Ok::<_, ToolError>("confirmed")
            }
        };
        Server::new("test", "1")
            .task_tool("asking", "Asks, and shows when it is gone.", TaskMode::optional(), asking)
            .tool("greet", "Never a task.", || async { "hello" })
            .task_tool("quick", "Never has to wait.", TaskMode::optional(), || async { "done" })
            .task_tool("gate", "Waits.", TaskMode::optional(), gate.clone())
            .task_tool("failing", "Fails.", TaskMode::required(), || async {
                tokio::task::yield_now().await;
                Err::<String, _>(ToolError::failed("no luck"))
            })
            .task_tool("broken", "Breaks the request.", TaskMode::optional(), || async {
                tokio::task::yield_now().await;
                Err::<String, _>(ToolError::Rpc(ErrorObject::internal("it broke")))
            })
            .task_tool("panic", "Panics.", TaskMode::optional(), || async {
                tokio::task::yield_now().await;
                if true { panic!("secret words") } else { "never" }
            })
            .task_tool(
                "confirm",
                "Asks once.",
                TaskMode::optional(),
                |_: Arguments, context: Context| async move {
                    context.confirm("Really?").await?;
                    Ok::<_, ToolError>("confirmed")
                },
            )
            .task_tool(
                "names",
                "Asks two things at once.",
                TaskMode::optional(),
                |_: Arguments, context: Context| async move {
                    let ask = |key: &str| {
                        context.elicit(Elicit::<Name>::form(format!("Your {key} name?")).key(key))
                    };
                    let (first, last) = tokio::try_join!(ask("first"), ask("last"))?;
                    Ok::<_, ToolError>(format!("{} {}", first.accepted()?.name, last.accepted()?.name))
                },
            )
            .task_tool(
                "composed",
                "Asks before it is a task and after.",
                TaskMode::required().when_asked(),
                |_: Arguments, context: Context| async move {
                    let before =
                        context.elicit(Elicit::<Name>::form("Your name?").key("name")).await?.accepted()?;
                    let counted: u32 = context.step("count", || async { 1 }).await?;
                    context.continue_as_task().await;
                    let counted: u32 = context.step("again", || async { counted + 1 }).await?;
                    let after =
                        context.elicit(Elicit::<Name>::form("Your dog's?").key("name")).await?.accepted()?;
                    Ok::<_, ToolError>(format!("{} and {}, {counted}", before.name, after.name))
                },
            )
            .task_tool("later", "Waits, then is a task.", TaskMode::required().when_asked(), {
                let gate = self.gate.clone();
                move |_: Arguments, context: Context| {
                    let gate = gate.clone();
                    async move {
                        tokio::task::yield_now().await;
                        let is_task = context.continue_as_task().await;
                        gate.pass().await;
                        format!("a task: {is_task}")
                    }
                }
            })
    }
}
